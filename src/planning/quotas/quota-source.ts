import { type Awaitable, chain } from '../../core/awaitable.js';
import { type Clock, systemClock } from '../../core/clock.js';
import type { Charge } from '../../core/decision.js';
import { optionAt } from '../../core/errors.js';
import type { PolicyOptions } from '../../decorators/policy-options.js';
import { anchorMsOf } from '../../strategies/calendar/quota-options.js';
import { QuotaWindows } from '../../strategies/calendar/quota-windows.js';
import type { Call } from '../../transports/call.js';

/** Clock and windows of calendar quotas. */
export interface QuotaContext {
  /** The clock of the backend. */
  readonly clock: Clock;
  /** The cached windows, shared by the limits of an application. */
  readonly windows: QuotaWindows;
}

/** Adds the windows of quotas to the charges of each call. */
export class QuotaSource {
  readonly #anchorOf: ((call: Call) => Awaitable<Date | undefined>) | undefined;
  readonly #anchorPath: string;

  /**
   * @param anchor the anchor of the limit. If it is not a function, its policies contain it
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

  /** Returns the charges with their windows, relative to the anchor of the call if there is one. */
  addWindows(charges: readonly Charge[], call: Call): Awaitable<readonly Charge[]> {
    // Returns an empty array as it is, because `PlannedPolicies.unlimited` is compared by identity.
    if (charges.length === 0) return charges;
    if (this.#anchorOf === undefined) return this.addKnownWindows(charges);
    return chain(this.#anchorOf(call), (anchor) =>
      this.addKnownWindows(charges, anchor === undefined ? undefined : anchorMsOf(this.#anchorPath, anchor)),
    );
  }

  /** Like `addWindows`, with a known anchor. */
  addKnownWindows(charges: readonly Charge[], anchorMs?: number): readonly Charge[] {
    const { clock, windows } = this.context;
    return charges.map((charge) => {
      const { policy } = charge;
      if (policy.calendar === undefined) return charge;
      return { ...charge, arguments: windows.argumentsAt(policy, clock.now(), anchorMs) };
    });
  }
}
