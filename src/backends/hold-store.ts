import type { Awaitable } from '../core/awaitable.js';
import type { Charge, Decision, Outcome, Target } from '../core/decision.js';

/** A hold of a budget, by its id. */
export interface HoldReference extends Target {
  /** A whole number from 0 to 2^53 - 1, chosen by the holder and unique among the holds of the budget. */
  readonly id: number;
}

/** Units of a budget to be held: one slot of a concurrency limit, or the estimate of a token budget. */
export interface HoldRequest extends HoldReference {
  /** Whole units, at least 1. */
  readonly units: number;
  /** Milliseconds, at least 1, after which the hold expires unless it is extended. */
  readonly ttlMs: number;
  /** What becomes of the units of a hold that expires: they are charged to the window, or they are free again. */
  readonly onExpiry: 'charge' | 'release';
}

/**
 * What is held while a call runs: slots of a concurrency limit, reservations of a token budget. Any process may extend, grow and
 * end a hold by its id. Every method may be repeated: a call that is answered before changes nothing more. At most 1000 holds of
 * a budget are open at a time.
 */
export interface HoldStore {
  /**
   * Decides holds and charges at one instant: all of them are taken or none. The outcome has a decision for each hold, in order,
   * followed by one for each charge; its receipt is for the charges only.
   */
  take(holds: readonly HoldRequest[], charges: readonly Charge[]): Awaitable<Outcome>;
  /** Lets holds expire `ttlMs` from now at the earliest. Returns for each whether it is still held. */
  extend(holds: readonly HoldReference[], ttlMs: number): Awaitable<readonly boolean[]>;
  /** Makes an open hold one of `units` in total, if the budget has room for that; it never shrinks. */
  grow(hold: HoldReference, units: number): Awaitable<Decision>;
  /**
   * Ends a hold. `units` are charged to the budget, above the estimate and above the limit too; the others are free again. 0
   * releases all. Returns false if there is no such hold, because it has expired or was ended before.
   */
  end(hold: HoldReference, units: number): Awaitable<boolean>;
}
