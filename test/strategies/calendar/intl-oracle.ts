import type { CalendarUnit } from '../../../src/core/policy.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** The local time of instants as a text that sorts: `2026-03-29 01:30:00`. */
export class LocalTimes {
  readonly #format: Intl.DateTimeFormat;

  constructor(timeZone: string) {
    this.#format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' });
  }

  at(instant: number): string {
    return this.#format.format(instant);
  }

  /** The unit that contains the local time: its day, the Monday of its week, its month or its year. */
  labelAt(instant: number, unit: Exclude<CalendarUnit, 'hour'>): string {
    const date = this.at(instant).slice(0, 10);
    if (unit === 'day') return date;
    if (unit === 'month') return date.slice(0, 7);
    if (unit === 'year') return date.slice(0, 4);
    const day = new Date(`${date}T00:00Z`);
    day.setUTCDate(day.getUTCDate() - ((day.getUTCDay() + 6) % 7));
    return day.toISOString().slice(0, 10);
  }
}

/** Instants from `fromMs` up to `toMs`, exclusive: every minute in the last two hours of it, every half hour before, and the very last one. */
export function* instantsUpTo(fromMs: number, toMs: number): Generator<number> {
  for (let instant = fromMs; instant < toMs - 2 * HOUR_MS; instant += HOUR_MS / 2) yield instant;
  for (let instant = Math.max(fromMs, toMs - 2 * HOUR_MS); instant < toMs; instant += MINUTE_MS) yield instant;
  yield toMs - 1;
}

/** The instants at which the offset of a zone changes, from 1970 to 2100, to the millisecond. */
export function changesOf(timeZone: string): readonly number[] {
  const times = new LocalTimes(timeZone);
  const offsetAt = (instant: number) => Date.parse(`${times.at(instant).replace(' ', 'T')}Z`) - instant;
  const changes: number[] = [];
  const stepMs = 5 * 24 * HOUR_MS;
  for (let sample = 0; sample < Date.UTC(2100, 0, 1); sample += stepMs) {
    let [before, after] = [sample, sample + stepMs];
    const offset = offsetAt(before);
    if (offset === offsetAt(after)) continue;
    while (after - before > 1000) {
      const middle = before + Math.floor((after - before) / 2000) * 1000;
      if (offsetAt(middle) === offset) before = middle;
      else after = middle;
    }
    changes.push(after);
  }
  return changes;
}
