import type { Awaitable } from '../core/awaitable.js';
import type { Clock } from '../core/clock.js';
import type { Charge, Outcome, Receipt } from '../core/decision.js';
import { ThrottleConfigError } from '../core/errors.js';
import type { Policy } from '../core/policy.js';
import type { Strategy } from '../strategies/strategy.js';
import type { BackendEvent } from './backend-events.js';

/** Whose state under which policy. */
export interface Target {
  readonly policy: Policy;
  readonly subject: string;
}

/** Units that were taken at a server, to be spent by one process until the window ends that they were counted in. */
export interface Grant {
  /** From 0 to the units wanted. */
  readonly granted: number;
  /** Units left at the server. */
  readonly remaining: number;
  /** The server's instant, in epoch milliseconds: it tells which window. */
  readonly at: number;
  /** Milliseconds from then until the window ends. */
  readonly endsInMs: number;
}

/** Where state lives. It runs the strategies, and decides the charges of a call at one instant: all of them or none. */
export interface Backend {
  /**
   * Decides the charges, in order, at one instant; takes all of them or none. Charges on one key see those before them.
   * In a denied call the policies that would have allowed say so, with their state as it stands.
   *
   * @throws RangeError for a cost that is no safe integer of at least 0, before anything else happens
   */
  spend(charges: readonly Charge[]): Awaitable<Outcome>;
  /** The answer that `spend` would give, and nothing written. */
  peek(charges: readonly Charge[]): Awaitable<Outcome>;
  /** Makes each charge of a receipt one of that cost, as of its own instant; 0 gives it back. Costs only fall. */
  settle(receipt: Receipt, costs: readonly number[]): Awaitable<void>;
  /** Forgets. */
  reset(targets: readonly Target[]): Awaitable<void>;
  /** Rejects unless these charges would be decided now; charges nobody. Where it is left out, `peek` is asked. */
  probe?(charges: readonly Charge[]): Awaitable<void>;
  /**
   * Takes up to `wanted` units of the charge's budget, as many as there are, for policies with a `lease`. Rejects where it
   * does not come in time: what is taken for it all the same is given back. Where it is left out, nothing is leased.
   */
  lease?(charge: Target, wanted: number): Promise<Grant>;
  /** Makes strategies of the user's own known. */
  use?(strategies: readonly Strategy[]): void;
  /** Tells `listener` what happens, from now on. */
  listen?(listener: (event: BackendEvent) => void): void;
  /** What of its settings would count wrongly or hang, each with the fix. Asked once, at boot. */
  warnings?(): Promise<readonly string[]>;
  /** Lets go of timers and connections that it opened itself. */
  close?(): Promise<void>;
  /** Whether an answer may fail to come. */
  readonly remote?: boolean;
  /** The clock by which it decides, where that is not the system's: held calls wait by it, too. */
  readonly clock?: Clock;
}

/** What is thrown on a policy whose strategy nobody has given to the backend. */
export function unknownStrategy({ name, strategy }: Policy): ThrottleConfigError {
  return new ThrottleConfigError(
    `policy "${name}": the backend does not know the strategy "${strategy}". Give it to backend.use([...]), or to the module's \`strategies\`.`,
  );
}
