import { isEnforced } from '../../core/charge-checks.js';
import type { Clock } from '../../core/clock.js';
import { bindingOf, type Charge, type Decision, type Outcome } from '../../core/decision.js';
import { mapKey } from '../../core/key.js';
import type { Policy } from '../../core/policy.js';
import { canGrant } from '../../strategies/built-in-strategies.js';
import type { Target } from '../backend.js';
import type { OutcomeListener } from '../remote-store.js';
import type { OverrideTarget } from '../settings-store.js';

/** Milliseconds for which a denial is cached at most, by default. */
export const DENIAL_CACHE_MS = 1000;
/** Denials that are cached at most, by default. */
export const MAX_DENIALS = 10_000;
/** Budgets whose last invalidation is remembered. */
const MAX_INVALIDATIONS = 1000;

/** A denied call, and the time for which the same call stays denied. */
interface CachedDenial {
  readonly charges: readonly Charge[];
  readonly outcome: Outcome;
  /** When the answer arrived. The waits in it count from then on, so they are never too short. */
  readonly arrivedMs: number;
  /** Computed from the instant before the request was sent, so that it never outlasts the denial at the server. */
  readonly untilMs: number;
}

/**
 * Caches denials, so that a flood of denied calls is answered without asking the server. It caches no allowed call: on
 * a miss the backend decides. The key is the call's whole list of charges with their limits. A cached denial also
 * covers a higher cost. It then reports that the cost can never pass, or the same wait, which is a lower bound. Calls
 * with monitored or recorded charges are neither cached nor denied here, because every such call has to be counted.
 * Denials that count towards a block are not cached either until the block begins.
 *
 * The epoch counts invalidations. A caller notes it before it calls the backend; the outcome of a call that started
 * before an invalidation of one of its budgets is not cached.
 */
export class DenialCache {
  #epoch = 0;
  /** The epoch of the last invalidation of a budget, the longest ago first. */
  readonly #invalidated = new Map<string, number>();
  /** Invalidations up to this epoch are not remembered by budget. Answers from before count as outdated. */
  #forgottenEpoch = 0;
  /** In the order in which they were cached. */
  readonly #all = new Set<CachedDenial>();
  /** By the subjects of their charges. */
  readonly #bySubject = new Map<string, CachedDenial[]>();

  /**
   * @param forMs how long a denial is cached at most
   * @param max denials that are cached at most; the oldest is evicted
   */
  constructor(
    private readonly forMs: number,
    private readonly max: number,
    private readonly clock: Clock,
  ) {}

  /** Records that the backend is called now. Returns an object that caches the result. */
  startCall(): OutcomeListener {
    return new StartedCall(this, this.clock.now(), this.#epoch);
  }

  /** Returns the denial of these charges, with its waits counted down, if one is cached. */
  get(charges: readonly Charge[]): Outcome | undefined {
    const [first] = charges;
    if (first === undefined || this.#all.size === 0) return undefined;
    const denial = coveringOf(this.#bySubject.get(mapKey(first.subject)) ?? NONE, charges);
    if (denial === undefined) return undefined;
    const now = this.clock.now();
    if (now < denial.untilMs && now >= denial.arrivedMs) return aged(denial.outcome, now - denial.arrivedMs, charges);
    this.#drop(denial);
    return undefined;
  }

  /**
   * Caches an outcome if it is a denial.
   *
   * @param startedMs when the backend was called, on the cache's clock
   * @param epoch the cache's epoch at that time
   */
  learn(charges: readonly Charge[], outcome: Outcome, startedMs: number, epoch: number): void {
    // Units that were taken extend the waits of cached denials.
    if (outcome.allowed) this.#dropOn(charges);
    else if (isCacheable(charges, outcome) && !this.#isInvalidatedSince(epoch, charges))
      this.#add(charges, outcome, startedMs);
  }

  /** Drops the denials of these budgets. The outcomes of calls that are in flight are not cached. */
  invalidate(targets: readonly Target[]): void {
    this.#epoch += 1;
    for (const target of targets) {
      const budget = budgetOf(target);
      this.#invalidated.delete(budget);
      this.#invalidated.set(budget, this.#epoch);
    }
    for (const [budget, epoch] of this.#invalidated) {
      if (this.#invalidated.size <= MAX_INVALIDATIONS) break;
      this.#invalidated.delete(budget);
      this.#forgottenEpoch = epoch;
    }
    this.#dropOn(targets);
  }

  /**
   * Drops all denials that an override of this policy's name and subject may affect. The outcomes of calls that are in
   * flight are not cached.
   */
  invalidateOverride({ policy: name, subject }: OverrideTarget): void {
    this.#epoch += 1;
    // It is unknown which budgets the result of a running call will name.
    this.#forgottenEpoch = this.#epoch;
    const isOverridden = ({ policy, overriddenBy }: Charge) =>
      policy.name === name && overriddenBy?.includes(subject) === true;
    for (const denial of this.#all) if (denial.charges.some(isOverridden)) this.#drop(denial);
  }

  #isInvalidatedSince(epoch: number, charges: readonly Charge[]): boolean {
    if (epoch === this.#epoch) return false;
    if (epoch < this.#forgottenEpoch) return true;
    return charges.some((charge) => (this.#invalidated.get(budgetOf(charge)) ?? 0) > epoch);
  }

  #add(charges: readonly Charge[], outcome: Outcome, startedMs: number): void {
    const untilMs = startedMs + Math.min(this.forMs, shortestWait(outcome.decisions));
    const arrivedMs = this.clock.now();
    if (untilMs <= arrivedMs) return;
    const denial: CachedDenial = { charges, outcome, arrivedMs, untilMs };
    this.#all.add(denial);
    for (const subject of subjectsOf(charges)) {
      this.#bySubject.set(subject, [...(this.#bySubject.get(subject) ?? []), denial]);
    }
    for (const other of this.#bySubject.get(mapKey(charges[0]?.subject ?? '')) ?? []) {
      if (other !== denial && covers(denial, other.charges)) this.#drop(other);
    }
    const [oldest] = this.#all;
    if (this.#all.size > this.max && oldest !== undefined) this.#drop(oldest);
  }

  #dropOn(targets: readonly Target[]): void {
    if (this.#all.size === 0) return;
    for (const subject of subjectsOf(targets)) {
      for (const denial of this.#bySubject.get(subject) ?? []) if (isOnAny(denial.charges, targets)) this.#drop(denial);
    }
  }

  #drop(denial: CachedDenial): void {
    this.#all.delete(denial);
    for (const subject of subjectsOf(denial.charges)) {
      const others = this.#bySubject.get(subject)?.filter((known) => known !== denial) ?? [];
      if (others.length > 0) this.#bySubject.set(subject, others);
      else this.#bySubject.delete(subject);
    }
  }
}

class StartedCall implements OutcomeListener {
  constructor(
    private readonly cache: DenialCache,
    private readonly startedMs: number,
    private readonly epoch: number,
  ) {}

  learn(charges: readonly Charge[], outcome: Outcome): void {
    this.cache.learn(charges, outcome, this.startedMs, this.epoch);
  }
}

const NONE: readonly CachedDenial[] = [];

/**
 * Returns the denial that covers these charges. Loops here and below: a closure is half of the cost of a cached denial.
 */
function coveringOf(denials: readonly CachedDenial[], charges: readonly Charge[]): CachedDenial | undefined {
  for (const denial of denials) if (covers(denial, charges)) return denial;
  return undefined;
}

/** Returns true if the cached denial applies to these charges: the same ones of them would be denied. */
function covers({ charges: known, outcome }: CachedDenial, charges: readonly Charge[]): boolean {
  if (known.length !== charges.length) return false;
  for (let i = 0; i < known.length; i++) {
    const one = known[i] as Charge;
    const other = charges[i] as Charge;
    if (other.subject !== one.subject || !isSameBudget(other.policy, one.policy)) return false;
    if (!isEnforced(other) || !isSameList(other.arguments, one.arguments)) return false;
    if (!isSameList(other.overriddenBy, one.overriddenBy) || other.unlimited !== one.unlimited) return false;
    const isCovered = other.cost === one.cost || (other.cost > one.cost && outcome.decisions[i]?.allowed === false);
    if (!isCovered) return false;
  }
  return true;
}

/** Returns true if two policies share a budget and its limits. */
function isSameBudget(a: Policy, b: Policy): boolean {
  return a === b || (a.id === b.id && a.limit === b.limit && a.burst === b.burst);
}

function isSameList(a: readonly unknown[] | undefined, b: readonly unknown[] | undefined): boolean {
  if (a === b) return true;
  return a !== undefined && b !== undefined && a.length === b.length && a.every((value, i) => value === b[i]);
}

/** Returns the time after which the first denied policy decides differently. */
function shortestWait(decisions: readonly Decision[]): number {
  let waitMs = Number.POSITIVE_INFINITY;
  for (const { allowed, retryAfterMs } of decisions) {
    if (!allowed && retryAfterMs !== null) waitMs = Math.min(waitMs, retryAfterMs);
  }
  return waitMs;
}

/** Returns false for a denial that must not be cached, because the backend has to decide every such call. */
function isCacheable(charges: readonly Charge[], { decisions }: Outcome): boolean {
  return charges.every((charge, i) => isEnforced(charge) && !countsDenials(charge, decisions[i]));
}

/** Returns true if more denials of the subject, in a row, begin a block. */
function countsDenials({ policy: { block } }: Charge, decision: Decision | undefined): boolean {
  return block !== undefined && block.after > 1 && block.forMs > 0 && decision?.reason !== 'blocked';
}

/** Returns a denial as it is `elapsedMs` later, for charges that it covers. */
function aged({ decisions, binding }: Outcome, elapsedMs: number, charges: readonly Charge[]): Outcome {
  const later: Decision[] = [];
  let bindingLater: Decision | null = null;
  let isNever = false;
  let i = 0;
  for (const decision of decisions) {
    const charge = charges[i++];
    const { allowed, resetMs, retryAfterMs } = decision;
    // A cost above the cached one may be more than the limit ever grants.
    const isOver = !allowed && retryAfterMs !== null && !mayPass(charge, decision);
    isNever ||= isOver;
    const laterDecision: Decision = {
      ...(decision.startedBlock === undefined ? decision : withoutStart(decision)),
      resetMs: Math.max(0, resetMs - elapsedMs),
      retryAfterMs: isOver ? null : allowed || retryAfterMs === null ? retryAfterMs : retryAfterMs - elapsedMs,
    };
    if (decision === binding) bindingLater = laterDecision;
    later.push(laterDecision);
  }
  return { allowed: false, decisions: later, binding: isNever ? bindingOf(later) : bindingLater };
}

/** A block begins once. Most decisions begin none, and a rest pattern is half of the cost of a cached denial. */
function withoutStart({ startedBlock: _, ...decision }: Decision): Decision {
  return decision;
}

/** Returns false for a cost that can never pass at the rate in force. */
function mayPass(charge: Charge | undefined, { rate }: Decision): boolean {
  if (charge === undefined) return true;
  const { policy, cost } = charge;
  return canGrant(rate === undefined ? policy : { strategy: policy.strategy, burst: rate.burst }, cost);
}

function isOnAny(charges: readonly Charge[], targets: readonly Target[]): boolean {
  return charges.some((charge) =>
    targets.some(({ policy, subject }) => charge.policy.id === policy.id && charge.subject === subject),
  );
}

function subjectsOf(targets: readonly Target[]): ReadonlySet<string> {
  return new Set(targets.map(({ subject }) => mapKey(subject)));
}

/** A key of a budget. If two budgets have the same key, the only effect is that an outcome is not cached. */
function budgetOf({ policy, subject }: Target): string {
  return `${policy.id} ${mapKey(subject)}`;
}
