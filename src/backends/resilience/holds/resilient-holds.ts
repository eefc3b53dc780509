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
import type { FailureDomainTable } from '../failure-domain-table.js';

/** What resilient holds share with the backend that they are part of. */
export interface ResilientHoldsContext {
  /** The holds of this process. */
  readonly local: SynchronousHoldStore;
  readonly domains: FailureDomainTable;
  readonly events: Emitter<BackendEvent>;
  readonly modeOfHold: (target: Target) => FailureMode;
  readonly modeOf: (charge: Charge) => FailureMode;
  /** Returns a policy with the share of its limit that this process enforces during an outage. */
  readonly sharedOf: (policy: Policy) => Policy;
  readonly strictestOf: (modes: readonly FailureMode[]) => FailureMode;
  /** Counts in this process what the backend has taken for the charges of a call. */
  readonly count: (outcome: Outcome) => void;
  /** Notes in this process the blocks that the backend has decided charges by. */
  readonly noteBlocks: (charges: readonly Charge[], decisions: readonly Decision[]) => void;
  /** Decides charges under the overrides that are known of them. */
  readonly underLastRates: (charges: readonly Charge[], decide: (limited: readonly Charge[]) => Outcome) => Outcome;
}

/** Holds of outages that are remembered at most. */
const MAX_DEGRADED = 10_000;
/** More units than a process holds. */
const UNBOUNDED = 2 ** 50;

/**
 * Holds that always have an answer. Every hold of this process is kept in its memory, too, so that an outage does not make it admit
 * more than the limit by itself:
 *
 * - `take` and `peek` during an outage: `onError` of the policies decides, the strictest of the call. With `local`, the memory of this
 *   process does, and the outcome says `degraded: 'local'`. With `allow` and `deny` nothing is held.
 * - `extend`: a hold that the backend cannot be asked about counts as held. It may expire there meanwhile.
 * - `grow`: with `local`, the memory of this process decides; with `allow` it is allowed, and with `deny` denied.
 * - `end`: what cannot be ended at the backend expires there, and `lost` is emitted.
 * - After an outage: while a hold that was taken during it is open, a call has to pass both the memory of the process and the backend.
 */
export class ResilientHolds implements HoldStore {
  /** The holds that only this process knows. */
  readonly #degraded = new BoundedMap<string, true>(MAX_DEGRADED);
  readonly #unbounded = new WeakMap<Policy, Policy>();

  constructor(
    private readonly inner: HoldStore,
    private readonly context: ResilientHoldsContext,
  ) {}

  async take(holds: readonly HoldRequest[], charges: readonly Charge[]): Promise<Outcome> {
    const { domains } = this.context;
    assertDecidable(holds, charges);
    // Also if the call is not asked about there: the outage is over when a probe succeeds.
    domains.probe();
    if (this.#degraded.size > 0 && !this.#hasRoomHere(holds)) return this.#decideHere('take', holds, charges);
    const outcome = await this.#orElse(
      [...holds, ...charges],
      () => this.inner.take(holds, charges),
      () => this.#fallback('take', holds, charges),
    );
    if (outcome.degraded !== undefined) return outcome;
    this.context.noteBlocks(charges, outcome.decisions.slice(holds.length));
    if (outcome.allowed) {
      this.#mirror(holds);
      this.context.count(outcome);
    }
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
    const { local } = this.context;
    const here = local.extend(holds, ttlMs);
    const remote = holds.filter((hold) => !this.#isDegraded(hold));
    if (remote.length === 0) return here;
    const answers = await this.#orElse(
      remote,
      () => this.inner.extend(remote, ttlMs),
      () => remote.map(() => true),
    );
    const lost = remote.filter((_, i) => answers[i] === false);
    if (lost.length > 0) local.end(lost.map((hold) => ({ ...hold, units: 0 })));
    return this.#inOrder(holds, here, answers);
  }

  async grow(hold: HoldReference, units: number): Promise<Decision | undefined> {
    const { local, modeOfHold, sharedOf, domains } = this.context;
    const shared = { ...hold, policy: sharedOf(hold.policy) };
    if (this.#isDegraded(hold)) return local.grow(shared, units);
    let isOutage = false;
    const decision = await this.#orElse(
      [hold],
      () => this.inner.grow(hold, units),
      () => {
        isOutage = true;
        const mode = modeOfHold(hold);
        if (mode === 'local') return local.grow(shared, units);
        return withoutBackend(hold.policy, mode === 'allow', domains.retryAfterMs);
      },
    );
    if (!isOutage && decision?.allowed === true) local.grow(this.#withoutLimit(hold), units);
    return decision;
  }

  async end(holds: readonly HoldEnd[]): Promise<readonly boolean[]> {
    const { local, events } = this.context;
    const here = local.end(holds);
    const remote = holds.filter((hold) => !this.#isDegraded(hold));
    const answers = await this.#orElse(
      remote,
      () => this.inner.end(remote),
      (code) => {
        events.emit({ type: 'lost', what: 'hold', code });
        return holds.flatMap((hold, i) => (this.#isDegraded(hold) ? [] : [here[i] ?? false]));
      },
    );
    const ended = this.#inOrder(holds, here, answers);
    for (const hold of holds) this.#degraded.delete(nameOf(hold));
    return ended;
  }

  /** Asks the backend, or else answers for it. Errors in the configuration are rethrown. */
  async #orElse<T>(targets: readonly Target[], ask: () => T | PromiseLike<T>, answer: (code: string) => T): Promise<T> {
    const { domains } = this.context;
    domains.probe();
    const asked = domains.of(targets);
    if (targets.length > 0 && asked.some(({ breaker }) => breaker.isOpen)) return answer('UNAVAILABLE');
    try {
      const found = await ask();
      for (const { breaker } of asked) breaker.succeeded();
      return found;
    } catch (error) {
      const failure = failureIn(error);
      if (failure === undefined) throw error;
      domains.failed(asked, failure, targets.map(probeOf));
      return answer(failure.code);
    }
  }

  /** Answers a call that could not be decided because the backend is unavailable. */
  #fallback(verb: 'take' | 'peek', holds: readonly HoldRequest[], charges: readonly Charge[]): Outcome {
    const { modeOf, modeOfHold, strictestOf } = this.context;
    const strictest = strictestOf([...holds.map(modeOfHold), ...charges.map(modeOf)]);
    return strictest === 'local'
      ? this.#decideHere(verb, holds, charges)
      : { allowed: strictest === 'allow', decisions: [], binding: null, degraded: strictest };
  }

  /** Returns whether this process has room for the holds that it decides by itself during an outage. */
  #hasRoomHere(holds: readonly HoldRequest[]): boolean {
    const { local, modeOfHold } = this.context;
    return local.peek(
      holds.filter((hold) => modeOfHold(hold) === 'local'),
      [],
    ).allowed;
  }

  /** Decides a call in the memory of the process. Policies of other modes are read. */
  #decideHere(verb: 'take' | 'peek', holds: readonly HoldRequest[], charges: readonly Charge[]): Outcome {
    const { local, modeOf, modeOfHold, sharedOf, underLastRates } = this.context;
    const held = holds.map((hold) =>
      modeOfHold(hold) === 'local' ? { ...hold, policy: sharedOf(hold.policy) } : { ...hold, units: 0 },
    );
    const charged = charges.map((charge) => (modeOf(charge) === 'local' ? charge : { ...charge, cost: 0 }));
    let onHolds: readonly Decision[] = [];
    const { allowed, decisions, receipt } = underLastRates(charged, (limited) => {
      const outcome = local[verb](held, limited);
      onHolds = outcome.decisions.slice(0, held.length);
      return { ...outcome, decisions: outcome.decisions.slice(held.length) };
    });
    if (allowed && verb === 'take') {
      for (const hold of held) if (hold.units > 0) this.#degraded.set(nameOf(hold), true);
    }
    const all = [...onHolds, ...decisions];
    const taken = receipt && { receipt: receiptOf(receipt.at, receipt.charges, { degraded: 'local' }) };
    return { allowed, decisions: all, binding: bindingOf(all), ...taken, degraded: 'local' };
  }

  /** Keeps holds that the backend has taken in this process, too, whatever it has room for. */
  #mirror(holds: readonly HoldRequest[]): void {
    const held = holds.filter(({ units }) => units > 0).map((hold) => this.#withoutLimit(hold));
    if (held.length > 0) this.context.local.take(held, []);
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

/** A charge that any backend can peek at, to find out whether it works for this subject again. */
function probeOf({ policy, subject, ...charge }: Target & Partial<Charge>): Charge {
  if (policy.held === undefined) return { cost: 0, ...charge, policy, subject };
  const { held: _, calendar: __, ...others } = policy;
  const periodMs = Math.max(1, policy.periodMs);
  return { policy: { ...others, id: `${policy.id}:probe`, strategy: 'fixed-window', periodMs }, subject, cost: 0 };
}

/** The decision on a hold that nobody can check. */
function withoutBackend(policy: Policy, allowed: boolean, retryAfterMs: number): Decision {
  const { name, limit, periodMs } = policy;
  const decision = { policy: name, allowed, limit, remaining: allowed ? limit : 0, resetMs: 0, delayMs: 0 };
  return { ...decision, retryAfterMs: allowed ? 0 : retryAfterMs, windowMs: periodMs };
}

function nameOf({ policy, subject, id }: HoldReference): string {
  return `${policy.id}\n${subject}\n${id}`;
}
