import { BoundedMap } from '../../core/bounded-map.js';
import { invalidValue, ThrottleConfigError } from '../../core/errors.js';
import type { Policy, PolicyCalendar } from '../../core/policy.js';
import { boundariesAround, firstTurnAfter } from './periods.js';
import { anchorMsOf } from './quota-options.js';
import { Zone } from './zone.js';

/** The number of anchors per policy whose windows are cached, because computing windows in a time zone is slow. */
const MAX_ANCHORS = 10_000;

/** `Date` and `Intl` agree on the format of years up to 9999. */
const MAX_INSTANT_MS = Date.UTC(10_000, 0, 1);

/** The arguments of charges while a window lasts. */
interface CachedArguments {
  readonly args: readonly number[];
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * Computes the windows of quotas, as arguments of their charges. Caches them while a window lasts: a charge in the same
 * window costs a look-up and two comparisons, and gets the same array.
 */
export class QuotaWindows {
  readonly #zones = new Map<string, Zone>();
  readonly #byPolicy = new WeakMap<Policy, CachedArguments>();
  /** By anchor, for policies whose anchor depends on the call. */
  readonly #byAnchor = new WeakMap<Policy, BoundedMap<number, CachedArguments>>();

  /**
   * Returns the arguments of a charge.
   *
   * @param policy a policy with a `calendar`
   * @param now epoch milliseconds
   * @param anchorMs epoch milliseconds, used instead of the policy's own anchor
   */
  argumentsAt(policy: Policy, now: number, anchorMs?: number): readonly number[] {
    const cached = anchorMs === undefined ? this.#byPolicy.get(policy) : this.#byAnchor.get(policy)?.get(anchorMs);
    if (cached !== undefined && now >= cached.startMs && now < cached.endMs) return cached.args;
    const found = this.#compute(policy, now, anchorMs ?? policy.calendar?.anchorMs);
    if (anchorMs === undefined) this.#byPolicy.set(policy, found);
    else this.#remember(policy, anchorMs, found);
    return found.args;
  }

  #compute(policy: Policy, now: number, anchorMs: number | undefined): CachedArguments {
    const { unit, timeZone } = calendarOf(policy);
    const zone = this.#zoneOf(timeZone);
    const boundaries = boundariesAround(now, unit, zone, anchorMs);
    const hasRollover = policy.burst > policy.limit;
    const carriesFrom = hasRollover && anchorMs !== undefined ? firstTurnAfter(anchorMs, unit, zone) : 0;
    const args = [carriesFrom, ...boundaries].map((instant) => Math.max(0, instant));
    return { args: Object.freeze(args), startMs: boundaries[2], endMs: boundaries[3] };
  }

  #remember(policy: Policy, anchorMs: number, found: CachedArguments): void {
    let byAnchor = this.#byAnchor.get(policy);
    if (byAnchor === undefined) {
      byAnchor = new BoundedMap(MAX_ANCHORS);
      this.#byAnchor.set(policy, byAnchor);
    }
    byAnchor.set(anchorMs, found);
  }

  #zoneOf(name: string): Zone {
    let zone = this.#zones.get(name);
    if (zone === undefined) {
      zone = new Zone(name);
      this.#zones.set(name, zone);
    }
    return zone;
  }
}

/** For charges that users make without the module. */
const windows = new QuotaWindows();

/**
 * Returns the `arguments` of a charge under a `calendar` policy: the boundaries of the windows around an instant. The
 * module adds them to its charges. Add them yourself if you call a backend directly.
 *
 * @param now the current instant in whole epoch milliseconds, before the year 10000. The backend's clock decides; it
 *   may be up to one window ahead or behind
 * @param anchor used instead of the policy's own anchor
 * @throws ThrottleConfigError for a policy of another strategy, an invalid instant or an invalid anchor
 * @example
 * const exports = definePolicy('exports', { rate: '1000/month', timeZone: 'Europe/Berlin' });
 * backend.spend([{ policy: exports, subject: 'user:42', cost: 1, arguments: calendarArguments(exports, systemClock.now()) }]);
 */
export function calendarArguments(policy: Policy, now: number, anchor?: Date): readonly number[] {
  if (!(Number.isSafeInteger(now) && now >= 0 && now < MAX_INSTANT_MS)) {
    throw invalidValue(
      'calendarArguments: now',
      'whole epoch milliseconds of the years 1970 to 9999',
      now,
      'SLUICE_INVALID_ARGUMENT',
    );
  }
  const anchorMs = anchor === undefined ? undefined : anchorMsOf('calendarArguments: anchor', anchor);
  return windows.argumentsAt(policy, now, anchorMs);
}

function calendarOf({ name, calendar, strategy }: Policy): PolicyCalendar {
  if (calendar !== undefined) return calendar;
  throw new ThrottleConfigError(
    'SLUICE_WRONG_POLICY',
    `policy "${name}": expected a policy with the strategy "calendar" that definePolicy() made, got one with "${strategy}"`,
  );
}
