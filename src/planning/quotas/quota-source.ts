import { type Awaitable, chain } from '../../core/awaitable.js';
import { type Clock, systemClock } from '../../core/clock.js';
import type { Charge } from '../../core/decision.js';
import { optionAt } from '../../core/errors.js';
import type { PolicyOptions } from '../../decorators/policy-options.js';
import { anchorMsOf } from '../../strategies/calendar/quota-options.js';
import { QuotaWindows } from '../../strategies/calendar/quota-windows.js';
import type { Call } from '../../transports/call.js';

/** What quotas of a calendar are counted by. */
export interface QuotaContext {
  /** That of the backend. */
  readonly clock: Clock;
  /** Those that are known, shared by the limits of an application. */
  readonly windows: QuotaWindows;
}

/** Adds the windows of quotas to the charges of each call. */
export class QuotaSource {
  readonly #anchorOf: ((call: Call) => Awaitable<Date | undefined>) | undefined;
  readonly #anchorPath: string;

  /**
   * @param anchor that of the limit; one that is no function is its policies' own
   * @param place for errors
   */
  constructor(
    anchor: PolicyOptions['anchor'],
    place: string,
    private readonly context: QuotaContext = { clock: systemClock, windows: new QuotaWindows() },
  ) {
    this.#anchorOf = typeof anchor === 'function' ? anchor : undefined;
    this.#anchorPath = optionAt(place, 'anchor');
  }

  /** Returns the charges with their windows, from the anchor of the call on if there is one. */
  addWindows(charges: readonly Charge[], call: Call): Awaitable<readonly Charge[]> {
    // A list without charges is known by its identity: see `PlannedPolicies.unlimited`.
    if (charges.length === 0) return charges;
    if (this.#anchorOf === undefined) return this.addKnownWindows(charges);
    return chain(this.#anchorOf(call), (anchor) =>
      this.addKnownWindows(charges, anchor === undefined ? undefined : anchorMsOf(this.#anchorPath, anchor)),
    );
  }

  /** The same without asking a function for the anchor. */
  addKnownWindows(charges: readonly Charge[], anchorMs?: number): readonly Charge[] {
    const { clock, windows } = this.context;
    return charges.map((charge) => {
      const { policy } = charge;
      if (policy.calendar === undefined) return charge;
      return { ...charge, arguments: windows.argumentsAt(policy, clock.now(), anchorMs) };
    });
  }
}
