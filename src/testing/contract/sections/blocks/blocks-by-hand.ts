import assert from 'node:assert/strict';
import type { Block } from '../../../../backends/blocks/block-store.js';
import { definePolicy } from '../../../../strategies/define-policy.js';
import { assertFails, assertMembers } from '../../harness/assertions.js';
import type { Bench } from '../../harness/bench.js';
import type { Suite } from '../../harness/suite.js';
import { five } from '../settings/settings-case.js';
import { blockCase, MINUTE_MS, START_MS } from './block-case.js';

const strategy = 'fixed-window';
const byHand = definePolicy('by-hand', { rate: '3/min', strategy, block: true });
const login = definePolicy('login', { rate: '3/min', strategy, block: { for: '5m', escalate: [1, 2] } });
const hourly = definePolicy('login', { rate: '30/h', strategy, block: { for: '5m' } });
const ada = { policy: byHand, subject: 'ada' };
const hours = (count: number) => START_MS + count * 60 * MINUTE_MS;

/** Setting, reading, ending and listing blocks by hand. */
export function blocksByHand(suite: Suite<Bench>): void {
  suite.group('a block by hand', () => {
    blockCase(suite, 'is in force from the next call on, up to its end', async (bench) => {
      const { blocks, clock } = bench;
      await bench.spend(byHand);
      const expected: Block = { policy: 'by-hand', subject: 'ada', expiresAt: hours(1), strikes: 0 };
      assert.deepEqual(await blocks.setBlock(ada, 60 * MINUTE_MS), expected);
      assertMembers(await bench.spend(byHand), { reason: 'blocked', remaining: 0, retryAfterMs: 3_600_000 });
      clock.advance(60 * MINUTE_MS - 1);
      assert.deepEqual(await blocks.getBlock(ada), expected);
      assertMembers(await bench.spend(byHand), { reason: 'blocked', retryAfterMs: 1 });
      clock.advance(1);
      assert.equal(await blocks.getBlock(ada), undefined);
      assertMembers(await bench.spend(byHand), { allowed: true, remaining: 2 });
    });

    blockCase(suite, 'keeps the usage, and replaces the previous block', async (bench) => {
      const { blocks } = bench;
      await bench.spend(byHand, 2);
      await blocks.setBlock(ada, 60 * MINUTE_MS);
      await blocks.setBlock(ada, 1000);
      assertMembers(await bench.spend(byHand), { reason: 'blocked', retryAfterMs: 1000 });
      assert.equal(await blocks.deleteBlock(ada), true);
      assert.equal(await blocks.deleteBlock(ada), false);
      assertMembers(await bench.spend(byHand), { allowed: true, remaining: 0 });
    });

    blockCase(suite, 'is the only kind of block under `block: true`', async (bench) => {
      await bench.spend(byHand, 3);
      for (let i = 0; i < 3; i++) assertMembers(await bench.spend(byHand), { reason: 'rate' });
      assert.equal(await bench.blocks.getBlock(ada), undefined);
    });

    blockCase(suite, 'is not a strike, and deleting it drops earlier strikes', async (bench) => {
      const { blocks, clock } = bench;
      await bench.block(login, 300_000, 1);
      const target = { policy: login, subject: 'ada' };
      assertMembers(await blocks.setBlock(target, MINUTE_MS), { strikes: 1 });
      clock.advance(MINUTE_MS);
      await bench.block(login, 600_000, 2);
      await blocks.deleteBlock(target);
      clock.advance(MINUTE_MS);
      await bench.block(login, 300_000, 1);
    });

    blockCase(suite, 'is in force under an override of another period, and no other budget', async (bench) => {
      const { backend, blocks } = bench;
      await backend.settings?.setOverride({ policy: 'by-hand', subject: 'ada', rate: { ...five, periodMs: 1000 } });
      const more = { overriddenBy: backend.settings === undefined ? [] : ['ada'] };
      if (backend.settings === undefined) return;
      await bench.spend(byHand, 1, more);
      await blocks.setBlock(ada, 60 * MINUTE_MS);
      assertMembers(await bench.spend(byHand, 1, more), { reason: 'blocked', limit: 5, retryAfterMs: 3_600_000 });
      assertMembers(await bench.spend(byHand), { reason: 'blocked', limit: 3 });
      await blocks.deleteBlock(ada);
      assertMembers(await bench.spend(byHand, 1, more), { allowed: true, remaining: 3 });
    });

    blockCase(suite, 'needs the option', async ({ blocks }) => {
      const plain = { policy: definePolicy('plain', '3/min'), subject: 'ada' };
      await assertFails(() => blocks.setBlock(plain, 1000), 'ThrottleConfigError', 'plain', 'block');
      await assertFails(() => blocks.getBlock(plain), 'ThrottleConfigError', 'plain', 'block');
      await assertFails(() => blocks.deleteBlock(plain), 'ThrottleConfigError', 'plain', 'block');
    });
  });

  suite.group('the list of blocks', () => {
    blockCase(
      suite,
      'has the blocks of all budgets of a policy, page by page, without those that are over',
      async (bench) => {
        const { blocks, clock } = bench;
        const long = 'l'.repeat(200);
        await blocks.setBlock(ada, 1000);
        for (const subject of ['ada', 'bob', long, 'ü "x"'])
          await blocks.setBlock({ policy: login, subject }, MINUTE_MS);
        await blocks.setBlock({ policy: hourly, subject: 'eve' }, 2 * MINUTE_MS);
        const subjects: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await blocks.listBlocks('login', { limit: 2, ...(cursor !== undefined && { cursor }) });
          assert.ok(page.entries.length <= 2);
          subjects.push(...page.entries.map(({ subject }) => subject));
          cursor = page.cursor;
        } while (cursor !== undefined);
        assert.deepEqual(subjects.sort(), ['ada', 'bob', 'eve', long, 'ü "x"'].sort());
        clock.advance(MINUTE_MS);
        const { entries } = await blocks.listBlocks('login', { limit: 100 });
        assert.deepEqual(entries, [
          { policy: 'login', subject: 'eve', expiresAt: START_MS + 2 * MINUTE_MS, strikes: 0 },
        ]);
        assert.deepEqual(await blocks.listBlocks('by-hand', { limit: 100 }), { entries: [] });
      },
    );
  });
}
