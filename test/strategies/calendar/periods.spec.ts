import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DateTime } from 'luxon';
import type { CalendarUnit } from '../../../src/core/policy.js';
import { boundariesAround, firstTurnAfter } from '../../../src/strategies/calendar/periods.js';
import { Zone } from '../../../src/strategies/calendar/zone.js';
import { scaled } from '../../support/scale.js';
import { changesOf, instantsUpTo, LocalTimes } from './intl-oracle.js';
import { ZONES } from './zones.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const DATED = ['day', 'week', 'month', 'year'] as const;
const END = Date.UTC(2100, 0, 1);

/** Returns begin and end of the window at an instant, as UTC. */
function windowAt(utc: string, unit: CalendarUnit, zone: string, anchor?: string): readonly string[] {
  const anchorMs = anchor === undefined ? undefined : Date.parse(anchor);
  const [, , start, end] = boundariesAround(Date.parse(utc), unit, new Zone(zone), anchorMs);
  return [start, end].map((instant) => new Date(instant).toISOString().replace(/:00\.000Z$/, 'Z'));
}

const zones = ZONES.map((name) => ({
  name,
  zone: new Zone(name),
  times: new LocalTimes(name),
  changes: changesOf(name),
}));

/** Instants of 1970 to 2100 in any of the zones: half of them within two days of a change of its offset. */
const moments = fc
  .record({
    at: fc.constantFrom(...zones),
    instant: fc.integer({ min: 0, max: END }),
    change: fc.nat(),
    aside: fc.integer({ min: -2 * DAY_MS, max: 2 * DAY_MS }),
    isNear: fc.boolean(),
  })
  .map(({ at, instant, change, aside, isNear }) => {
    const near = at.changes[change % Math.max(1, at.changes.length)];
    return { ...at, instant: isNear && near !== undefined ? near + aside : instant };
  });

describe('the windows of a calendar', () => {
  it.each([
    ['day', '2026-03-29T12:00Z', 'UTC', '2026-03-29T00:00Z', '2026-03-30T00:00Z'],
    ['day', '2026-03-29T12:00Z', 'Europe/Berlin', '2026-03-28T23:00Z', '2026-03-29T22:00Z'],
    ['day', '2026-10-25T12:00Z', 'Europe/Berlin', '2026-10-24T22:00Z', '2026-10-25T23:00Z'],
    ['day', '2026-03-08T12:00Z', 'America/New_York', '2026-03-08T05:00Z', '2026-03-09T04:00Z'],
    ['day', '2026-11-01T12:00Z', 'America/New_York', '2026-11-01T04:00Z', '2026-11-02T05:00Z'],
    ['day', '2026-05-01T18:29Z', 'Asia/Kolkata', '2026-04-30T18:30Z', '2026-05-01T18:30Z'],
    // The clocks of Havana go back at 01:00 to 00:00: the day begins at the first midnight.
    ['day', '2026-11-01T04:30Z', 'America/Havana', '2026-11-01T04:00Z', '2026-11-02T05:00Z'],
    // Midnight did not exist: clocks went forward at 00:00 to 01:00.
    ['day', '2018-11-04T12:00Z', 'America/Sao_Paulo', '2018-11-04T03:00Z', '2018-11-05T02:00Z'],
    ['day', '2026-03-29T12:00Z', 'Asia/Beirut', '2026-03-28T22:00Z', '2026-03-29T21:00Z'],
    // They went back at 00:01 to 23:01 of the day before.
    ['day', '2010-11-07T02:45Z', 'America/St_Johns', '2010-11-07T02:30Z', '2010-11-08T03:30Z'],
    ['day', '2026-04-05T00:00Z', 'Australia/Lord_Howe', '2026-04-04T13:00Z', '2026-04-05T13:30Z'],
    // 30 December 2011 did not exist.
    ['day', '2011-12-30T09:59Z', 'Pacific/Apia', '2011-12-29T10:00Z', '2011-12-30T10:00Z'],
    ['day', '2011-12-30T10:00Z', 'Pacific/Apia', '2011-12-30T10:00Z', '2011-12-31T10:00Z'],
    // Pyongyang was at +08:30 from August 2015 to May 2018.
    ['month', '2018-05-15T00:00Z', 'Asia/Pyongyang', '2018-04-30T15:30Z', '2018-05-31T15:00Z'],
    ['week', '2021-01-01T00:00Z', 'UTC', '2020-12-28T00:00Z', '2021-01-04T00:00Z'],
    ['week', '2026-12-31T00:00Z', 'UTC', '2026-12-28T00:00Z', '2027-01-04T00:00Z'],
    ['month', '2028-02-29T23:59Z', 'UTC', '2028-02-01T00:00Z', '2028-03-01T00:00Z'],
    ['month', '2026-12-31T23:00Z', 'Europe/Berlin', '2026-12-31T23:00Z', '2027-01-31T23:00Z'],
    ['year', '2026-12-31T22:59Z', 'Europe/Berlin', '2025-12-31T23:00Z', '2026-12-31T23:00Z'],
    // An hour begins when the clock shows a full hour, for the second time too.
    ['hour', '2026-10-25T01:10Z', 'Europe/Berlin', '2026-10-25T01:00Z', '2026-10-25T02:00Z'],
    ['hour', '2026-05-01T10:10Z', 'Asia/Kolkata', '2026-05-01T09:30Z', '2026-05-01T10:30Z'],
    ['hour', '2026-04-04T15:10Z', 'Australia/Lord_Howe', '2026-04-04T14:00Z', '2026-04-04T15:30Z'],
    ['hour', '2026-10-03T15:40Z', 'Australia/Lord_Howe', '2026-10-03T15:30Z', '2026-10-03T16:00Z'],
  ] as const)('has the %s at %s in %s from %s to %s', (unit, at, zone, start, end) => {
    expect(windowAt(at, unit, zone)).toEqual([start, end]);
  });

  it.each([
    ['month', '2026-02-10T00:00Z', 'UTC', '2026-01-31T10:30Z', '2026-01-31T10:30Z', '2026-02-28T10:30Z'],
    ['month', '2028-02-29T10:30Z', 'UTC', '2026-01-31T10:30Z', '2028-02-29T10:30Z', '2028-03-31T10:30Z'],
    ['month', '2026-04-30T10:29Z', 'UTC', '2026-01-31T10:30Z', '2026-03-31T10:30Z', '2026-04-30T10:30Z'],
    ['month', '2025-12-31T10:30Z', 'UTC', '2026-01-31T10:30Z', '2025-12-31T10:30Z', '2026-01-31T10:30Z'],
    // 09:00 in Berlin, in winter and in summer.
    ['month', '2026-04-01T00:00Z', 'Europe/Berlin', '2026-03-15T08:00Z', '2026-03-15T08:00Z', '2026-04-15T07:00Z'],
    // 02:30 does not exist on 29 March.
    ['day', '2026-03-29T02:00Z', 'Europe/Berlin', '2026-03-01T01:30Z', '2026-03-29T01:00Z', '2026-03-30T00:30Z'],
    // The second 02:30 of 25 October.
    ['day', '2026-10-25T01:30Z', 'Europe/Berlin', '2026-10-25T01:30Z', '2026-10-25T01:30Z', '2026-10-26T01:30Z'],
    ['week', '2026-06-10T00:00Z', 'UTC', '2026-06-03T12:00Z', '2026-06-03T12:00Z', '2026-06-10T12:00Z'],
    ['year', '2027-03-01T00:00Z', 'UTC', '2024-02-29T00:00Z', '2027-02-28T00:00Z', '2028-02-29T00:00Z'],
    ['hour', '2026-10-25T01:10Z', 'Europe/Berlin', '2026-10-24T00:20Z', '2026-10-25T00:20Z', '2026-10-25T01:20Z'],
  ] as const)(
    'with an anchor has the %s at %s in %s, from %s on, from %s to %s',
    (unit, at, zone, anchor, start, end) => {
      expect(windowAt(at, unit, zone, anchor)).toEqual([start, end]);
    },
  );

  it('begin at the first instant whose local date by Intl is in them, from 1970 to 2100, in 30 zones', () => {
    fc.assert(
      fc.property(moments, fc.constantFrom(...DATED), ({ zone, times, instant }, unit) => {
        const boundaries = boundariesAround(instant, unit, zone, undefined);
        expect(boundaries[2]).toBeLessThanOrEqual(instant);
        expect(boundaries[3]).toBeGreaterThan(instant);
        boundaries.forEach((start, i) => {
          const label = times.labelAt(start, unit);
          // All that is before it is in an earlier window; the window before it is that of the boundary before it.
          const before = [...instantsUpTo(start - 50 * HOUR_MS, start)].map((one) => times.labelAt(one, unit));
          const latest = before.reduce((a, b) => (a > b ? a : b));
          expect(latest < label).toBe(true);
          const previous = boundaries[i - 1];
          if (previous !== undefined && unit !== 'day') expect(times.labelAt(previous, unit)).toBe(latest);
          if (previous !== undefined && unit === 'day') {
            const within = before.filter((one) => one >= times.labelAt(previous, unit));
            expect(new Set(within).size).toBe(1);
          }
        });
      }),
      { numRuns: scaled(60, 2000) },
    );
  });

  it('of a day equal those of luxon, unless luxon uses the second of two midnights', () => {
    const differences = new Map<string, number>();
    for (const { name, zone, changes } of zones) {
      for (const change of changes) {
        const today = Math.floor((change + zone.offsetAt(change - 1)) / DAY_MS);
        for (let day = today - 1; day <= today + 1; day++) {
          const [year, month, date] = new Date(day * DAY_MS).toISOString().slice(0, 10).split('-').map(Number);
          const theirs = DateTime.fromObject({ year, month, day: date }, { zone: name }).startOf('day').toMillis();
          const ours = zone.firstInstantAt(day * DAY_MS);
          if (ours === theirs) continue;
          // Luxon is late: the local date began before.
          expect(theirs).toBeGreaterThan(ours);
          differences.set(name, (differences.get(name) ?? 0) + 1);
        }
      }
    }
    // The rules of the time zone database that Node has may change how many days these are, and for the future they do.
    expect([...differences.keys()].sort()).toEqual([
      'America/Havana',
      'America/St_Johns',
      'Asia/Gaza',
      'Asia/Tehran',
      'Europe/Lisbon',
    ]);
    expect(differences.get('America/Havana')).toBeGreaterThan(50);
  });

  it('of an hour begin when the zone shows a full hour, and last an hour except around a change of its offset', () => {
    fc.assert(
      fc.property(moments, ({ zone, times, instant, changes }) => {
        const [second, previous, start, ...later] = boundariesAround(instant, 'hour', zone, undefined);
        expect(start <= instant && instant < (later[0] ?? 0)).toBe(true);
        [second, previous, start, ...later].reduce((begin, end) => {
          const isChanged = changes.some((change) => change >= begin && change <= end);
          if (!isChanged) expect([end - begin, times.at(end).slice(14)]).toEqual([HOUR_MS, '00:00']);
          expect(end - begin).toBeLessThanOrEqual(2 * HOUR_MS);
          expect(end).toBeGreaterThan(begin);
          return end;
        });
      }),
      { numRuns: scaled(400, 20_000) },
    );
  });

  it('with an anchor begin at its local time of day, as many units after it, clamped to the length of the month', () => {
    fc.assert(
      fc.property(moments, fc.integer({ min: -400, max: 400 }), fc.constantFrom(...DATED), (moment, k, unit) => {
        const { zone, times } = moment;
        // The oracle knows seconds.
        const anchor = Math.floor(moment.instant / 1000) * 1000;
        const local = DateTime.fromMillis(zone.localAt(anchor), { zone: 'utc' });
        const target = local.plus({ [unit]: k }).toMillis();
        const start = k === 0 ? anchor : zone.firstInstantAt(target);
        const boundaries = boundariesAround(start, unit, zone, anchor);
        expect(boundaries[2]).toBe(start);
        expect(boundariesAround(start - 1, unit, zone, anchor)[3]).toBe(start);
        if (k === 0) return;
        const text = new Date(target).toISOString().slice(0, 19).replace('T', ' ');
        expect(times.at(start) >= text).toBe(true);
        for (const before of instantsUpTo(start - 50 * HOUR_MS, start)) expect(times.at(before) < text).toBe(true);
      }),
      { numRuns: scaled(60, 2000) },
    );
  });

  it('include the end of the first window after an anchor', () => {
    const anchor = Date.parse('2026-01-31T10:30Z');
    expect(firstTurnAfter(anchor, 'month', new Zone('UTC'))).toBe(Date.parse('2026-02-28T10:30Z'));
    expect(firstTurnAfter(anchor, 'hour', new Zone('UTC'))).toBe(Date.parse('2026-01-31T11:30Z'));
  });
});
