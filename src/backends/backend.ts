import type { Awaitable } from '../core/awaitable.js';
import type { Clock } from '../core/clock.js';
import type { Charge, Outcome, Receipt, TakenCharge, Target } from '../core/decision.js';
import { ThrottleConfigError } from '../core/errors.js';
import type { Policy } from '../core/policy.js';
import type { Strategy } from '../strategies/strategy.js';
import type { BackendEvent } from './backend-events.js';
import type { BlockStore } from './blocks/block-store.js';
import type { HoldStore } from './hold-store.js';
import type { SettingsStore } from './settings-store.js';

export type { Target };

/** Units that were taken at a server, to be spent by one process before the window in which they were counted ends. */
export interface Grant {
  /** From 0 to the units wanted. */
  readonly granted: number;
  /** Units left at the server. */
  readonly remaining: number;
  /** The server's instant, in epoch milliseconds. It determines the window. */
  readonly at: number;
  /** Milliseconds from then until the window ends. */
  readonly endsInMs: number;
}

/** The parts of a backend that fail independently, such as the masters of a Redis Cluster. */
export interface FailureDomains {
  /** Returns the domains that hold these budgets, each once. */
  of(targets: readonly Target[]): readonly string[];
  /** Returns the current domains. A domain that is replaced or removed is no longer among them. */
  all(): readonly string[];
}

/**
 * A backend stores state and runs the strategies. It decides the charges of a call at one instant: all of them or none.
 */
export interface Backend {
  /**
   * Decides the charges, in order, at one instant, and takes all of them or none. A charge sees those before it on the
   * same key. In a denied call, policies that would have allowed it report their current state.
   *
   * Recorded charges are taken in full if the enforced ones pass. Monitored charges are decided after all others, each
   * separately, and taken if they fit; they change neither `allowed` nor `binding`. See `ChargeMode`.
   *
   * @throws RangeError for a cost that is not a safe integer of at least 0, an unknown mode, or arguments that are not
   *   whole numbers, before anything else happens
   * @throws ThrottleConfigError for a charge that this backend or its policy cannot take: another number of arguments
   *   than its strategy has, `overriddenBy` without `settings`, or another `overriddenBy` than that of a charge on the
   *   same budget, a mode other than `enforce` on a policy with a `lease`
   */
  spend(charges: readonly Charge[]): Awaitable<Outcome>;
  /** Returns the outcome that `spend` would have, and writes nothing. */
  peek(charges: readonly Charge[]): Awaitable<Outcome>;
  /**
   * Changes each charge of a receipt to the given cost, at least 0, as of its own instant; 0 refunds it. A cost above
   * what was taken is recorded in full, even above the limit. A charge whose window is over is not changed. A receipt
   * settles once: later calls change nothing.
   *
   * @throws RangeError for costs that are not safe integers of at least 0, one per charge
   * @throws TypeError for a copy of a receipt, such as one restored from JSON
   */
  settle(receipt: Receipt, costs: readonly number[]): Awaitable<void>;
  /**
   * Returns units without a receipt, as many as the cost of each charge, as if the last units taken from its budget had
   * not been taken. Never exceeds a full limit. `rate` selects the budget, as in a receipt; the mode is ignored. A
   * backend without this method returns units by receipts only.
   *
   * @throws RangeError, ThrottleConfigError like `spend`
   */
  credit?(charges: readonly TakenCharge[]): Awaitable<void>;
  /**
   * Deletes the state of these budgets. If it rejects, the state of some of them may be deleted. It can be repeated:
   * budgets that were deleted before are not an error.
   */
  reset(targets: readonly Target[]): Awaitable<void>;
  /**
   * Rejects unless these charges could be decided now. Charges nothing. Without charges, as at startup, it checks the
   * backend in general. If omitted, `peek` is called instead, and nothing at startup.
   */
  probe?(charges: readonly Charge[]): Awaitable<void>;
  /**
   * Takes up to `wanted` units from the budget of a policy with a `lease`. Rejects after the deadline; units taken by a
   * later reply are returned. A backend without this method leases nothing.
   */
  lease?(target: Target, wanted: number): Promise<Grant>;
  /** Units that are held while a call runs. A backend without it refuses policies that need it; see `assertCapable`. */
  readonly holds?: HoldStore;
  /** Limits that change at run time. A backend without it refuses policies and charges that need it. */
  readonly settings?: SettingsStore;
  /** Blocks of subjects. A backend without it refuses policies with the option `block`; see `assertCapable`. */
  readonly blocks?: BlockStore;
  /**
   * Announces the policies that are known at startup, before the first call. A backend with bounded memory reserves
   * room for the subjects of each.
   */
  announce?(policies: readonly Policy[]): void;
  /** Adds custom strategies. */
  use?(strategies: readonly Strategy[]): void;
  /** Adds a listener for all later events. */
  listen?(listener: (event: BackendEvent) => void): void;
  /** Returns a warning for each setting that would count wrongly or hang, with the fix. Called once, at startup. */
  warnings?(): Promise<readonly string[]>;
  /**
   * Returns units that this process keeps for later, such as leased ones, and keeps none from then on. The backend
   * still decides. Called when an application begins to close, while a client that the application owns is still open.
   */
  returnLeases?(): Promise<void>;
  /** Releases timers, and connections that the backend opened itself. */
  close?(): Promise<void>;
  /**
   * Present if parts of the backend fail independently. `ResilientBackend` then has a circuit breaker for each of them.
   * If omitted, the backend works or fails as a whole.
   */
  readonly domains?: FailureDomains;
  /** True if a call may get no reply. */
  readonly remote?: boolean;
  /**
   * Milliseconds after which every call has resolved or rejected by itself. If omitted, the module's
   * `functionTimeoutMs` bounds the calls that return promises.
   */
  readonly timeoutMs?: number;
  /** The clock for decisions, if it is not the system clock. Delays of calls use it, too. */
  readonly clock?: Clock;
}

/** Returns the error for a policy with a strategy that the backend does not have. */
export function unknownStrategy({ name, strategy }: Policy): ThrottleConfigError {
  return new ThrottleConfigError(
    'SLUICE_UNKNOWN_STRATEGY',
    `policy "${name}": the backend does not know the strategy "${strategy}". Give it to backend.use([...]), or to the module's \`strategies\`.`,
  );
}
