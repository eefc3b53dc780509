import type { Awaitable } from '../core/awaitable.js';
import type { Charge, Decision, Outcome, Target } from '../core/decision.js';

/** The maximum number of holders per subject and policy, independent of their units. */
export const MAX_HOLDERS = 1000;

/** The longest time to live of a hold: 30 days. */
export const MAX_HOLD_MS = 30 * 86_400_000;

/** A hold of a budget, by its id. */
export interface HoldReference extends Target {
  /** A whole number from 0 to 2^53 - 1, chosen by the holder and unique among the holds of the budget. */
  readonly id: number;
  /** Like the `arguments` of a charge: the windows of a `calendar` budget, as computed by the process. */
  readonly arguments?: readonly number[];
}

/** Units of a budget to hold: permits of a concurrency limit, or the estimate of a token budget. */
export interface HoldRequest extends HoldReference {
  /** A whole number of units. 0 only reads. */
  readonly units: number;
  /** Milliseconds, from 1 to 30 days, after which the hold expires unless it is extended. */
  readonly ttlMs: number;
}

/** The end of a hold. */
export interface HoldEnd extends HoldReference {
  /**
   * The whole number of units to charge to the budget, even above the estimate and the limit. Ignored for a concurrency
   * limit.
   */
  readonly units: number;
}

/**
 * Units that are held while a call runs: permits of a concurrency limit (`defineConcurrency`), reservations of a token
 * budget (`defineBudget`). Any process may extend, grow and end a hold by its id.
 *
 * The rules, where the *held units* are those of all open holds of a subject under a policy:
 *
 * - A concurrency limit has room for its `limit` minus the held units. It has no window.
 * - A token budget has room for the units left in its window, according to its strategy, minus the held units. A hold
 *   stays open when a window ends. Its units are charged when it ends, to the window of that instant instead of the one
 *   in which it was taken.
 * - A hold is taken if there is room for its units and there are fewer than 1000 holders. So the room is never below 0.
 * - A hold of `ttlMs` expires `ttlMs` after it was taken or extended; at that instant it is no longer open. Depending
 *   on `held.onExpiry` of the policy, its units are charged to the window of that instant, or are free again.
 * - Units above the limit of a window, from holds that ended above their estimates, are dropped when the window ends.
 *   With `held.carryDebt` they are taken from the next window, up to its limit, but not from later ones.
 * - **The bound of a token budget**: in one window, the units settled (those of holds that ended or expired in it)
 *   never exceed the limit (with what was carried into it) plus the amounts by which settlements in that window
 *   exceeded their estimates. This holds as long as the limit is not lowered.
 * - Every call may be repeated. An open id is not taken again, and one that has ended or expired is not ended again. So
 *   a call whose reply was lost can be sent again with the same ids.
 * - All instants are those of the backend's clock. If it steps back, holds last longer by that time.
 *
 * In a decision on a hold, `remaining` is the largest hold that would be taken now. `retryAfterMs` is exact for a
 * budget whose other holds are neither extended nor ended: they expire. `resetMs` is the time until the budget is full
 * again if all that is held expires with the last hold: then the window that is charged for it has to be over, too.
 * `windowMs` is 0 for a limit of concurrency.
 *
 * @example
 * const permit: HoldRequest = { policy: exports, subject: 'user:42', id: 7, units: 1, ttlMs: 30_000 };
 * const { allowed } = await backend.holds.take([permit], [{ policy: api, subject: 'user:42', cost: 1 }]);
 * // every 10 seconds while the call runs:
 * const [isHeld] = await backend.holds.extend([permit], 30_000);
 * await backend.holds.end([{ ...permit, units: 0 }]);
 */
export interface HoldStore {
  /**
   * Decides holds and charges at one instant: all of them are taken or none. The outcome has a decision for each hold,
   * in order, followed by one for each charge; its receipt is for the charges only. A hold sees those before it on its
   * budget. In a denied call, holds and charges that would have been allowed report the current state.
   *
   * An id that is open already is allowed and takes nothing more. If all holds of a call are open, the call was taken
   * before: it is allowed, and its charges are decided as at a cost of 0, without a receipt.
   *
   * @throws RangeError for invalid ids, units or times, and as in `spend`
   * @throws ThrottleConfigError for a policy whose units are not held, or a charge by one with a `lease`
   */
  take(holds: readonly HoldRequest[], charges: readonly Charge[]): Awaitable<Outcome>;
  /** Returns the outcome that `take` would have, and writes nothing. */
  peek(holds: readonly HoldRequest[], charges: readonly Charge[]): Awaitable<Outcome>;
  /** Lets holds expire `ttlMs` from now at the earliest. Returns for each, in order, whether it is still held. */
  extend(holds: readonly HoldReference[], ttlMs: number): Awaitable<readonly boolean[]>;
  /**
   * Grows an open hold to `units` in total, if there is room for the difference; it never shrinks. Returns undefined if
   * there is no such hold.
   */
  grow(hold: HoldReference, units: number): Awaitable<Decision | undefined>;
  /**
   * Ends holds: each budget is charged the units of its end, and the others are free again. Returns for each, in order,
   * whether it was ended: false if it had expired or was ended before, and then nothing is charged.
   */
  end(holds: readonly HoldEnd[]): Awaitable<readonly boolean[]>;
}

/** Holds that are decided synchronously, such as those in the memory of the process. */
export type SynchronousHoldStore = {
  readonly [Method in keyof HoldStore]: (
    ...args: Parameters<HoldStore[Method]>
  ) => Awaited<ReturnType<HoldStore[Method]>>;
};
