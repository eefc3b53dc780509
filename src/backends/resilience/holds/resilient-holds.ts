import { BoundedMap } from '../../../core/bounded-map.js';
import { assertCharge } from '../../../core/charge-checks.js';
import { bindingOf, type Charge, type Decision, type Outcome, type Target } from '../../../core/decision.js';
import type { Emitter } from '../../../core/emitter.js';
import type { FailureMode, Policy } from '../../../core/policy.js';
import { receiptOf } from '../../../core/receipt.js';
import { failureIn } from '../../backend-error.js';
import type { BackendEvent } from '../../backend-events.js';
import type { HoldEnd, HoldReference, HoldRequest, HoldStore, SynchronousHoldStore } from '../../hold-store.js';
import { assertTakeable } from '../../holds/hold-checks.js';
import type { UnitReturns } from '../../unit-returns.js';
import type { FailureDomainTable } from '../failure-domain-table.js';
import type { LocalCounters } from '../fallback/local-counters.js';
import type { PolicyShares } from '../fallback/policy-shares.js';

/** Parts of the resilient backend that its holds use. */
export interface ResilientHoldsContext {
  /** The counters of this process, which have its holds, too. */
  readonly counters: LocalCounters;
  readonly shares: PolicyShares;
  readonly domains: FailureDomainTable;
  readonly events: Emitter<BackendEvent>;
  /** Returns units of charges to the backend. */
  readonly returns: UnitReturns;
  /** Returns what a charge does while the backend is unavailable. */
  readonly modeOf: (charge: Charge) => FailureMode;
  readonly strictestOf: (modes: readonly FailureMode[]) => FailureMode;
}

/** The maximum number of holds of outages that are remembered. */
const MAX_DEGRADED = 10_000;
/** A limit that the units of a process never reach. */
const UNBOUNDED = 2 ** 50;

/**
 * Holds that always have an answer. Every hold of this process is kept in its memory, too, so that an outage does not
 * make it admit more than the limit by itself:
 *
 * - `take` and `peek` during an outage: `onError` of the policies decides, the strictest of the call. With `local`, the
 *   memory of this process does, and the outcome says `degraded: 'local'`. With `allow` and `deny` nothing is held.
 * - `extend`: while the backend is unavailable, a hold counts as held, though it may expire there.
 * - `grow`: with `local`, the memory of this process decides; with `allow` it is allowed, and with `deny` denied.
 * - `end`: what cannot be ended at the backend expires there, and `lost` is emitted.
 * - After an outage: while a hold that was taken during it is open, or while a charge of the call is on a counter that
 *   the backend does not know all units of, the call has to pass both the memory of the process and the backend.
 */
export class ResilientHolds implements HoldStore {
  /** The holds that only this process knows. */
  readonly #degraded = new BoundedMap<string, true>(MAX_DEGRADED);
  readonly #unbounded = new WeakMap<Policy, Policy>();
  /** The holds of this process. */
  readonly #local: SynchronousHoldStore;

  constructor(
    private readonly inner: HoldStore,
    private readonly context: ResilientHoldsContext,
  ) {
    this.#local = context.counters.holds;
  }

  async take(holds: readonly HoldRequest[], charges: readonly Charge[]): Promise<Outcome> {
    const { counters, domains } = this.context;
    assertDecidable(holds, charges);
    // Probes even if the backend is not asked about this call: the outage is over when a probe succeeds.
    domains.probe();
    if (!this.#hasRoomHere(holds, charges)) return this.#decideHere('take', holds, charges);
    const outcome = await this.#orElse(
      [...holds, ...charges],
      () => this.inner.take(holds, charges),
      () => this.#fallback('take', holds, charges),
    );
    if (outcome.degraded !== undefined) return outcome;
    counters.noteBlocks(charges, outcome.decisions.slice(holds.length));
    if (!outcome.allowed) return outcome;
    const denial = counters.admit(charges, outcome);
    if (denial !== undefined) return this.#denied(holds, outcome, denial);
    this.#mirror(holds);
    return outcome;
  }

  async peek(holds: readonly HoldRequest[], charges: readonly Charge[]): Promise<Outcome> {
    assertDecidable(holds, charges);
    return this.#orElse(
      [...holds, ...charges],
      () => this.inner.peek(holds, charges),
      () => this.#fallback('peek', holds, charges),
    );
  }

  async extend(holds: readonly HoldReference[], ttlMs: number): Promise<readonly boolean[]> {
    const here = this.#local.extend(holds, ttlMs);
    const remote = holds.filter((hold) => !this.#isDegraded(hold));
    if (remote.length === 0) return here;
    const answers = await this.#orElse(
      remote,
      () => this.inner.extend(remote, ttlMs),
      () => remote.map(() => true),
    );
    const lost = remote.filter((_, i) => answers[i] === false);
    if (lost.length > 0) this.#local.end(lost.map((hold) => ({ ...hold, units: 0 })));
    return this.#inOrder(holds, here, answers);
  }

  async grow(hold: HoldReference, units: number): Promise<Decision | undefined> {
    const { shares, domains } = this.context;
    const shared = { ...hold, policy: shares.shareOf(hold.policy) };
    if (this.#isDegraded(hold)) return this.#local.grow(shared, units);
    let isOutage = false;
    const decision = await this.#orElse(
      [hold],
      () => this.inner.grow(hold, units),
      () => {
        isOutage = true;
        const mode = shares.modeOf(hold.policy);
        if (mode === 'local') return this.#local.grow(shared, units);
        return withoutBackend(hold.policy, mode === 'allow', domains.retryAfterMs);
      },
    );
    if (!isOutage && decision?.allowed === true) this.#local.grow(this.#withoutLimit(hold), units);
    return decision;
  }

  async end(holds: readonly HoldEnd[]): Promise<readonly boolean[]> {
    const here = this.#local.end(holds);
    const remote = holds.filter((hold) => !this.#isDegraded(hold));
    // Without such holds the backend is not asked: it would count as one that has answered.
    const ended = remote.length === 0 ? here : this.#inOrder(holds, here, await this.#endRemote(holds, remote, here));
    for (const hold of holds) this.#degraded.delete(nameOf(hold));
    return ended;
  }

  /** Ends holds at the backend. If that fails, they expire there, and the answers are those of this process. */
  #endRemote(
    holds: readonly HoldEnd[],
    remote: readonly HoldEnd[],
    here: readonly boolean[],
  ): Promise<readonly boolean[]> {
    return this.#orElse(
      remote,
      () => this.inner.end(remote),
      (code) => {
        this.context.events.emit({ type: 'lost', what: 'hold', code });
        return holds.flatMap((hold, i) => (this.#isDegraded(hold) ? [] : [here[i] ?? false]));
      },
    );
  }

  /** Asks the backend, or else answers for it. Errors in the configuration are rethrown. */
  async #orElse<T>(targets: readonly Target[], ask: () => T | PromiseLike<T>, answer: (code: string) => T): Promise<T> {
    const { domains } = this.context;
    domains.probe();
    const involved = domains.of(targets);
    if (targets.length > 0 && involved.some(({ breaker }) => breaker.isOpen)) return answer('UNAVAILABLE');
    try {
      const found = await ask();
      for (const { breaker } of involved) breaker.succeeded();
      return found;
    } catch (error) {
      const failure = failureIn(error);
      if (failure === undefined) throw error;
      domains.failed(involved, failure, targets.map(probeOf));
      return answer(failure.code);
    }
  }

  /** Answers a call that could not be decided because the backend is unavailable. */
  #fallback(verb: 'take' | 'peek', holds: readonly HoldRequest[], charges: readonly Charge[]): Outcome {
    const { modeOf, shares, strictestOf } = this.context;
    const strictest = strictestOf([...holds.map(({ policy }) => shares.modeOf(policy)), ...charges.map(modeOf)]);
    return strictest === 'local'
      ? this.#decideHere(verb, holds, charges)
      : { allowed: strictest === 'allow', decisions: [], binding: null, degraded: strictest };
  }

  /**
   * Returns false if a call exceeds what this process has taken during an outage, which the backend does not know of.
   */
  #hasRoomHere(holds: readonly HoldRequest[], charges: readonly Charge[]): boolean {
    const { counters, shares } = this.context;
    const held = this.#degraded.size > 0 ? holds.filter(({ policy }) => shares.modeOf(policy) === 'local') : [];
    if (held.length > 0 && !this.#local.peek(held, []).allowed) return false;
    return !counters.isOwing || counters.denialOf(charges) === undefined;
  }

  /** Decides a call in the memory of the process. Policies of other modes are read. */
  #decideHere(verb: 'take' | 'peek', holds: readonly HoldRequest[], charges: readonly Charge[]): Outcome {
    const { counters, modeOf, shares } = this.context;
    const held = holds.map((hold) =>
      shares.modeOf(hold.policy) === 'local' ? { ...hold, policy: shares.shareOf(hold.policy) } : { ...hold, units: 0 },
    );
    const charged = charges.map((charge) => (modeOf(charge) === 'local' ? charge : { ...charge, cost: 0 }));
    let onHolds: readonly Decision[] = [];
    const { allowed, decisions, receipt } = counters.underLastRates(charged, (limited) => {
      const shared = limited.map((charge) => ({ ...charge, policy: shares.shareOf(charge.policy) }));
      const outcome = this.#local[verb](held, shared);
      onHolds = outcome.decisions.slice(0, held.length);
      return { ...outcome, decisions: outcome.decisions.slice(held.length) };
    });
    if (receipt !== undefined) counters.owe(charged, decisions);
    if (allowed && verb === 'take') {
      for (const hold of held) if (hold.units > 0) this.#degraded.set(nameOf(hold), true);
    }
    const all = [...onHolds, ...decisions];
    const taken = receipt && { receipt: receiptOf(receipt.at, receipt.charges, { degraded: 'local' }) };
    return { allowed, decisions: all, binding: bindingOf(all), ...taken, degraded: 'local' };
  }

  /**
   * Denies a call that the backend has taken: the counters of this process have no room for its charges, because other
   * calls have used it since. Returns the units that were taken; holds that cannot be ended expire.
   */
  #denied(holds: readonly HoldRequest[], { decisions, receipt }: Outcome, denial: Outcome): Outcome {
    if (receipt !== undefined) void this.context.returns.start(receipt);
    this.#orElse(
      holds,
      () => this.inner.end(holds.map((hold) => ({ ...hold, units: 0 }))),
      () => undefined,
    ).catch(() => undefined);
    const all = [...decisions.slice(0, holds.length), ...denial.decisions];
    return { allowed: false, decisions: all, binding: bindingOf(all), degraded: 'local' };
  }

  /** Keeps holds that the backend has taken in this process, too, even above the limit. */
  #mirror(holds: readonly HoldRequest[]): void {
    const held = holds.filter(({ units }) => units > 0).map((hold) => this.#withoutLimit(hold));
    if (held.length > 0) this.#local.take(held, []);
  }

  #withoutLimit<T extends Target>(hold: T): T {
    let policy = this.#unbounded.get(hold.policy);
    if (policy === undefined) {
      policy = { ...hold.policy, limit: UNBOUNDED, burst: UNBOUNDED };
      this.#unbounded.set(hold.policy, policy);
    }
    return { ...hold, policy };
  }

  #isDegraded(hold: HoldReference): boolean {
    return this.#degraded.has(nameOf(hold));
  }

  /** @param answers those of the backend, for the holds that it may know */
  #inOrder(holds: readonly HoldReference[], here: readonly boolean[], answers: readonly boolean[]): readonly boolean[] {
    const remote = answers.values();
    return holds.map((hold, i) => (this.#isDegraded(hold) ? here[i] : remote.next().value) ?? false);
  }
}

function assertDecidable(holds: readonly HoldRequest[], charges: readonly Charge[]): void {
  assertTakeable(holds, charges);
  for (const charge of charges) assertCharge(charge);
}

/** Returns a charge at which any backend can peek, to find out whether it works for this subject again. */
function probeOf({ policy, subject, ...charge }: Target & Partial<Charge>): Charge {
  if (policy.held === undefined) return { cost: 0, ...charge, policy, subject };
  const { held: _, calendar: __, ...others } = policy;
  const periodMs = Math.max(1, policy.periodMs);
  return { policy: { ...others, id: `${policy.id}:probe`, strategy: 'fixed-window', periodMs }, subject, cost: 0 };
}

/** Returns the decision on a hold that cannot be checked. */
function withoutBackend(policy: Policy, allowed: boolean, retryAfterMs: number): Decision {
  const { name, limit, periodMs } = policy;
  const decision = { policy: name, allowed, limit, remaining: allowed ? limit : 0, resetMs: 0, delayMs: 0 };
  return { ...decision, retryAfterMs: allowed ? 0 : retryAfterMs, windowMs: periodMs };
}

function nameOf({ policy, subject, id }: HoldReference): string {
  return `${policy.id}\n${subject}\n${id}`;
}
