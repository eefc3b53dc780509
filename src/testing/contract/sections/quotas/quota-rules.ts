import assert from 'node:assert/strict';
import { definePolicy } from '../../../../strategies/define-policy.js';
import { assertMembers } from '../../harness/assertions.js';
import type { Bench } from '../../harness/bench.js';
import { QuotaBench } from '../../harness/quota-trace.js';
import type { Suite } from '../../harness/suite.js';
import { rateOf, settingsCase } from '../settings/settings-case.js';

const [MAY, JUNE, JULY, AUGUST] = ['2026-05-01T00:00Z', '2026-06-01T00:00Z', '2026-07-01T00:00Z', '2026-08-01T00:00Z'];
const IN_MAY = { window: [MAY, JUNE] } as const;
const IN_JUNE = { window: [JUNE, JULY] } as const;
const IN_JULY = { window: [JULY, AUGUST] } as const;

/** The units that a quota carries over, the effect of settling it, and the thresholds that a charge reaches. */
export function quotaRules(suite: Suite<Bench>): void {
  suite.group('a quota with a rollover', () => rollovers(suite));
  suite.group('a quota that is settled', () => settlements(suite));
  suite.group('a quota with thresholds', () => thresholds(suite));
  overrides(suite);
  settingsCase(
    suite,
    'counts a quota under an override in its window, up to the limit of the override',
    async (bench) => {
      const policy = definePolicy('quota', { rate: '10/month', rollover: 4, thresholds: [0.5] });
      const raised = definePolicy('quota', { rate: '20/month', rollover: 4 });
      const { backend, store, clock } = bench;
      const quota = await QuotaBench.open({ open: async () => ({ backend, clock }) }, policy);
      clock.set(Date.parse(MAY));
      const overriddenBy = ['ada'];
      assertMembers(await quota.spend(6, { overriddenBy }), { limit: 14, remaining: 8, reached: [0.5] });
      await store.setOverride({ policy: 'quota', subject: 'ada', rate: rateOf(raised) });
      assertMembers(await quota.spend(3, { overriddenBy }), {
        limit: 24,
        remaining: 15,
        window: inMay(9),
        reached: undefined,
      });
      assertMembers(await quota.spend(2, { overriddenBy }), {
        limit: 24,
        remaining: 13,
        window: inMay(11),
        reached: [0.5],
      });
      assertMembers(await quota.spend(14, { overriddenBy }), {
        allowed: false,
        retryAfterMs: Date.parse(JUNE) - clock.now(),
      });
    },
  );
}

function overrides(suite: Suite<Bench>): void {
  settingsCase(
    suite,
    'does not count a quota under an override of another unit, whose windows no charge has',
    async (bench) => {
      const policy = definePolicy('quota', '10/month');
      const { backend, store, clock } = bench;
      const quota = await QuotaBench.open({ open: async () => ({ backend, clock }) }, policy);
      clock.set(Date.parse(MAY));
      await store.setOverride({ policy: 'quota', subject: 'ada', rate: rateOf(definePolicy('quota', '500/year')) });
      assertMembers(await quota.spend(4, { overriddenBy: ['ada'] }), { limit: 10, remaining: 6, window: inMay(4) });
    },
  );
}

function rollovers(suite: Suite<Bench>): void {
  const policy = definePolicy('quota', { rate: '10/month', rollover: 4 });
  const full = { limit: 14 };

  suite.case('begins with a full rollover, and carries unused units up to it', async (bench) => {
    const quota = await QuotaBench.open(bench, policy);
    await quota.follow([
      { at: MAY, cost: 0, ...IN_MAY, ...full, used: 0, remaining: 14 },
      { at: MAY, cost: 3, ...IN_MAY, ...full, used: 3, remaining: 11 },
      // 11 are left, and 4 are carried.
      { at: JUNE, cost: 12, ...IN_JUNE, ...full, used: 12, remaining: 2, fullAt: AUGUST },
      { at: JULY, cost: 0, ...IN_JULY, ...full, used: 0, remaining: 12, fullAt: AUGUST },
    ]);
  });

  suite.case('carries the units that were carried before, which are spent first', async (bench) => {
    const quota = await QuotaBench.open(bench, policy);
    await quota.follow([
      { at: MAY, cost: 13, ...IN_MAY, ...full, used: 13, remaining: 1, fullAt: JULY },
      { at: JUNE, cost: 8, ...IN_JUNE, ...full, used: 8, remaining: 3, fullAt: AUGUST },
      { at: JULY, cost: 13, ...IN_JULY, ...full, used: 13, remaining: 0, fullAt: '2026-09-01T00:00Z' },
    ]);
  });

  suite.case('is full after a window without a charge', async (bench) => {
    const quota = await QuotaBench.open(bench, policy);
    await quota.follow([
      { at: MAY, cost: 14, ...IN_MAY, ...full, used: 14, remaining: 0, fullAt: JULY },
      { at: JULY, cost: 0, ...IN_JULY, ...full, used: 0, remaining: 14 },
      { at: JULY, cost: 14, ...IN_JULY, ...full, used: 14, remaining: 0, fullAt: '2026-09-01T00:00Z' },
    ]);
  });

  suite.case('carries the remaining units if the caller is a window ahead or behind', async (bench) => {
    const turns = [
      // January has more days than February.
      {
        before: '2026-01-20T00:00Z',
        at: '2026-02-28T23:59Z',
        seenAt: '2026-03-01T00:00Z',
        passesAt: '2026-04-01T00:00Z',
      },
      {
        before: '2026-02-20T00:00Z',
        at: '2026-03-01T00:00Z',
        seenAt: '2026-02-28T23:59Z',
        passesAt: '2026-05-01T00:00Z',
      },
    ];
    for (const { before, at, seenAt, passesAt } of turns) {
      const quota = await QuotaBench.open(bench, policy);
      quota.clock.set(Date.parse(before));
      await quota.spend(14);
      quota.clock.set(Date.parse(at));
      assertMembers(await quota.spend(8, {}, seenAt), { allowed: true, remaining: 2 });
      const retryAfterMs = Date.parse(passesAt) - quota.clock.now();
      assertMembers(await quota.spend(13, {}, seenAt), { allowed: false, retryAfterMs });
    }
  });

  suite.case('reports when a cost passes: in the next window, in the one after it, or never', async (bench) => {
    const quota = await QuotaBench.open(bench, policy);
    const denied = { ...IN_MAY, ...full, used: 12, remaining: 2, fullAt: JULY };
    await quota.follow([
      { at: MAY, cost: 12, ...denied },
      { at: MAY, cost: 3, ...denied, passesAt: JUNE },
      { at: MAY, cost: 12, ...denied, passesAt: JUNE },
      { at: MAY, cost: 13, ...denied, passesAt: JULY },
      { at: MAY, cost: 15, ...denied, passesAt: null },
      {
        at: '2026-06-30T23:59:59.999Z',
        cost: 13,
        ...IN_JUNE,
        ...full,
        used: 0,
        remaining: 12,
        fullAt: JULY,
        passesAt: JULY,
      },
      { at: JULY, cost: 13, ...IN_JULY, ...full, used: 13, remaining: 1, fullAt: '2026-09-01T00:00Z' },
    ]);
  });

  suite.case('carries nothing over from windows before its anchor', async (bench) => {
    const anchored = definePolicy('quota', { rate: '10/month', rollover: 4, anchor: new Date(JUNE) });
    const quota = await QuotaBench.open(bench, anchored);
    await quota.follow([
      { at: MAY, cost: 3, ...IN_MAY, used: 3, remaining: 7 },
      { at: MAY, cost: 11, ...IN_MAY, used: 3, remaining: 7, passesAt: JULY },
      { at: JUNE, cost: 9, ...IN_JUNE, used: 9, remaining: 1, fullAt: AUGUST },
      { at: JULY, cost: 0, ...IN_JULY, ...full, used: 0, remaining: 11, fullAt: AUGUST },
    ]);
  });

  suite.case('keeps carried units if its limit and rollover change, up to the new values', async (bench) => {
    const quota = await QuotaBench.open(bench, policy);
    quota.clock.set(Date.parse(MAY));
    await quota.spend(3);
    const lower = definePolicy('quota', { rate: '5/month', rollover: 2 });
    const later = await QuotaBench.open({ open: async () => quota }, lower);
    assertMembers(await later.spend(0), { limit: 7, remaining: 4 });
  });

  suite.case('drops a debt when the window ends', async (bench) => {
    const quota = await QuotaBench.open(bench, policy);
    await quota.follow([
      { at: MAY, cost: 30, mode: 'record', ...IN_MAY, ...full, used: 30, remaining: 0, fullAt: JULY },
      { at: MAY, cost: 1, ...IN_MAY, ...full, used: 30, remaining: 0, fullAt: JULY, passesAt: JUNE },
      { at: JUNE, cost: 1, ...IN_JUNE, ...full, used: 1, remaining: 9 },
    ]);
  });
}

function settlements(suite: Suite<Bench>): void {
  const policy = definePolicy('quota', { rate: '10/month', rollover: 4 });

  suite.case('gets units back, or is charged more, while the window of the charge lasts', async (bench) => {
    const quota = await QuotaBench.open(bench, policy);
    quota.clock.set(Date.parse(MAY));
    const [first, second] = [await quota.take(6), await quota.take(5)];
    await quota.backend.settle(first, [2]);
    assertMembers(await quota.spend(0), { remaining: 7, window: inMay(7) });
    await quota.backend.settle(second, [20]);
    assertMembers(await quota.spend(0), { remaining: 0, window: inMay(22) });
    quota.clock.set(Date.parse(JUNE));
    assertMembers(await quota.spend(0), { remaining: 10 });
  });

  suite.case('is not changed by settling a charge of an earlier window', async (bench) => {
    for (const to of [0, 14]) {
      const quota = await QuotaBench.open(bench, policy);
      quota.clock.set(Date.parse(MAY));
      const [first, second] = [await quota.take(6), await quota.take(6)];
      quota.clock.set(Date.parse(JUNE));
      // Before the first charge of the new window, and after it.
      await quota.backend.settle(first, [to]);
      assertMembers(await quota.spend(0), { remaining: 12 });
      await quota.spend(1);
      await quota.backend.settle(second, [to]);
      assertMembers(await quota.spend(0), { remaining: 11 });
    }
  });

  suite.case('never gets back more than was taken', async (bench) => {
    const quota = await QuotaBench.open(bench, policy);
    quota.clock.set(Date.parse(MAY));
    const receipt = await quota.take(6);
    await quota.backend.reset([{ policy, subject: 'ada' }]);
    await quota.spend(2);
    await quota.backend.settle(receipt, [0]);
    assertMembers(await quota.spend(0), { remaining: 14, window: inMay(0) });
  });
}

function thresholds(suite: Suite<Bench>): void {
  const policy = definePolicy('quota', { rate: '10/month', thresholds: [0.75, 1] });

  suite.case(
    'reports a threshold for the charge that reaches it, and for no later charge in the window',
    async (bench) => {
      const quota = await QuotaBench.open(bench, policy);
      await quota.follow([
        { at: MAY, cost: 7, ...IN_MAY, used: 7, remaining: 3 },
        { at: MAY, cost: 1, ...IN_MAY, used: 8, remaining: 2, reached: [0.75] },
        { at: MAY, cost: 3, ...IN_MAY, used: 8, remaining: 2, passesAt: JUNE },
        { at: MAY, cost: 1, ...IN_MAY, used: 9, remaining: 1 },
        { at: MAY, cost: 1, ...IN_MAY, used: 10, remaining: 0, reached: [1] },
        { at: JUNE, cost: 10, ...IN_JUNE, used: 10, remaining: 0, reached: [0.75, 1] },
      ]);
    },
  );

  suite.case('reports a threshold once per window, even after units were returned', async (bench) => {
    const quota = await QuotaBench.open(bench, policy);
    quota.clock.set(Date.parse(MAY));
    const receipt = await quota.take(8);
    await quota.backend.settle(receipt, [0]);
    await quota.follow([{ at: MAY, cost: 10, ...IN_MAY, used: 10, remaining: 0, reached: [1] }]);
  });

  suite.case(
    'reports a threshold for a recorded charge, and for the next one taken if a settlement reached it',
    async (bench) => {
      const quota = await QuotaBench.open(bench, policy);
      await quota.follow([
        { at: MAY, cost: 9, mode: 'record', ...IN_MAY, used: 9, remaining: 1, reached: [0.75] },
        { at: MAY, cost: 20, mode: 'record', ...IN_MAY, used: 29, remaining: 0, reached: [1] },
      ]);
      quota.clock.set(Date.parse(JUNE));
      const receipt = await quota.take(1);
      await quota.backend.settle(receipt, [8]);
      await quota.follow([
        { at: JUNE, cost: 0, ...IN_JUNE, used: 8, remaining: 2 },
        { at: JUNE, cost: 1, ...IN_JUNE, used: 9, remaining: 1, reached: [0.75] },
      ]);
    },
  );

  suite.case('reports a threshold for exactly one of many concurrent charges', async (bench) => {
    const quota = await QuotaBench.open(bench, policy);
    quota.clock.set(Date.parse(MAY));
    const decisions = await Promise.all(Array.from({ length: 30 }, () => quota.spend(1)));
    assert.deepEqual(
      decisions.flatMap(({ reached = [] }) => reached),
      [0.75, 1],
    );
  });

  suite.case('reports no threshold for a denied call', async (bench) => {
    const quota = await QuotaBench.open(bench, policy);
    quota.clock.set(Date.parse(MAY));
    const other = definePolicy('other', '1/s');
    const denied = await quota.backend.spend([...quota.charges(8), { policy: other, subject: 'ada', cost: 2 }]);
    assert.equal(denied.allowed, false);
    assert.equal(denied.decisions[0]?.reached, undefined);
    assertMembers(await quota.spend(8), { allowed: true, reached: [0.75] });
  });
}

function inMay(used: number) {
  return { startMs: Date.parse(MAY), endMs: Date.parse(JUNE), used };
}
