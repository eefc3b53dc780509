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

/** Units that were taken at a server, to be spent by one process before the window ends that they were counted in. */
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

/** The parts of a backend that fail by themselves, such as the masters of a Redis Cluster. */
export interface FailureDomains {
  /** Returns the domains that hold these budgets, each once. */
  of(targets: readonly Target[]): readonly string[];
  /** Returns the domains that there are now. A domain that is replaced or removed is no longer among them. */
  all(): readonly string[];
}

/**
 * A backend stores state and runs the strategies. It decides the charges of a call at one instant: all of them or none.
 */
export interface Backend {
  /**
   * Decides the charges, in order, at one instant, and takes all of them or none. A charge sees those before it on the same
   * key. In a denied call, policies that would have allowed it report their current state.
   *
   * Recorded charges are taken in full if the enforced ones pass. Monitored charges are decided after all others, each by itself,
   * and taken if they fit; they change neither `allowed` nor `binding`. See `ChargeMode`.
   *
   * @throws RangeError for a cost that is not a safe integer of at least 0, an unknown mode, or arguments that are not whole
   *   numbers, before anything else happens
   * @throws ThrottleConfigError for a charge that this backend or its policy cannot take: another number of arguments than its
   *   strategy has, `overriddenBy` without `settings`, or another `overriddenBy` than that of a charge on the same budget, a mode
   *   other than `enforce` on a policy with a `lease`
   */
  spend(charges: readonly Charge[]): Awaitable<Outcome>;
  /** Returns the outcome that `spend` would have, and writes nothing. */
  peek(charges: readonly Charge[]): Awaitable<Outcome>;
  /**
   * Makes each charge of a receipt one of the cost given, any from 0 on, as of its own instant; 0 returns it. What a cost is above
   * what was taken is recorded in full, above the limit too. A charge whose window is over is not changed. A receipt settles once:
   * the first call counts, and later ones change nothing.
   *
   * @throws RangeError for costs that are not safe integers of at least 0, one per charge
   * @throws TypeError for a copy of a receipt, such as one from the JSON of a job
   */
  settle(receipt: Receipt, costs: readonly number[]): Awaitable<void>;
  /**
   * Gives units back without a receipt, as many as each charge costs: as if the last units that were taken from its budget had not been.
   * Never above full. `rate` says which budget it is, as in a receipt; what the mode is does not matter. A backend without it gives
   * units back by receipts only.
   *
   * @throws RangeError, ThrottleConfigError as `spend`
   */
  credit?(charges: readonly TakenCharge[]): Awaitable<void>;
  /** Deletes the state of these budgets. */
  reset(targets: readonly Target[]): Awaitable<void>;
  /**
   * Rejects unless these charges would be decided now. It charges nobody. Without charges, as at startup: unless any would be. If
   * omitted, `peek` is called instead, and nothing at startup.
   */
  probe?(charges: readonly Charge[]): Awaitable<void>;
  /**
   * Takes up to `wanted` units from the budget of a policy with a `lease`. Rejects after the deadline; units taken by a later
   * reply are returned. A backend without this method leases nothing.
   */
  lease?(target: Target, wanted: number): Promise<Grant>;
  /** Units that are held while a call runs. A backend without it refuses policies that need it; see `assertCapable`. */
  readonly holds?: HoldStore;
  /** Limits that change while the service runs. A backend without it refuses policies and charges that need it. */
  readonly settings?: SettingsStore;
  /** Blocks of subjects. A backend without it refuses policies with the option `block`; see `assertCapable`. */
  readonly blocks?: BlockStore;
  /**
   * Tells the policies that are known at startup, before the first call. A backend whose memory is bounded reserves room for the subjects
   * of each.
   */
  announce?(policies: readonly Policy[]): void;
  /** Adds custom strategies. */
  use?(strategies: readonly Strategy[]): void;
  /** Adds a listener for all later events. */
  listen?(listener: (event: BackendEvent) => void): void;
  /** Returns a warning for each setting that would count wrongly or hang, with the fix. Called once, at startup. */
  warnings?(): Promise<readonly string[]>;
  /**
   * Gives back what this process holds for later, such as leased units, and holds nothing from then on. The backend still decides.
   * Called when an application begins to close, while a client that the application owns is still open.
   */
  returnLeases?(): Promise<void>;
  /** Releases timers, and connections that the backend opened itself. */
  close?(): Promise<void>;
  /**
   * Present if parts of the backend fail by themselves. `ResilientBackend` then has a circuit breaker for each of them.
   * If omitted, the backend works or fails as a whole.
   */
  readonly domains?: FailureDomains;
  /** True if a call may get no answer. */
  readonly remote?: boolean;
  /**
   * Milliseconds after which every call has resolved or rejected by itself. If omitted, the module's `functionTimeoutMs` bounds the
   * calls that return promises.
   */
  readonly timeoutMs?: number;
  /** The clock that decides, if it is not the system's. Calls are delayed by it, too. */
  readonly clock?: Clock;
}

/** The error for a policy with a strategy that the backend was not given. */
export function unknownStrategy({ name, strategy }: Policy): ThrottleConfigError {
  return new ThrottleConfigError(
    'SLUICE_UNKNOWN_STRATEGY',
    `policy "${name}": the backend does not know the strategy "${strategy}". Give it to backend.use([...]), or to the module's \`strategies\`.`,
  );
}
