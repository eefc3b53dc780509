import { isDate } from 'node:util/types';
import { invalidValue, optionAt, ThrottleConfigError } from '../../core/errors.js';
import type { CalendarUnit, Policy, PolicyCalendar } from '../../core/policy.js';
import { parseRate, type Rate } from '../../core/rate.js';
import { assertTimeZone, DEFAULT_ZONE } from './zone.js';

/** The options that only `calendar` has. */
export const QUOTA_OPTIONS = ['timeZone', 'anchor', 'rollover', 'thresholds'] as const;

/** The options of a quota as they are given. */
export interface QuotaSpec {
  readonly rate: string;
  readonly timeZone?: string | undefined;
  readonly anchor?: Date | undefined;
  readonly rollover?: number | undefined;
  readonly thresholds?: readonly number[] | undefined;
}

/** The checked options of a quota. */
export interface QuotaRules {
  readonly calendar: PolicyCalendar;
  readonly rollover: number;
  readonly thresholds: readonly number[] | undefined;
}

const A_UNIT = 'a rate per hour, day, week, month or year for "calendar", such as "1000/month"';

/** By the length of the period. For months and years it is the mean length, as returned by `parseRate`. */
const UNITS: ReadonlyMap<number, CalendarUnit> = new Map([
  [3_600_000, 'hour'],
  [86_400_000, 'day'],
  [604_800_000, 'week'],
  [2_629_746_000, 'month'],
  [31_556_952_000, 'year'],
]);

/**
 * Returns the same calendar with the unit whose length is the period.
 *
 * @throws ThrottleConfigError for a period that is no unit's length. `path` names the policy in the message
 */
export function calendarAt(path: string, calendar: PolicyCalendar, periodMs: number): PolicyCalendar {
  const unit = UNITS.get(periodMs);
  if (unit !== undefined) return Object.freeze({ ...calendar, unit });
  throw invalidValue(optionAt(path, 'rate'), A_UNIT, `${periodMs} ms`, 'SLUICE_CALENDAR_RATE');
}

/** Returns true for a rate that `calendar` can count: per hour, day, week, month or year. */
export function isCalendarRate({ unit, periodMs }: Rate): boolean {
  return unit !== undefined || UNITS.has(periodMs);
}

/** Returns a rate as a string that means the same to the strategy. */
export function rateText({ limit, periodMs }: Pick<Rate, 'limit' | 'periodMs'>, strategy: string): string {
  const unit = strategy === 'calendar' ? UNITS.get(periodMs) : undefined;
  return unit === undefined ? `${limit} per ${periodMs} ms` : `${limit}/${unit}`;
}

/** The earliest and the latest anchor. `Date` and `Intl` agree on local times in these years. */
const [MIN_ANCHOR_MS, MAX_ANCHOR_MS] = [Date.UTC(1900, 0, 1), Date.UTC(2200, 0, 1)];

/**
 * Returns the checked options of a quota; undefined for other strategies.
 *
 * @param isRateApart true if rate and rollover come from different places: a rollover above the limit is then cut to it
 * @throws ThrottleConfigError for an option that the strategy does not have, and for an invalid value
 */
export function readQuota(
  path: string,
  strategy: string,
  rate: Rate,
  spec: QuotaSpec,
  isRateApart: boolean,
): QuotaRules | undefined {
  if (strategy !== 'calendar') {
    if (rate.unit !== undefined) throw notCounted(path, strategy, rate.unit, spec);
    const other = QUOTA_OPTIONS.find((member) => spec[member] !== undefined);
    if (other !== undefined) throw notCalendar(optionAt(path, other), strategy, spec.rate);
    return undefined;
  }
  const unit = rate.unit ?? UNITS.get(rate.periodMs);
  if (unit === undefined) {
    throw invalidValue(optionAt(path, 'rate'), A_UNIT, spec.rate, 'SLUICE_CALENDAR_RATE');
  }
  const { timeZone = DEFAULT_ZONE, anchor, rollover = 0, thresholds } = spec;
  assertTimeZone(optionAt(path, 'timeZone'), timeZone);
  if (!(Number.isSafeInteger(rollover) && rollover >= 0 && (isRateApart || rollover <= rate.limit))) {
    throw invalidValue(
      optionAt(path, 'rollover'),
      `a whole number of units, from 0 to the limit of ${rate.limit}`,
      rollover,
    );
  }
  return {
    calendar: Object.freeze({
      unit,
      timeZone,
      ...(anchor !== undefined && { anchorMs: anchorMsOf(optionAt(path, 'anchor'), anchor) }),
    }),
    rollover: Math.min(rollover, rate.limit),
    thresholds: readThresholds(optionAt(path, 'thresholds'), thresholds),
  };
}

/**
 * Returns the instant of an anchor in epoch milliseconds.
 *
 * @throws ThrottleConfigError unless it is a valid Date from 1900 to 2200
 */
export function anchorMsOf(path: string, anchor: unknown): number {
  const expected = 'a valid Date from 1900 to 2200';
  if (!isDate(anchor)) throw invalidValue(path, expected, anchor);
  const instant = anchor.getTime();
  if (instant >= MIN_ANCHOR_MS && instant < MAX_ANCHOR_MS) return instant;
  const found = Number.isNaN(instant) ? 'an invalid one' : anchor.toISOString();
  throw new ThrottleConfigError('SLUICE_INVALID_OPTION', `${path}: expected ${expected}, got ${found}`);
}

function readThresholds(path: string, thresholds: unknown): readonly number[] | undefined {
  if (thresholds === undefined) return undefined;
  const isShare = (share: unknown) => typeof share === 'number' && share > 0 && share <= 1;
  const expected = 'a list of different shares of the limit, each above 0 and at most 1, such as [0.8, 1]';
  if (!Array.isArray(thresholds) || thresholds.length === 0) throw invalidValue(path, expected, thresholds);
  const invalid = thresholds.find((share, i) => !isShare(share) || thresholds.indexOf(share) !== i);
  if (invalid !== undefined || thresholds.includes(undefined)) throw invalidValue(path, expected, invalid);
  return Object.freeze([...thresholds].sort((a, b) => a - b));
}

/**
 * Throws for an option of quotas if one of the policies is not a quota. @throws ThrottleConfigError naming the option
 */
export function assertQuotas(path: string, policies: readonly Policy[]): void {
  const other = policies.find(({ calendar }) => calendar === undefined);
  if (other !== undefined) throw notCalendar(path, other.strategy);
}

function notCalendar(path: string, strategy: string, rate?: string): ThrottleConfigError {
  const rates = rate === undefined ? [] : parseRate(rate);
  const isCountable = rates.every(isCalendarRate);
  const fix = isCountable
    ? 'use { strategy: "calendar" }, which a month or a year implies'
    : `write a rate per hour, day, week, month or year instead of "${rate}", with { strategy: "calendar" }`;
  return new ThrottleConfigError(
    'SLUICE_UNUSED_OPTION',
    isCountable || rates.length === 1
      ? `${path}: "${strategy}" does not have this option. Leave it out, or ${fix}.`
      : `${path}: a quota with this option takes one rate, but "${rate}" has ${rates.length}. Make the quota a separate policy, or leave the option out.`,
  );
}

function notCounted(path: string, strategy: string, unit: string, { rate }: QuotaSpec): ThrottleConfigError {
  return new ThrottleConfigError(
    'SLUICE_CALENDAR_RATE',
    `${optionAt(path, 'rate')}: "${strategy}" cannot count "${rate}", because a ${unit} has no fixed length. Leave the strategy out, or use { strategy: "calendar" }, or a period of days.`,
  );
}
