import { describe, expect, it } from '@jest/globals';
import { calendarArguments } from '../../../src/strategies/calendar/quota-windows.js';
import { definePolicies, definePolicy, type PolicySpec } from '../../../src/strategies/define-policy.js';
import { thrownProblem } from '../../support/config-error.js';
import { anchoredWindow } from '../../support/custom-strategy.js';

const define = (spec: unknown) => Reflect.apply(definePolicy, undefined, ['plan', spec]);

describe('a quota', () => {
  it('is implied by a month or a year', () => {
    expect(definePolicy('plan', '1000/month')).toEqual({
      name: 'plan',
      id: 'plan@app:cm',
      strategy: 'calendar',
      limit: 1000,
      periodMs: 2_629_746_000,
      burst: 1000,
      segments: 1,
      calendar: { unit: 'month', timeZone: 'UTC' },
    });
    expect(definePolicy('plan', '5 per year').calendar?.unit).toBe('year');
  });

  it.each([
    ['10/hour', 'hour', 'ch'],
    ['10/24h', 'day', 'cd'],
    ['10/week', 'week', 'cw'],
    ['10/1 month', 'month', 'cm'],
    ['10/YEAR', 'year', 'cy'],
  ])('of %s counts in the unit %s, and has the code %s', (rate, unit, code) => {
    const policy = definePolicy('plan', { rate, strategy: 'calendar' });
    expect(policy).toMatchObject({ calendar: { unit, timeZone: 'UTC' }, id: `plan@app:${code}` });
  });

  it('has time zone and anchor in its id, but not limit, rollover and thresholds', () => {
    const anchor = new Date('2026-01-31T00:00Z');
    const specs: readonly PolicySpec[] = [
      { rate: '10/month' },
      { rate: '10/month', timeZone: 'Europe/Berlin' },
      { rate: '10/month', anchor },
      { rate: '10/month', anchor, timeZone: 'Europe/Berlin' },
    ];
    const ids = specs.map((spec) => definePolicies('policies.plan', 'plan', spec)[0]?.id);
    expect(ids).toEqual([
      'plan@app:cm',
      'plan@app:cm/europe/berlin',
      `plan@app:cm${anchor.getTime().toString(36)}`,
      `plan@app:cm${anchor.getTime().toString(36)}/europe/berlin`,
    ]);
    const same: PolicySpec = { rate: '20/month', rollover: 5, thresholds: [1, 0.8], timeZone: 'utc' };
    expect(definePolicies('policies.plan', 'plan', same)[0]).toMatchObject({
      id: 'plan@app:cm',
      limit: 20,
      burst: 25,
      thresholds: [0.8, 1],
    });
  });

  it('may be combined with other rates, each with its strategy', () => {
    const policies = definePolicies('default', 'api', { rate: '10/s; 1000/month' });
    expect(policies.map(({ name, strategy }) => [name, strategy])).toEqual([
      ['api-1s', 'sliding-window'],
      ['api-1month', 'calendar'],
    ]);
  });

  const list = 'expected a list of different shares of the limit, each above 0 and at most 1, such as [0.8, 1]';
  const zone = 'policies.plan.timeZone: expected the IANA name of a time zone such as "Europe/Berlin" or "UTC"';
  it.each<readonly [spec: object, message: string]>([
    [
      { rate: '10/min', strategy: 'calendar' },
      'policies.plan.rate: expected a rate per hour, day, week, month or year for "calendar", such as "1000/month", got "10/min"',
    ],
    [
      { rate: '10/month', strategy: 'fixed-window' },
      'policies.plan.rate: "fixed-window" cannot count "10/month", because a month has no fixed length. Leave the strategy out, or use { strategy: "calendar" }, or a period of days.',
    ],
    [
      { rate: '10/day', rollover: 5 },
      'policies.plan.rollover: "sliding-window" does not have this option. Leave it out, or use { strategy: "calendar" }, which a month or a year implies.',
    ],
    [
      { rate: '10/day', strategy: 'fixed-window', timeZone: 'UTC' },
      'policies.plan.timeZone: "fixed-window" does not have this option. Leave it out, or use { strategy: "calendar" }, which a month or a year implies.',
    ],
    [
      { rate: '10/s; 10/month', thresholds: [1] },
      'policies.plan.thresholds: a quota with this option takes one rate, but "10/s; 10/month" has 2. Make the quota a separate policy, or leave the option out.',
    ],
    [
      { rate: '10/day; 10/hour', thresholds: [1] },
      'policies.plan.thresholds: "sliding-window" does not have this option. Leave it out, or use { strategy: "calendar" }, which a month or a year implies.',
    ],
    [
      { rate: '3/min', timeZone: 'Europe/Berlin' },
      'policies.plan.timeZone: "sliding-window" does not have this option. Leave it out, or write a rate per hour, day, week, month or year instead of "3/min", with { strategy: "calendar" }.',
    ],
    [{ rate: '10/month', timeZone: 'Europe/Berln' }, `${zone}, got "Europe/Berln"`],
    [{ rate: '10/month', timeZone: '+05:30' }, `${zone}, got "+05:30"`],
    [{ rate: '10/month', timeZone: '' }, `${zone}, got ""`],
    [{ rate: '10/month', timeZone: 2 }, `${zone}, got 2 (number)`],
    [
      { rate: '10/month', anchor: '2026-01-31' },
      'policies.plan.anchor: expected a valid Date from 1900 to 2200, got "2026-01-31"',
    ],
    [
      { rate: '10/month', anchor: new Date(Number.NaN) },
      'policies.plan.anchor: expected a valid Date from 1900 to 2200, got an invalid one',
    ],
    [
      { rate: '10/month', anchor: new Date(Date.UTC(2200, 0, 1)) },
      'policies.plan.anchor: expected a valid Date from 1900 to 2200, got 2200-01-01T00:00:00.000Z',
    ],
    [
      { rate: '10/month', rollover: 11 },
      'policies.plan.rollover: expected a whole number of units, from 0 to the limit of 10, got 11 (number)',
    ],
    [
      { rate: '10/month', rollover: 0.5 },
      'policies.plan.rollover: expected a whole number of units, from 0 to the limit of 10, got 0.5 (number)',
    ],
    [{ rate: '10/month', thresholds: 0.8 }, `policies.plan.thresholds: ${list}, got 0.8 (number)`],
    [{ rate: '10/month', thresholds: [] }, `policies.plan.thresholds: ${list}, got an empty list`],
    [{ rate: '10/month', thresholds: [0.8, 1.2] }, `policies.plan.thresholds: ${list}, got 1.2 (number)`],
    [{ rate: '10/month', thresholds: [0] }, `policies.plan.thresholds: ${list}, got 0 (number)`],
    [{ rate: '10/month', thresholds: [1, 1] }, `policies.plan.thresholds: ${list}, got 1 (number)`],
    [{ rate: '10/month', thresholds: ['80%'] }, `policies.plan.thresholds: ${list}, got "80%"`],
    [{ rate: '10/month', thresholds: [undefined] }, `policies.plan.thresholds: ${list}, got undefined`],
    [
      { rate: '10/month', lease: { batch: 2 } },
      'policies.plan.lease: only a "fixed-window" can be leased, and this policy is a "calendar". Add { strategy: "fixed-window" }, or leave the lease out.',
    ],
    [
      { rate: '10/month', burst: 20 },
      'policies.plan.burst: "calendar" has no burst. Leave it out, or use one of token-bucket, gcra, leaky-bucket.',
    ],
    [
      { rate: '4503599627370000/month', rollover: 1000 },
      'policies.plan: too large to be counted exactly. Lower the limit and the rollover: together below 2^52.',
    ],
  ])('of %j is refused', (spec, message) => {
    expect(thrownProblem(() => define(spec))).toBe(message);
  });

  it('cannot have a custom strategy', () => {
    expect(() => definePolicy('plan', { rate: '10/month', strategy: anchoredWindow })).toThrow(
      'policies.plan.rate: "anchored-window" cannot count "10/month", because a month has no fixed length.',
    );
  });
});

describe('the arguments of a charge under a quota', () => {
  const noon = Date.parse('2026-02-10T12:00Z');
  const utc = (args: readonly number[]) => args.map((instant) => new Date(instant).toISOString().slice(0, 10));

  it('are the start of carrying, then the two windows before the current one, that one, and the next three', () => {
    const plan = definePolicy('plan', '10/month');
    const dates = ['2025-12-01', '2026-01-01', '2026-02-01', '2026-03-01', '2026-04-01', '2026-05-01'];
    expect(utc(calendarArguments(plan, noon))).toEqual(['1970-01-01', ...dates]);
  });

  it('begin to carry when the first window after the anchor ends, if anything is carried', () => {
    const anchor = new Date('2026-01-31T00:00Z');
    const dates = ['2025-11-30', '2025-12-31', '2026-01-31', '2026-02-28', '2026-03-31', '2026-04-30'];
    const plan = definePolicy('plan', { rate: '10/month', rollover: 5, anchor });
    expect(utc(calendarArguments(plan, noon))).toEqual(['2026-02-28', ...dates]);
    const without = definePolicy('plan', { rate: '10/month', anchor });
    expect(utc(calendarArguments(without, noon))).toEqual(['1970-01-01', ...dates]);
    const other = definePolicy('plan', { rate: '10/month', rollover: 5 });
    expect(utc(calendarArguments(other, noon, anchor))).toEqual(['2026-02-28', ...dates]);
  });

  it('are never before 1970', () => {
    const day = definePolicy('day', { rate: '10/day', strategy: 'calendar', timeZone: 'America/New_York' });
    expect(calendarArguments(day, 0)).toEqual([0, 0, 0, 0, 18_000_000, 104_400_000, 190_800_000]);
  });

  it.each<readonly [now: unknown, found: string]>([
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
    [-1, '-1'],
    [0.5, '0.5'],
    [8.64e15, '8640000000000000'],
    [new Date(noon), 'a'],
    [undefined, 'undefined'],
  ])('are refused at %p, which is not an instant', (now, found) => {
    expect(() => Reflect.apply(calendarArguments, undefined, [definePolicy('plan', '1/month'), now])).toThrow(
      `calendarArguments: now: expected whole epoch milliseconds of the years 1970 to 9999, got ${found}`,
    );
  });

  it('are refused for a policy without a calendar, and for an anchor that is not a Date', () => {
    expect(() => calendarArguments(definePolicy('plan', '10/day'), noon)).toThrow(
      'policy "plan": expected a policy with the strategy "calendar" that definePolicy() made, got one with "sliding-window"',
    );
    expect(() => Reflect.apply(calendarArguments, undefined, [definePolicy('plan', '1/month'), noon, noon])).toThrow(
      `calendarArguments: anchor: expected a valid Date from 1900 to 2200, got ${noon} (number)`,
    );
  });
});
