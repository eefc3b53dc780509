import { invalidValue } from './errors.js';

/**
 * What to do while the backend is unavailable: enforce the limits in this process (`local`), let calls pass (`allow`),
 * or reject them with 503 (`deny`).
 */
export type FailureMode = 'local' | 'allow' | 'deny';

/**
 * A failure mode, or `local` with the share of each limit that this process enforces: above 0, at most 1. A limit times
 * the share is rounded down and is at least 1. With a share of 1/n, n processes together admit the limit once instead
 * of n times.
 *
 * @example
 * ThrottleModule.forRoot({ onError: { local: { share: 0.25 } } })
 */
export type OnError = FailureMode | { readonly local: { readonly share: number } };

/** The valid values of `onError`, for error messages. */
export const AN_ON_ERROR = '"local", "allow" or "deny", or { local: { share } } with a share above 0 and at most 1';

/**
 * The mode of a policy. `on`: it is enforced. `monitor`: it counts and decides as with `on`, but denies nothing; the
 * event `violation` reports each call that it would have denied. `off`: it does not count, and the backend is not
 * called.
 *
 * @example
 * ThrottleModule.forRoot({ policies: { search: { rate: '30/min', mode: 'monitor' } } })
 */
export type PolicyMode = 'on' | 'off' | 'monitor';

/** A named limit, parsed, validated and frozen by `definePolicy`. Whole numbers, whole milliseconds. */
export interface Policy {
  /** The name in headers, bodies and events. */
  readonly name: string;
  /**
   * Identifies the budget: name, scope, and a code for strategy, period and segments, such as `login@app:f60000`. Limit
   * and burst are not part of it, so a changed limit keeps its usage.
   */
  readonly id: string;
  /** The strategy's name. */
  readonly strategy: string;
  /** Units per period. */
  readonly limit: number;
  /** The period. For a month or a year of `calendar`, its mean length. */
  readonly periodMs: number;
  /**
   * Units that a full limit grants at once: the capacity of a bucket, the limit plus rollover of a quota, else `limit`.
   */
  readonly burst: number;
  /** Counters of a sliding window; 1 for other strategies. */
  readonly segments: number;
  /** The unit that is counted, as written in headers. Default: requests. */
  readonly unit?: string;
  /** False if no header shows the policy's decisions. */
  readonly headers?: false;
  /** The failure mode. Default: that of the module. */
  readonly onError?: OnError;
  /** Set if units are taken from a remote backend in batches of at least this size and spent in the process. */
  readonly lease?: { readonly batch: number };
  /** Set if the policy blocks subjects, or allows blocking them by hand. */
  readonly block?: PolicyBlock;
  /** Set for `calendar`: how time is divided into windows. */
  readonly calendar?: PolicyCalendar;
  /** For `calendar`: the shares of the limit that are reported when they are reached, lowest first. */
  readonly thresholds?: readonly number[];
  /** Set if units of the policy are held while a call runs. Then `HoldStore` decides its charges instead of `spend`. */
  readonly held?: HeldUnits;
}

/** How units of a policy are held. */
export interface HeldUnits {
  /** `charge` charges the units of a hold that expires to the window of that instant; `release` frees them. */
  readonly onExpiry: 'charge' | 'release';
  /**
   * Set if units above the limit of a window are taken from the next window, up to its limit. Default: they are
   * dropped.
   */
  readonly carryDebt?: true;
}

/** When a policy blocks a subject, and for how long. */
export interface PolicyBlock {
  /** The length of the shortest block, in milliseconds; 0 if blocks are set by hand only. */
  readonly forMs: number;
  /** The number of denials in a row that begins a block, at least 1. */
  readonly after: number;
  /** Multiples of `forMs`, for the first block, the second, and so on. The last one applies to all later blocks. */
  readonly escalate: readonly number[];
  /** Milliseconds after which earlier blocks and denials in a row are forgotten. */
  readonly forgetAfterMs: number;
}

/** The window of a calendar quota. A `week` begins on Monday, as in ISO 8601. */
export type CalendarUnit = 'hour' | 'day' | 'week' | 'month' | 'year';

/** How a `calendar` policy divides time into windows. */
export interface PolicyCalendar {
  /** The length of a window. */
  readonly unit: CalendarUnit;
  /** The IANA name of a time zone. */
  readonly timeZone: string;
  /**
   * The instant at which window 0 begins, in epoch milliseconds. If omitted, windows begin with the units of the
   * calendar.
   */
  readonly anchorMs?: number;
}

/**
 * A rate as a backend stores it: its numbers, and the strategy that they were validated for. An override or a run-time
 * change uses it instead of a policy's own rate.
 *
 * @example
 * const rate: StoredRate = { strategy: 'sliding-window', limit: 500, periodMs: 60_000, burst: 500, segments: 10 };
 */
export type StoredRate = Pick<Policy, 'strategy' | 'limit' | 'periodMs' | 'burst' | 'segments'>;

/** Returns the rate of a policy, to be stored. */
export function storedRateOf({ strategy, limit, periodMs, burst, segments }: Policy): StoredRate {
  return { strategy, limit, periodMs, burst, segments };
}

/** Returns true for an `OnError`. */
export function isOnError(value: unknown): value is OnError {
  if (typeof value !== 'object' || value === null) return value === 'local' || value === 'allow' || value === 'deny';
  const local: unknown = Reflect.get(value, 'local');
  const isAlone = (object: object) => Object.keys(object).length === 1;
  if (typeof local !== 'object' || local === null || !isAlone(value) || !isAlone(local)) return false;
  const share: unknown = Reflect.get(local, 'share');
  return typeof share === 'number' && share > 0 && share <= 1;
}

/** Throws a ThrottleConfigError unless `value` is an `OnError`. `path` names it in the message. */
export function assertOnError(path: string, value: unknown): asserts value is OnError {
  if (!isOnError(value)) throw invalidValue(path, AN_ON_ERROR, foundOnError(value));
}

/** Returns the invalid part of a value that should be an `OnError`: its share, or all of it. */
export function foundOnError(value: unknown): unknown {
  const local: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, 'local') : undefined;
  return typeof local === 'object' && local !== null && 'share' in local ? local.share : value;
}

/** Returns the failure mode of an `OnError`. */
export function failureModeOf(onError: OnError): FailureMode {
  return typeof onError === 'string' ? onError : 'local';
}

/** Returns true for a `PolicyMode`. */
export function isPolicyMode(value: unknown): value is PolicyMode {
  return value === 'on' || value === 'off' || value === 'monitor';
}

const NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/;

/** The name of unnamed limits. */
export const DEFAULT_NAME = 'default';

/** Returns true for a valid policy name. */
export function isPolicyName(name: unknown): name is string {
  return typeof name === 'string' && NAME.test(name) && name.toLowerCase() !== 'unlimited';
}

/** Throws a ThrottleConfigError unless `name` is a valid policy name. `path` names it in the message. */
export function assertPolicyName(path: string, name: unknown): asserts name is string {
  if (isPolicyName(name)) return;
  throw invalidValue(
    path,
    'a name of 1 to 64 letters, digits, "_", "." or "-" that begins with a letter and is not "unlimited"',
    name,
    'SLUICE_INVALID_NAME',
  );
}

/**
 * Joins name, scope and shape. The result is unambiguous: a name has no "@", each "@" of a scope is escaped, and a
 * shape has no ":".
 *
 * @param shape the code for strategy, period and segments, as returned by `shapeCode`
 */
export function policyId(name: string, scope: string, shape: string): string {
  return `${name}@${scope.replace(/[%@]/g, encodeURIComponent)}:${shape}`;
}

/** Splits the id of a policy into `name@scope` and shape. */
export function splitPolicyId(id: string): readonly [nameAndScope: string, shape: string] {
  const colon = id.lastIndexOf(':');
  return [id.slice(0, colon), id.slice(colon + 1)];
}
