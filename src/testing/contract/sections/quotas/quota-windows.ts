import assert from 'node:assert/strict';
import { calendarArguments } from '../../../../strategies/calendar/quota-windows.js';
import { definePolicy, type PolicySpec } from '../../../../strategies/define-policy.js';
import { assertMembers } from '../../harness/assertions.js';
import type { Bench } from '../../harness/bench.js';
import { QuotaBench } from '../../harness/quota-trace.js';
import type { Suite } from '../../harness/suite.js';

/** Two consecutive windows of a quota of 10: the start of both, and the end of the second. */
type Windows = readonly [what: string, spec: PolicySpec, start: string, turn: string, end: string];

const day = (timeZone?: string): PolicySpec => ({ rate: '10/day', strategy: 'calendar', timeZone });

const WINDOWS: readonly Windows[] = [
  ['a day in UTC', day(), '2026-05-01T00:00Z', '2026-05-02T00:00Z', '2026-05-03T00:00Z'],
  ['February 2028', { rate: '10/month' }, '2028-02-01T00:00Z', '2028-03-01T00:00Z', '2028-04-01T00:00Z'],
  ['a day at +05:30', day('Asia/Kolkata'), '2026-04-30T18:30Z', '2026-05-01T18:30Z', '2026-05-02T18:30Z'],
  ['23 hours of Berlin', day('Europe/Berlin'), '2026-03-28T23:00Z', '2026-03-29T22:00Z', '2026-03-30T22:00Z'],
  ['25 hours of Berlin', day('Europe/Berlin'), '2026-10-24T22:00Z', '2026-10-25T23:00Z', '2026-10-26T23:00Z'],
  ['23 hours of New York', day('America/New_York'), '2026-03-08T05:00Z', '2026-03-09T04:00Z', '2026-03-10T04:00Z'],
  ['25 hours of New York', day('America/New_York'), '2026-11-01T04:00Z', '2026-11-02T05:00Z', '2026-11-03T05:00Z'],
  ['a day that was skipped', day('Pacific/Apia'), '2011-12-29T10:00Z', '2011-12-30T10:00Z', '2011-12-31T10:00Z'],
  [
    'the month in which Pyongyang changed its offset',
    { rate: '10/month', timeZone: 'Asia/Pyongyang' },
    '2018-04-30T15:30Z',
    '2018-05-31T15:00Z',
    '2018-06-30T15:00Z',
  ],
  [
    'a period from the 31st on',
    { rate: '10/month', anchor: new Date('2026-01-31T10:30Z') },
    '2026-01-31T10:30Z',
    '2026-02-28T10:30Z',
    '2026-03-31T10:30Z',
  ],
  ['31 December', { rate: '10/year' }, '2026-01-01T00:00Z', '2027-01-01T00:00Z', '2028-01-01T00:00Z'],
  ['week 53', { rate: '10/week', strategy: 'calendar' }, '2026-12-28T00:00Z', '2027-01-04T00:00Z', '2027-01-11T00:00Z'],
  [
    'the second hour from 2 to 3',
    { rate: '10/hour', strategy: 'calendar', timeZone: 'Europe/Berlin' },
    '2026-10-25T00:00Z',
    '2026-10-25T01:00Z',
    '2026-10-25T02:00Z',
  ],
];

/** The calendar window in which a charge is counted. */
export function quotaWindows(suite: Suite<Bench>): void {
  suite.group('a quota', () => {
    for (const [what, spec, start, turn, end] of WINDOWS) {
      suite.case(`is counted in ${what}, up to the last millisecond`, async (bench) => {
        const quota = await QuotaBench.open(bench, definePolicy('quota', spec));
        const late = new Date(Date.parse(turn) - 1).toISOString();
        const first = { window: [start, turn] } as const;
        await quota.follow([
          { at: start, cost: 4, ...first, used: 4, remaining: 6 },
          { at: late, cost: 6, ...first, used: 10, remaining: 0 },
          { at: late, cost: 1, ...first, used: 10, remaining: 0, passesAt: turn },
          { at: turn, cost: 1, window: [turn, end], used: 1, remaining: 9 },
        ]);
      });
    }

    suite.case('counts by the clock of the backend, even if the caller is in another window', async (bench) => {
      const quota = await QuotaBench.open(bench, definePolicy('quota', '10/month'));
      // The caller is in the same window, one and two behind, and one ahead.
      const window = { startMs: Date.parse('2026-03-01T00:00Z'), endMs: Date.parse('2026-04-01T00:00Z') };
      quota.clock.set(Date.parse('2026-03-10T00:00Z'));
      const seen = ['2026-03-10T00:00Z', '2026-02-27T00:00Z', '2026-01-02T00:00Z', '2026-04-20T00:00Z'];
      for (const [i, seenAt] of seen.entries()) {
        const decision = await quota.spend(2, {}, seenAt);
        assertMembers(decision, { remaining: 8 - 2 * i, window: { ...window, used: 2 + 2 * i } });
      }
    });

    suite.case('assumes that windows unknown to the caller are as long as the known ones', async (bench) => {
      const quota = await QuotaBench.open(bench, definePolicy('quota', day()));
      quota.clock.set(Date.parse('2026-03-10T12:00Z'));
      const window = { startMs: Date.parse('2026-03-10T00:00Z'), endMs: Date.parse('2026-03-11T00:00Z') };
      for (const [i, seenAt] of ['2026-03-10T00:00Z', '2025-12-01T00:00Z', '2026-07-01T00:00Z'].entries()) {
        const decision = await quota.spend(3, {}, seenAt);
        assertMembers(decision, { remaining: 7 - 3 * i, window: { ...window, used: 3 + 3 * i } });
      }
      const wait = Date.parse('2026-03-11T00:00Z') - quota.clock.now();
      assertMembers(await quota.spend(2, {}, '2025-12-01T00:00Z'), { allowed: false, retryAfterMs: wait });
    });

    suite.case(
      'stays in its latest window if the clock steps back into the one before, and not farther',
      async (bench) => {
        const quota = await QuotaBench.open(bench, definePolicy('quota', day()));
        const [second, third] = ['2026-05-02T00:00Z', '2026-05-03T00:00Z'];
        await quota.follow([
          { at: '2026-05-02T01:00Z', cost: 7, window: [second, third], used: 7, remaining: 3 },
          { at: '2026-05-01T12:00Z', cost: 2, window: [second, third], used: 9, remaining: 1 },
          { at: '2026-05-01T12:00Z', cost: 2, window: [second, third], used: 9, remaining: 1, passesAt: third },
          {
            at: '2026-04-30T12:00Z',
            cost: 1,
            window: ['2026-04-30T00:00Z', '2026-05-01T00:00Z'],
            used: 1,
            remaining: 9,
          },
        ]);
      },
    );

    suite.case(
      'starts a new count if the anchor of the call moves the window forward, and keeps the usage if it moves it back',
      async (bench) => {
        const policy = definePolicy('quota', '10/month');
        const quota = await QuotaBench.open(bench, policy);
        quota.clock.set(Date.parse('2026-02-05T00:00Z'));
        const spendFrom = (cost: number, anchor: string) =>
          quota.spend(cost, { arguments: calendarArguments(policy, quota.clock.now(), new Date(anchor)) });
        assertMembers(await spendFrom(3, '2026-01-31'), { window: quotaWindow('2026-01-31', '2026-02-28', 3) });
        assertMembers(await spendFrom(2, '2026-01-15'), { window: quotaWindow('2026-01-31', '2026-02-15', 5) });
        assertMembers(await spendFrom(1, '2026-01-31'), { window: quotaWindow('2026-01-31', '2026-02-28', 6) });
        assertMembers(await spendFrom(4, '2026-02-03'), { window: quotaWindow('2026-02-03', '2026-03-03', 4) });
        assertMembers(await spendFrom(1, '2026-01-31'), { window: quotaWindow('2026-02-03', '2026-02-28', 5) });
      },
    );

    suite.case('admits and records exactly 10 of 50 at once', async (bench) => {
      const quota = await QuotaBench.open(bench, definePolicy('quota', '10/month'));
      quota.clock.set(Date.parse('2026-05-01T12:00Z'));
      const decisions = await Promise.all(Array.from({ length: 50 }, () => quota.spend(1)));
      assert.equal(decisions.filter(({ allowed }) => allowed).length, 10);
      assertMembers(await quota.spend(0), { remaining: 0, window: quotaWindow('2026-05-01', '2026-06-01', 10) });
    });

    suite.case('counts windows of other units, zones and anchors separately', async ({ open }) => {
      const { backend, clock } = await open();
      const specs: readonly PolicySpec[] = [
        { rate: '10/month' },
        { rate: '10/year' },
        { rate: '10/month', timeZone: 'Europe/Berlin' },
        { rate: '10/month', anchor: new Date('2026-01-31T00:00Z') },
      ];
      const steps = specs.map((spec) => definePolicy('quota', spec));
      for (const policy of steps) {
        const quota = await QuotaBench.open({ open: async () => ({ backend, clock }) }, policy);
        assertMembers(await quota.spend(7), { allowed: true, remaining: 3 });
      }
    });
  });
}

function quotaWindow(start: string, end: string, used: number) {
  return { startMs: Date.parse(start), endMs: Date.parse(end), used };
}
