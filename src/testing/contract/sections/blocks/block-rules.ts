import assert from 'node:assert/strict';
import { definePolicy } from '../../../../strategies/define-policy.js';
import { defineConcurrency } from '../../../../strategies/held/define-held-policy.js';
import { assertMembers } from '../../harness/assertions.js';
import { type Bench, take } from '../../harness/bench.js';
import type { Suite } from '../../harness/suite.js';
import { blockCase, MINUTE_MS } from './block-case.js';

const strategy = 'fixed-window';
const strict = definePolicy('strict', { rate: '3/min', strategy, block: { for: '5m', after: 3, forgetAfter: '20m' } });
const once = definePolicy('once', { rate: '3/min', strategy, block: { for: '5m' } });
const other = definePolicy('other', { rate: '1/min', strategy });

/** Which denials count, what ends a row of denials, and the effect of blocked calls. */
export function blockRules(suite: Suite<Bench>): void {
  suite.group('a row of denials', () => {
    blockCase(suite, 'begins a block at the last of them', async (bench) => {
      await bench.spend(strict, 3);
      for (let i = 0; i < 2; i++) assertMembers(await bench.spend(strict), { reason: 'rate', retryAfterMs: MINUTE_MS });
      assertMembers(await bench.spend(strict), { reason: 'blocked', startedBlock: { forMs: 300_000, strikes: 1 } });
    });

    blockCase(suite, 'ends with an admitted charge', async (bench) => {
      await bench.spend(strict, 2);
      for (let i = 0; i < 2; i++) assertMembers(await bench.spend(strict, 2), { reason: 'rate' });
      assertMembers(await bench.spend(strict, 1), { allowed: true });
      for (let i = 0; i < 2; i++) assertMembers(await bench.spend(strict), { reason: 'rate' });
      assertMembers(await bench.spend(strict), { reason: 'blocked' });
    });

    blockCase(suite, 'is neither ended nor extended by a cost of 0, a recorded charge, or a peek', async (bench) => {
      await bench.spend(strict, 3);
      for (let i = 0; i < 2; i++) assertMembers(await bench.spend(strict), { reason: 'rate' });
      await bench.spend(strict, 0);
      await bench.spend(strict, 2, { mode: 'record' });
      const asked = [{ policy: strict, subject: 'ada', cost: 1 }];
      for (let i = 0; i < 3; i++) assertMembers((await bench.backend.peek(asked)).decisions[0], { reason: 'blocked' });
      assert.equal(await bench.blocks.getBlock({ policy: strict, subject: 'ada' }), undefined);
      assertMembers(await bench.spend(strict), { startedBlock: { forMs: 300_000, strikes: 1 } });
    });

    blockCase(suite, 'is forgotten, as blocks are', async (bench) => {
      await bench.spend(strict, 3);
      for (let i = 0; i < 2; i++) await bench.spend(strict);
      bench.clock.advance(20 * MINUTE_MS);
      await bench.spend(strict, 3, { mode: 'record' });
      for (let i = 0; i < 2; i++) assertMembers(await bench.spend(strict), { reason: 'rate' });
      assertMembers(await bench.spend(strict), { reason: 'blocked' });
    });

    blockCase(suite, 'counts no denial by another policy, and no cost that can never pass', async (bench) => {
      await bench.spend(other);
      const both = [
        { policy: once, subject: 'ada', cost: 1 },
        { policy: other, subject: 'ada', cost: 1 },
      ];
      for (let i = 0; i < 3; i++) assertMembers(await bench.backend.spend(both), { allowed: false });
      for (let i = 0; i < 3; i++) assertMembers(await bench.spend(once, 4), { reason: 'rate', retryAfterMs: null });
      assertMembers(await bench.spend(once, 3), { allowed: true });
    });

    blockCase(suite, 'counts a call once, even if several of its charges are denied', async (bench) => {
      const twice = definePolicy('twice', { rate: '3/min', strategy, block: { for: '5m', after: 2 } });
      const charge = { policy: twice, subject: 'ada', cost: 1 };
      await bench.spend(twice, 3);
      const { decisions } = await bench.backend.spend([charge, charge]);
      assert.deepEqual(
        decisions.map(({ reason }) => reason),
        ['rate', 'rate'],
      );
      const { decisions: later } = await bench.backend.spend([charge, charge]);
      for (const decision of later) assertMembers(decision, { startedBlock: { forMs: 300_000, strikes: 1 } });
      assertMembers(await bench.blocks.getBlock(charge), { strikes: 1 });
    });
  });

  suite.group('a blocked subject', () => {
    blockCase(suite, 'is the only one blocked, and only under this policy', async (bench) => {
      await bench.block(once, 300_000, 1);
      assertMembers(await bench.spend(once, 1, { subject: 'bob' }), { allowed: true, remaining: 2 });
      assertMembers(await bench.spend(other), { allowed: true });
    });

    blockCase(suite, 'is charged nothing in a call that other policies would allow', async (bench) => {
      await bench.block(once, 300_000, 1);
      const { allowed, decisions, binding } = await bench.backend.spend([
        { policy: other, subject: 'ada', cost: 1 },
        { policy: once, subject: 'ada', cost: 1 },
      ]);
      assert.equal(allowed, false);
      assertMembers(decisions[0], { allowed: true, remaining: 1 });
      assertMembers(decisions[1], { allowed: false, reason: 'blocked', retryAfterMs: 300_000 });
      assert.deepEqual(binding, decisions[1]);
      assertMembers(await bench.spend(other), { allowed: true });
    });

    blockCase(suite, 'is recorded in full, and stays blocked', async (bench) => {
      await bench.block(once, 300_000, 1);
      bench.clock.advance(240_000);
      assertMembers(await bench.spend(once, 2, { mode: 'record' }), { allowed: true, remaining: 0, resetMs: 60_000 });
      assertMembers(await bench.spend(once), { reason: 'blocked', retryAfterMs: 60_000 });
      assert.equal((await bench.blocks.getBlock({ policy: once, subject: 'ada' }))?.strikes, 1);
    });

    blockCase(suite, 'gets units back from a settlement, and stays blocked', async (bench) => {
      const receipt = await take(bench.backend, { policy: once, subject: 'ada', cost: 3 });
      await bench.spend(once);
      await bench.backend.settle(receipt, [0]);
      assertMembers(await bench.spend(once), { reason: 'blocked', retryAfterMs: 300_000, startedBlock: undefined });
      await bench.blocks.deleteBlock({ policy: once, subject: 'ada' });
      assertMembers(await bench.spend(once, 0), { remaining: 3 });
    });

    blockCase(suite, 'is free after a reset, and its strikes are forgotten', async (bench) => {
      await bench.block(once, 300_000, 1);
      await bench.backend.reset([{ policy: once, subject: 'ada' }]);
      await bench.block(once, 300_000, 1);
    });

    blockCase(suite, 'takes no holds together with its charge', async (bench) => {
      const { holds } = bench.backend;
      if (holds === undefined) return;
      const permit = { policy: defineConcurrency('permits', 2), subject: 'ada', units: 1, ttlMs: 1000 };
      const take = async (id: number, cost = 1) => {
        return holds.take([{ ...permit, id }], [{ policy: once, subject: 'ada', cost }]);
      };
      assertMembers(await take(1, 3), { allowed: true });
      const begun = await take(2);
      assertMembers(begun.decisions[0], { allowed: true, remaining: 1 });
      assertMembers(begun.decisions[1], { reason: 'blocked', startedBlock: { forMs: 300_000, strikes: 1 } });
      bench.clock.advance(MINUTE_MS);
      const denied = await take(3);
      assertMembers(denied.decisions[0], { allowed: true, remaining: 2 });
      assertMembers(denied.decisions[1], { allowed: false, reason: 'blocked', retryAfterMs: 240_000 });
      assertMembers(await bench.blocks.getBlock({ policy: once, subject: 'ada' }), { strikes: 1 });
    });

    blockCase(suite, 'is blocked under a monitored charge, which denies nothing', async (bench) => {
      const monitor = { mode: 'monitor' } as const;
      assertMembers(await bench.spend(once, 3, monitor), { allowed: true });
      assertMembers(await bench.spend(once, 1, monitor), {
        allowed: false,
        mode: 'monitor',
        startedBlock: { forMs: 300_000, strikes: 1 },
      });
      const outcome = await bench.backend.spend([
        { policy: once, subject: 'ada', cost: 1, ...monitor },
        { policy: other, subject: 'ada', cost: 1 },
      ]);
      assert.equal(outcome.allowed, true);
      assertMembers(outcome.decisions[0], { allowed: false, reason: 'blocked', retryAfterMs: 300_000 });
      // In a denied call, monitored charges do not count.
      await bench.blocks.deleteBlock({ policy: once, subject: 'ada' });
      const denied = await bench.backend.spend([
        { policy: once, subject: 'ada', cost: 1, ...monitor },
        { policy: other, subject: 'ada', cost: 1 },
      ]);
      assertMembers(denied.decisions[0], { allowed: false, reason: 'rate', startedBlock: undefined });
      assert.equal(await bench.blocks.getBlock({ policy: once, subject: 'ada' }), undefined);
    });
  });
}
