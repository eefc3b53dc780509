import { describeValue, invalidValue, ThrottleConfigError } from './errors.js';
import type { Checked } from './literals/checked-options.js';
import type { CheckedRate } from './literals/rate-literal.js';

/**
 * One or several rates as a string; see `parseRate`. The literal in the union makes TypeScript before 5.3 infer
 * literals for members of this type, so that they are checked.
 */
export type RateText = 'unlimited' | (string & {});

/**
 * Any string, for a parameter that also accepts an object: with `string & {}`, editors would offer the members of
 * `String` for the object. The second part of the union has no values; it names a literal as `RateText` does.
 */
export type TextOrElse = string | ('unlimited' & (() => never));

/**
 * A length of time as a string, `<count><unit>`. Units: ms, s, sec, second, m, min, minute, h, hr, hour, d, day, w,
 * week, and their plurals.
 *
 * @example
 * const timeout: Duration = '15m';
 */
export type Duration = string;

/** A number of units in a period. */
export interface Rate {
  /** Units per period; a safe integer of at least 1. */
  readonly limit: number;
  /**
   * Whole milliseconds; a safe integer of at least 1. For a month or a year, its mean length in the Gregorian calendar.
   */
  readonly periodMs: number;
  /** Set for a month or a year, which have no fixed length: only `calendar` counts them. */
  readonly unit?: 'month' | 'year';
}

// No two runs of \s are adjacent, so a long run of spaces after "5 per" is rejected in one pass.
const RATE =
  /^\s*(\d+)\s*(?:\/|(?<=\s)per(?=\s))\s*(?:(\d+)\s*)?(ms|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?|months?|years?)\s*$/i;
const DURATION = /^\s*(\d+)\s*(ms|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?)\s*$/i;
const UNLIMITED = /^\s*unlimited\s*$/i;
const EXPECTED = 'expected "<count>/<unit>" such as "5/min", "10 per 30 seconds", "10/s; 200/hour" or "unlimited"';
const EXPECTED_ONE = 'expected "<count>/<unit>" such as "5/min", "10 per 30 seconds" or "unlimited"';

const UNITS: readonly (readonly [suffix: string, ms: number])[] = [
  ['w', 604_800_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
];

/** Mean lengths: 400 years of the Gregorian calendar have 146 097 days. */
const CALENDAR_UNITS: Readonly<Record<'month' | 'year', number>> = { month: 2_629_746_000, year: 31_556_952_000 };

/**
 * Returns true for a string that is meant as a rate (it starts with a digit or is `unlimited`) and not as a policy's
 * name.
 */
export function looksLikeRate(text: string): boolean {
  return /^\s*\d/.test(text) || UNLIMITED.test(text);
}

/**
 * Parses a rate: `<count>/<n><unit>` or `<count> per <n> <unit>`, case-insensitive; several are separated by `;`.
 * Units: ms, s, sec, second, m, min, minute, h, hr, hour, d, day, w, week (7 days), and their plurals; and one month or
 * one year.
 *
 * @returns the rates in order; none for `unlimited`
 * @throws ThrottleConfigError with the string and the expected form
 * @example
 * parseRate('10/s; 200/hour');  // [{ limit: 10, periodMs: 1000 }, { limit: 200, periodMs: 3600000 }]
 */
export function parseRate<const Text extends RateText>(text: Checked<Text, CheckedRate<Text>>): readonly Rate[];
export function parseRate(text: string): readonly Rate[] {
  return parse(text, EXPECTED);
}

/**
 * Parses a rate of the configuration, as `parseRate` does.
 *
 * @param path names the rate in the error
 * @throws ThrottleConfigError
 */
export function parseRateAt(path: string, text: string): readonly Rate[] {
  return parse(text, `${path}: ${EXPECTED}`);
}

/**
 * Throws unless a string is one rate, or `unlimited`.
 *
 * @param path names the rate in the error
 * @throws ThrottleConfigError
 */
export function assertSingleRate(path: string, text: string): void {
  if (parse(text, `${path}: ${EXPECTED_ONE}`).length < 2) return;
  throw invalidValue(path, 'one rate such as "500/min"', text, 'SLUICE_INVALID_RATE');
}

function parse(text: string, expected: string): readonly Rate[] {
  if (typeof text !== 'string')
    throw new ThrottleConfigError('SLUICE_INVALID_RATE', `${expected}, got ${describeValue(text)}`);
  if (UNLIMITED.test(text)) return [];
  return text.split(';').map((part) => parseOne(part, text, expected));
}

function parseOne(part: string, text: string, expected: string): Rate {
  const fail = (why = '') =>
    new ThrottleConfigError('SLUICE_INVALID_RATE', `${expected}, got ${describeValue(text)}${why}`);
  const match = RATE.exec(part);
  if (match === null) throw fail();
  const [, count = '', n = '1', unit = ''] = match;
  const limit = Number(count);
  const periods = Number(n);
  const calendarUnit = calendarUnitOf(unit.toLowerCase());
  const periodMs = periods * (calendarUnit === undefined ? unitMs(unit.toLowerCase()) : CALENDAR_UNITS[calendarUnit]);
  if (limit < 1 || periods < 1) throw fail(': counts and periods are at least 1');
  if (![limit, periods, periodMs].every(Number.isSafeInteger)) throw fail(': larger than 2^53 - 1');
  if (calendarUnit === undefined) return { limit, periodMs };
  if (periods > 1) throw fail(`: a quota is of one ${calendarUnit}; use days for another period`);
  return { limit, periodMs, unit: calendarUnit };
}

function calendarUnitOf(unit: string): Rate['unit'] {
  if (unit.startsWith('month')) return 'month';
  return unit.startsWith('year') ? 'year' : undefined;
}

/**
 * Returns a length of time in milliseconds, at least 1.
 *
 * @param path names the value in the message
 * @throws ThrottleConfigError for a value that is not a duration with a unit, and for one above `maxMs`
 */
export function parseDuration(path: string, text: unknown, maxMs: number): number {
  const fail = (why = '') =>
    new ThrottleConfigError(
      'SLUICE_INVALID_DURATION',
      `${path}: expected a duration "<count><unit>" such as "5m" or "1h", got ${describeValue(text)}${why}`,
    );
  const [, count, unit = ''] = (typeof text === 'string' && DURATION.exec(text)) || [];
  if (count === undefined) throw fail();
  const ms = Number(count) * unitMs(unit.toLowerCase());
  if (ms < 1) throw fail(': durations are at least 1 ms');
  if (ms > maxMs) throw fail(`: longer than ${maxMs / 86_400_000} days`);
  return ms;
}

function unitMs(unit: string): number {
  // "m" is a minute and "ms" a millisecond. Other units differ in their first letter.
  const suffix = unit === 'ms' ? 'ms' : unit.charAt(0);
  return UNITS.find(([known]) => known === suffix)?.[1] ?? Number.NaN;
}

/** Returns a period in its largest whole unit: `1s`, `90s`, `1h`; `1month`, `1year`. */
export function periodLabel(periodMs: number, unit?: Rate['unit']): string {
  if (unit !== undefined) return `1${unit}`;
  const [suffix, ms] = UNITS.find(([, unit]) => periodMs % unit === 0) ?? ['ms', 1];
  return `${periodMs / ms}${suffix}`;
}
