import type { FailureMode, Policy, StoredRate } from './policy.js';

/** A budget: the units that one subject has under one policy. */
export interface Target {
  /** The policy that counts. */
  readonly policy: Policy;
  /** Who is charged. */
  readonly subject: string;
}

/**
 * How a charge is decided.
 *
 * - `enforce`: the call is denied if the charge does not fit. Nothing of a denied call is taken.
 * - `monitor`: decided separately after the other charges, if those pass. Taken if it fits, otherwise only reported. It
 *   never denies the call and is never its binding decision. Its decision has `mode: 'monitor'`.
 * - `record`: taken in full, even above the limit, and never denied. Units above the limit are a debt: depending on the
 *   strategy it drains, or counts until its window is over. If an enforced charge of the call is denied, nothing is
 *   recorded.
 */
export type ChargeMode = 'enforce' | 'monitor' | 'record';

/**
 * A policy, a subject and a cost, for a backend to decide.
 *
 * @example
 * const charge: Charge = { policy: login, subject: 'user:42', cost: 1 };
 * const debit: Charge = { policy: tokens, subject: 'user:42', cost: 5000, mode: 'record' };
 */
export interface Charge extends Target {
  /** Units, a safe integer of at least 0. A cost of 0 reads the state and takes nothing. */
  readonly cost: number;
  /** Default: `enforce`. A policy with a `lease` has no other mode. */
  readonly mode?: ChargeMode;
  /**
   * Whole numbers from 0 to 2^53 - 1 that the strategy needs in addition to the policy; `argumentCount` of the strategy
   * says how many. The backend passes them to the strategy, for this charge and when its receipt is settled. Only the
   * strategy and its Lua twin know their meaning. Default: none.
   */
  readonly arguments?: readonly number[];
  /**
   * Subjects whose override of the policy applies to this charge, most specific first. Needs a backend with `settings`.
   * Default: no override is looked up.
   */
  readonly overriddenBy?: readonly string[];
  /**
   * Set only with `overriddenBy`: the policy's own rate does not apply, for example under an unlimited plan. Only an
   * override limits the charge, with the strategy of the policy. Default: the policy's own rate applies.
   */
  readonly unlimited?: true;
}

/**
 * A charge as it was taken.
 *
 * @example
 * const [taken] = outcome.receipt?.charges ?? [];   // { policy, subject, cost, rate }
 */
export interface TakenCharge extends Charge {
  /**
   * The rate of the override that was in force. The charge settles under this rate, in the budget that it was taken
   * from. An `unlimited` charge took nothing, so there is nothing to settle. Default: the rate of the policy.
   */
  readonly rate?: StoredRate | 'unlimited';
}

/** A window of a `calendar` quota and a subject's usage in it. */
export interface QuotaWindow {
  /** The first instant of the window, in epoch milliseconds. */
  readonly startMs: number;
  /** The first instant after it. */
  readonly endMs: number;
  /** Units used; above the limit if units were carried into the window or recorded. */
  readonly used: number;
}

/**
 * Why a charge is denied: a rate (`rate`) or a calendar quota (`quota`) is used up, the subject is blocked (`blocked`),
 * all permits of a concurrency limit are held (`concurrency`), or the units of a token budget are used up or held
 * (`budget`).
 *
 * @example
 * if (outcome.binding?.reason === 'blocked') await notifyOwner(outcome.binding);
 */
export type DenialReason = 'rate' | 'quota' | 'blocked' | 'concurrency' | 'budget';

/**
 * A block that a denial began.
 *
 * @example
 * const { forMs, strikes } = decision.startedBlock;   // { forMs: 600_000, strikes: 2 }
 */
export interface StartedBlock {
  /** The length of the block, in milliseconds. */
  readonly forMs: number;
  /** The number of blocks that the policy has begun for the subject and not forgotten, including this one. */
  readonly strikes: number;
}

/** The result of one charge. Headers, bodies, messages and events derive from it. */
export interface Decision {
  /** The policy's name. */
  readonly policy: string;
  readonly allowed: boolean;
  /** Units that a full limit grants at once. */
  readonly limit: number;
  /** The largest cost that would be allowed now. Exact. */
  readonly remaining: number;
  /** Milliseconds until the limit is full again without further traffic; 0 if it is full. */
  readonly resetMs: number;
  /**
   * Milliseconds after which the same cost is allowed, if there is no other traffic. One millisecond earlier it is
   * still denied. 0 if the charge is allowed, `null` if the cost can never be allowed.
   */
  readonly retryAfterMs: number | null;
  /** Milliseconds by which the caller must delay the call (`leaky-bucket` only). */
  readonly delayMs: number;
  /** Milliseconds in which `limit` units are granted. */
  readonly windowMs: number;
  /** Why the charge is denied. Not set if it is allowed. */
  readonly reason?: DenialReason;
  /** Set on the denial that begins a block of the subject. `peek` sets it if a call would begin one. */
  readonly startedBlock?: StartedBlock;
  /** Set if an override applies: its rate, used instead of the policy's own. */
  readonly rate?: StoredRate;
  /** Set by `calendar`: the window that the charge was decided in. */
  readonly window?: QuotaWindow;
  /** The `thresholds` of the policy that this charge is the first in its window to reach, lowest first. */
  readonly reached?: readonly number[];
  /** Set for a monitored charge. Its decision may be a denial although the call is allowed. */
  readonly mode?: 'monitor';
  /**
   * Set if no limit applies to the subject: nothing is counted, and no header shows it. It is never the binding
   * decision.
   */
  readonly unlimited?: true;
  /**
   * Set if units are leased. `remaining` is the last value known to this process; other processes may have taken units
   * since.
   */
  readonly approximate?: true;
}

/**
 * The charges that a call took, and when. It can be settled once, in the process that took them. A copy, for example
 * one restored from JSON, is refused.
 */
export interface Receipt {
  /** The instant of the charges in epoch milliseconds. */
  readonly at: number;
  /** The charges of the call, in order. A monitored charge that was not taken has a cost of 0. */
  readonly charges: readonly TakenCharge[];
  /** One instant per charge, if several servers took them. */
  readonly instants?: readonly number[];
  /** Set if the fallback in this process took the charges. */
  readonly degraded?: 'local';
}

/** The result of a call. Either all of its enforced and recorded charges are taken, or none. */
export interface Outcome {
  /** False if an enforced charge is denied. */
  readonly allowed: boolean;
  /** One per charge, in order. */
  readonly decisions: readonly Decision[];
  /** The decision that represents the call (`bindingOf`), never a monitored one; `null` if nothing limits it. */
  readonly binding: Decision | null;
  /** Set if something was taken. */
  readonly receipt?: Receipt;
  /** Set if the failure mode decided instead of the backend. */
  readonly degraded?: FailureMode;
}

/** The outcome of a call that nothing limits: exempt, skipped or unlimited, or with a cost of 0. */
export const NOTHING_TO_CHARGE: Outcome = Object.freeze({
  allowed: true,
  decisions: Object.freeze([]),
  binding: null,
});

/** Returns the decision for a subject that no limit of the policy applies to. */
export function unlimitedDecision({ name, periodMs }: Pick<Policy, 'name' | 'periodMs'>): Decision {
  return {
    policy: name,
    allowed: true,
    limit: Number.MAX_SAFE_INTEGER,
    remaining: Number.MAX_SAFE_INTEGER,
    resetMs: 0,
    retryAfterMs: 0,
    delayMs: 0,
    windowMs: periodMs,
    unlimited: true,
  };
}

/**
 * Returns a copy of a charge, decision or outcome with other members. Not for objects of the application: a member
 * `__proto__` would replace the copy's prototype.
 *
 * If one of the members is new, V8 11 takes 0.5 to 0.8 us for a spread instead of 0.1, and allocates such copies among
 * its old objects. If all are known, a spread is faster.
 */
export function withMembers<T extends object, M extends object>(of: T, members: M): T & M {
  return Object.assign({}, of, members);
}

/** Returns the decision of a strategy, with a `reason` if it is a denial. For backends. */
export function withReason(decision: Decision, policy: Pick<Policy, 'calendar' | 'held' | 'periodMs'>): Decision {
  if (decision.allowed || decision.reason !== undefined) return decision;
  const reason = reasonOf(policy);
  if (Object.keys(decision).length > PLAIN_MEMBERS) return withMembers(decision, { reason });
  // Member by member: a flood of denied messages grew the process by up to 28 MB with `withMembers`, and by 18 MB so.
  const { policy: name, allowed, limit, remaining, resetMs, retryAfterMs, delayMs, windowMs } = decision;
  return { policy: name, allowed, limit, remaining, resetMs, retryAfterMs, delayMs, windowMs, reason };
}

/** The number of members that every decision has. */
const PLAIN_MEMBERS = 8;

function reasonOf({ calendar, held, periodMs }: Pick<Policy, 'calendar' | 'held' | 'periodMs'>): DenialReason {
  if (held !== undefined) return periodMs === 0 ? 'concurrency' : 'budget';
  return calendar === undefined ? 'rate' : 'quota';
}

/** Returns true for a charge that is decided after all others and denies no call. */
export function isMonitored({ mode }: Charge): boolean {
  return mode === 'monitor';
}

/**
 * Returns the decision that represents the call: the denial with the longest wait (`null` is longest), or, if none
 * denies, the decision with the smallest share remaining. The first one wins a tie. Monitored and unlimited decisions
 * are ignored.
 */
export function bindingOf(decisions: readonly Decision[]): Decision | null {
  let binding: Decision | null = null;
  for (const decision of decisions) {
    if (decision.mode !== undefined || decision.unlimited === true) continue;
    if (binding === null || isStricter(decision, binding)) binding = decision;
  }
  return binding;
}

function isStricter(a: Decision, b: Decision): boolean {
  if (a.allowed !== b.allowed) return b.allowed;
  if (a.allowed) return a.remaining / a.limit < b.remaining / b.limit;
  return (a.retryAfterMs ?? Number.POSITIVE_INFINITY) > (b.retryAfterMs ?? Number.POSITIVE_INFINITY);
}

/** Returns true for a safe integer of at least 0. */
export function isCost(cost: unknown): cost is number {
  return Number.isSafeInteger(cost) && Number(cost) >= 0;
}

/** What errors of `assertCost` call an argument that is a number of units. */
export const UNITS = 'units,';

/**
 * Throws a RangeError unless `cost` is a safe integer of at least 0: an invalid cost must not pass as free.
 *
 * @param path names the cost in the message
 * @param expected what the argument is called there
 */
export function assertCost(cost: unknown, path: string, expected = 'a cost that is'): asserts cost is number {
  if (isCost(cost)) return;
  const found = typeof cost === 'string' ? `"${cost}" (string)` : String(cost);
  throw new RangeError(`${path}: expected ${expected} a safe integer of at least 0, got ${found}`);
}
