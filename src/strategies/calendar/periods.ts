import type { CalendarUnit } from '../../core/policy.js';
import type { Zone } from './zone.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * Six boundaries: the start of the current window, the two before it, and the three after it. So if one clock is a
 * window ahead of another or behind it, the window, the one before it and the one after it are still known.
 */
export type Boundaries = readonly [
  second: number,
  previous: number,
  current: number,
  next: number,
  third: number,
  fourth: number,
];

/**
 * Returns the boundaries of the windows around an instant, in epoch milliseconds.
 *
 * - Without an anchor a window begins at the first instant whose local date is its first day, or a later day if the
 *   zone has skipped that day. An hour begins whenever the zone's clock shows a full hour, so twice when clocks are set
 *   back over it.
 * - With an anchor, window k begins k units after it, at its local time of day. Months and years clamp the day to the
 *   month's length. Hours are 60 minutes each, counted from the anchor.
 *
 * A window that the zone has skipped entirely does not exist.
 *
 * @param anchorMs epoch milliseconds
 */
export function boundariesAround(
  instant: number,
  unit: CalendarUnit,
  zone: Zone,
  anchorMs: number | undefined,
): Boundaries {
  if (unit === 'hour') return anchorMs === undefined ? clockHours(instant, zone) : hoursFrom(anchorMs, instant);
  const localStartOf = localStarts(unit, anchorMs === undefined ? undefined : zone.localAt(anchorMs));
  // The local time of an anchor may occur twice, and the anchor may be the second occurrence.
  const startOf = (k: number) => (k === 0 && anchorMs !== undefined ? anchorMs : zone.firstInstantAt(localStartOf(k)));
  const estimate = indexOf(unit, zone.localAt(instant), localStartOf);
  // The last window that has begun. Skipped windows before it begin at the same instant.
  let current = estimate + 1;
  let startMs = startOf(current);
  while (startMs > instant) startMs = startOf(--current);
  for (let next = startOf(current + 1); next <= instant; next = startOf(current + 1)) {
    current += 1;
    startMs = next;
  }
  const starts = [startMs];
  for (let k = current - 1; starts.length < 3; k--) {
    const start = startOf(k);
    if (start !== starts[0]) starts.unshift(start);
  }
  for (let k = current + 1; starts.length < 6; k++) {
    const start = startOf(k);
    if (start !== starts[starts.length - 1]) starts.push(start);
  }
  return toBoundaries(starts);
}

/** Returns the start of window 1 after an anchor: the first window that units can be carried into. */
export function firstTurnAfter(anchorMs: number, unit: CalendarUnit, zone: Zone): number {
  return boundariesAround(anchorMs, unit, zone, anchorMs)[3];
}

/** Returns the local start of the unit with a number. */
type LocalStarts = (k: number) => number;

/** The first Monday after the epoch. */
const FIRST_MONDAY_MS = 4 * DAY_MS;

/** @param anchor the local time at which unit 0 starts */
function localStarts(unit: Exclude<CalendarUnit, 'hour'>, anchor: number | undefined): LocalStarts {
  if (unit === 'day' || unit === 'week') {
    const lengthMs = unit === 'day' ? DAY_MS : 7 * DAY_MS;
    const firstMs = anchor ?? (unit === 'day' ? 0 : FIRST_MONDAY_MS);
    return (k) => firstMs + k * lengthMs;
  }
  const months = unit === 'month' ? 1 : 12;
  if (anchor === undefined) return (k) => Date.UTC(1970, k * months, 1);
  const first = new Date(anchor);
  const [year, month, day] = [first.getUTCFullYear(), first.getUTCMonth(), first.getUTCDate()];
  const timeOfDay = anchor - Date.UTC(year, month, day);
  return (k) => {
    const lastDay = new Date(Date.UTC(year, month + k * months + 1, 0)).getUTCDate();
    return Date.UTC(year, month + k * months, Math.min(day, lastDay)) + timeOfDay;
  };
}

/** Returns the number of the unit that contains a local time. */
function indexOf(unit: CalendarUnit, localMs: number, localStartOf: LocalStarts): number {
  const firstMs = localStartOf(0);
  let k = 0;
  if (unit === 'day' || unit === 'week') {
    k = Math.floor((localMs - firstMs) / (unit === 'day' ? DAY_MS : 7 * DAY_MS));
  } else {
    const [first, date] = [new Date(firstMs), new Date(localMs)];
    const months = (date.getUTCFullYear() - first.getUTCFullYear()) * 12 + date.getUTCMonth() - first.getUTCMonth();
    k = unit === 'month' ? months : Math.floor(months / 12);
  }
  while (localStartOf(k) > localMs) k -= 1;
  while (localStartOf(k + 1) <= localMs) k += 1;
  return k;
}

function hoursFrom(anchorMs: number, instant: number): Boundaries {
  const startMs = instant - modulo(instant - anchorMs, HOUR_MS);
  return toBoundaries([-2, -1, 0, 1, 2, 3].map((k) => startMs + k * HOUR_MS));
}

function clockHours(instant: number, zone: Zone): Boundaries {
  const starts: number[] = [];
  let before: number | undefined;
  for (const { startMs, endMs, offsetMs } of zone.spans(instant - 6 * HOUR_MS, instant + 8 * HOUR_MS)) {
    const local = startMs + offsetMs;
    // Clocks that are set forward may skip the full hour.
    const isHourSkipped =
      before !== undefined && Math.floor(local / HOUR_MS) > Math.floor((startMs - 1 + before) / HOUR_MS);
    if (isHourSkipped && modulo(local, HOUR_MS) !== 0) starts.push(startMs);
    for (let start = startMs + modulo(-local, HOUR_MS); start < endMs; start += HOUR_MS) starts.push(start);
    before = offsetMs;
  }
  const current = starts.findLastIndex((start) => start <= instant);
  return toBoundaries(starts.slice(current - 2));
}

function modulo(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor;
}

function toBoundaries(starts: readonly number[]): Boundaries {
  const [second = 0, previous = 0, current = 0, next = 0, third = 0, fourth = 0] = starts;
  return [second, previous, current, next, third, fourth];
}
