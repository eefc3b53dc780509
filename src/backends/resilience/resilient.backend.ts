import { type Awaitable, isPromise } from '../../core/awaitable.js';
import { assertCharge } from '../../core/charge-checks.js';
import { type Charge, isMonitored, type Outcome, type Receipt, type TakenCharge } from '../../core/decision.js';
import { Emitter } from '../../core/emitter.js';
import type { FailureMode, OnError, Policy } from '../../core/policy.js';
import { receiptOf } from '../../core/receipt.js';
import type { Strategy } from '../../strategies/strategy.js';
import type { Backend, Target } from '../backend.js';
import { BackendError, failureIn } from '../backend-error.js';
import type { BackendEvent } from '../backend-events.js';
import { BackendLayer } from '../backend-layer.js';
import type { BlockStore } from '../blocks/block-store.js';
import type { HoldStore } from '../hold-store.js';
import type { DecideMode } from '../remote-store.js';
import { assertSettlement } from '../settlement.js';
import { UnitReturns } from '../unit-returns.js';
import type { FailureDomain } from './failure-domain.js';
import { FailureDomainTable } from './failure-domain-table.js';
import { LocalCounters } from './fallback/local-counters.js';
import { NotedBlocks } from './fallback/noted-blocks.js';
import { PolicyShares } from './fallback/policy-shares.js';
import { ResilientHolds } from './holds/resilient-holds.js';

const BREAKER_OPEN = new BackendError('UNAVAILABLE', 'The circuit breaker is open');

/** Milliseconds after which a check that failed at startup is repeated. */
const CHECK_INTERVAL_MS = 1000;

/** From the most lenient to the strictest. */
const STRICTNESS: readonly FailureMode[] = ['allow', 'local', 'deny'];

/**
 * A layer over a remote backend that always has an answer: when a call fails, the `onError` of its policies decides.
 * After five consecutive failures a circuit breaker opens, and the backend is only probed, once a second, until it
 * answers. Each failure domain of the backend, such as a master of a Redis Cluster, has a breaker of its own: calls on
 * the others go on. A call on several domains is decided by its `onError` as a whole if one of them is unavailable.
 * Errors of the configuration, of the caller and of code are rethrown: they are no outage.
 */
export class ResilientBackend extends BackendLayer {
  declare readonly holds?: HoldStore;
  declare readonly blocks?: BlockStore;
  readonly #events = new Emitter<BackendEvent>();
  readonly #domains = new FailureDomainTable(this, this.#events);
  readonly #shares: PolicyShares;
  readonly #local: LocalCounters;
  readonly #returns: UnitReturns;
  /** Set once a check at startup has failed, until a breaker opens. */
  #nextCheck: NodeJS.Timeout | undefined;
  #isClosed = false;

  declare readonly credit?: (charges: readonly TakenCharge[]) => Awaitable<void>;

  /** @param onError the default for policies without `onError` */
  constructor(backend: Backend, onError: OnError) {
    // Units are leased below this layer.
    super(backend, { lease: false });
    this.#shares = new PolicyShares(onError);
    this.#local = new LocalCounters(this.clock, this.#shares);
    this.#returns = new UnitReturns(backend);
    this.#events.listen(({ type }) => type === 'recovered' && this.#local.recovered());
    // From then on the breaker tells when the backend answers again.
    this.#events.listen(({ type }) => type === 'degraded' && this.#stopChecks());
    if (backend.credit !== undefined) this.credit = (charges) => this.#credit(charges);
    if (backend.blocks !== undefined) this.blocks = new NotedBlocks(backend.blocks, this.#local);
    if (backend.holds !== undefined) this.holds = this.#resilientHolds(backend.holds);
    backend.listen?.((event) => this.#events.emit(event));
  }

  override get remote(): boolean {
    return true;
  }

  /** Milliseconds until what is unavailable is probed again; 0 while all of the backend is in use. */
  get retryAfterMs(): number {
    return this.#domains.retryAfterMs;
  }

  /** Calls, refunds and resets that failed at the backend, by the code of the error. */
  get failures(): ReadonlyMap<string, number> {
    return this.#domains.failures;
  }

  override spend(charges: readonly Charge[]): Awaitable<Outcome> {
    return this.#decide(charges, 'spend');
  }

  override peek(charges: readonly Charge[]): Awaitable<Outcome> {
    return this.#decide(charges, 'peek');
  }

  /**
   * Units that the fallback took are returned to the fallback. While the backend is unavailable, nothing is returned to
   * it, and `lost` is emitted.
   */
  override settle(receipt: Receipt, costs: readonly number[]): Awaitable<void> {
    if (receipt.degraded === 'local') return this.#local.settle(receipt, costs);
    assertSettlement(receipt, costs);
    this.#local.settleCounted(receipt, costs);
    return this.#bestEffort('refund', receipt.charges, async () => this.inner.settle(receipt, costs));
  }

  /** While the backend is unavailable, only the state of the fallback is deleted: `lost` is emitted. */
  override reset(targets: readonly Target[]): Awaitable<void> {
    this.#local.reset(targets);
    return this.#bestEffort('reset', targets, async () => this.inner.reset(targets));
  }

  /** While the backend is unavailable, only the fallback gives units back: `lost` is emitted. */
  #credit(charges: readonly TakenCharge[]): Promise<void> {
    for (const charge of charges) assertCharge(charge);
    this.#local.credit(charges);
    return this.#bestEffort('credit', charges, async () => this.inner.credit?.(charges));
  }

  /**
   * Calls the backend once, like a call. A failure is counted and emitted, and does not reject. Then the backend is
   * called once a second until it responds and `recovered` is emitted.
   */
  override async warnings(): Promise<readonly string[]> {
    const [warnings] = await Promise.all([super.warnings(), this.#check()]);
    return warnings;
  }

  override announce(policies: readonly Policy[]): void {
    this.#local.announce(policies);
    super.announce(policies);
  }

  override use(strategies: readonly Strategy[]): void {
    this.#local.use(strategies);
    super.use(strategies);
  }

  override listen(listener: (event: BackendEvent) => void): void {
    this.#events.listen(listener);
  }

  override async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopChecks();
    this.#domains.close();
    await this.#local.close();
    await super.close();
  }

  async #check(): Promise<void> {
    try {
      await this.probe([]);
    } catch (error) {
      const { code, message, transient } = failureOf(error);
      this.#domains.count(failureOf(error));
      this.#events.emit({ type: 'failed', code, message, transient, atStartup: true });
      this.#checkAgain();
    }
  }

  #checkAgain(): void {
    if (this.#isClosed || this.#domains.retryAfterMs > 0) return;
    const timer = setTimeout(() => {
      const isDue = () => this.#nextCheck === timer;
      this.probe([]).then(
        () => isDue() && this.#events.emit({ type: 'recovered' }),
        () => isDue() && this.#checkAgain(),
      );
    }, CHECK_INTERVAL_MS).unref();
    this.#nextCheck = timer;
  }

  #stopChecks(): void {
    clearTimeout(this.#nextCheck);
    this.#nextCheck = undefined;
  }

  #decide(charges: readonly Charge[], mode: DecideMode): Awaitable<Outcome> {
    for (const charge of charges) assertCharge(charge);
    this.#domains.probe();
    const domains = this.#domains.of(charges);
    if (domains.some(isUnavailable)) return this.#fallback(charges, mode, BREAKER_OPEN);
    // A failing backend is called anyway, so that an outage is noticed.
    if (this.#local.isOwing && !domains.some(isFailing)) {
      const denial = this.#local.denialOf(charges);
      if (denial !== undefined) return inProcess(denial);
    }
    let answer: Awaitable<Outcome>;
    try {
      answer = this.inner[mode](charges);
    } catch (error) {
      // A backend that throws has failed like one that rejects.
      answer = Promise.reject(error);
    }
    return isPromise(answer) ? this.#withFallback(answer, domains, charges, mode) : this.#count(charges, answer, mode);
  }

  #withFallback(
    answer: Promise<Outcome>,
    domains: readonly FailureDomain[],
    charges: readonly Charge[],
    mode: DecideMode,
  ): Promise<Outcome> {
    // A custom backend may return any thenable.
    return Promise.resolve(answer).then(
      (outcome) => {
        for (const { breaker } of domains) breaker.succeeded();
        return this.#count(charges, outcome, mode);
      },
      (error) => {
        const failure = failureOf(error);
        this.#domains.failed(domains, failure, charges);
        return this.#fallback(charges, mode, failure);
      },
    );
  }

  /**
   * Counts what the backend admitted. A call that has to pass the counters of this process, too, and does not, is
   * denied.
   */
  #count(charges: readonly Charge[], outcome: Outcome, mode: DecideMode): Outcome {
    this.#local.noteRates(charges, outcome);
    this.#local.noteBlocks(charges, outcome.decisions);
    const denial = mode === 'spend' ? this.#local.admit(charges, outcome) : undefined;
    if (denial === undefined) return outcome;
    if (outcome.receipt !== undefined) void this.#returns.start(outcome.receipt);
    return inProcess(denial);
  }

  /** Refunds and resets where the backend is available, and emits `lost` if a part of it is not. */
  async #bestEffort(
    what: 'refund' | 'credit' | 'reset',
    targets: readonly Target[],
    run: () => Promise<void>,
  ): Promise<void> {
    try {
      const domains = this.#domains.of(targets);
      const isOutage = domains.length > 0 && domains.every(isUnavailable);
      if (isOutage) throw BREAKER_OPEN;
      await run();
    } catch (error) {
      const failure = failureOf(error);
      if (failure !== BREAKER_OPEN) this.#domains.count(failure);
      this.#events.emit({ type: 'lost', what, code: failure.code });
    }
  }

  /** A monitored charge denies no call, so it is at most counted in this process. */
  #failureModeOf(charge: Charge): FailureMode {
    const mode = this.#shares.modeOf(charge.policy);
    return mode === 'deny' && isMonitored(charge) ? 'allow' : mode;
  }

  /**
   * Answers a call that could not be decided because the backend is unavailable.
   *
   * @throws BackendError for a debit under `deny`: what is recorded in full is never denied
   */
  #fallback(charges: readonly Charge[], mode: DecideMode, failure: BackendError): Outcome {
    const modes = charges.map((charge) => this.#failureModeOf(charge));
    const strictest = strictestOf(modes);
    if (strictest !== 'local') {
      if (mode === 'spend' && charges.length > 0 && charges.every(isRecorded)) {
        this.#events.emit({ type: 'lost', what: 'debit', code: failure.code });
        if (strictest === 'deny') throw failure;
      }
      return { allowed: strictest === 'allow', decisions: [], binding: null, degraded: strictest };
    }
    return inProcess(this.#local.decide(charges, mode));
  }

  #resilientHolds(holds: HoldStore): HoldStore {
    return new ResilientHolds(holds, {
      counters: this.#local,
      shares: this.#shares,
      domains: this.#domains,
      events: this.#events,
      returns: this.#returns,
      modeOf: (charge) => this.#failureModeOf(charge),
      strictestOf,
    });
  }
}

function strictestOf(modes: readonly FailureMode[]): FailureMode {
  return STRICTNESS.findLast((one) => modes.includes(one)) ?? 'allow';
}

/** Returns an outcome that says that this process decided it. */
function inProcess({ allowed, decisions, binding, receipt }: Outcome): Outcome {
  // By name: a rest pattern would allocate an object that survives the call.
  if (receipt === undefined) return { allowed, decisions, binding, degraded: 'local' };
  const degraded = 'local';
  return { allowed, decisions, binding, receipt: receiptOf(receipt.at, receipt.charges, { degraded }), degraded };
}

function isRecorded({ mode }: Charge): boolean {
  return mode === 'record';
}

function isUnavailable({ breaker }: FailureDomain): boolean {
  return breaker.isOpen;
}

function isFailing({ breaker }: FailureDomain): boolean {
  return breaker.isFailing;
}

/**
 * Returns the failure of the backend that an error tells of. Throws any other error, which a fallback must not hide.
 */
function failureOf(error: unknown): BackendError {
  const failure = failureIn(error);
  if (failure === undefined) throw error;
  return failure;
}
