import assert from 'node:assert/strict';
import { definePolicy } from '../../../../strategies/define-policy.js';
import { assertMembers } from '../../harness/assertions.js';
import type { Bench } from '../../harness/bench.js';
import { STRATEGIES, tenPerSecond } from '../../harness/random-policies.js';
import type { Suite } from '../../harness/suite.js';
import { blockCase, MINUTE_MS, START_MS } from './block-case.js';

const login = definePolicy('login', {
  rate: '3/min',
  strategy: 'fixed-window',
  block: { for: '5m', escalate: [1, 2, 4], forgetAfter: '1h' },
});

/** The begin and the length of blocks. */
export function blockTraces(suite: Suite<Bench>): void {
  suite.group('a block', () => {
    blockCase(suite, 'begins at the first denial, and ends at its instant', async (bench) => {
      const { clock, backend } = bench;
      assert.deepEqual(await bench.calls(login, 3), [true, true, true]);
      clock.advance(1000);
      const asked = [{ policy: login, subject: 'ada', cost: 1 }];
      const peeked = await backend.peek(asked);
      const begun = {
        policy: 'login',
        allowed: false,
        limit: 3,
        remaining: 0,
        resetMs: 300_000,
        retryAfterMs: 300_000,
        delayMs: 0,
        windowMs: MINUTE_MS,
        reason: 'blocked',
        startedBlock: { forMs: 300_000, strikes: 1 },
      };
      assert.deepEqual(peeked, { allowed: false, decisions: [begun], binding: begun });
      assert.deepEqual(await backend.spend(asked), peeked);
      clock.advance(100_000);
      const { startedBlock: _, ...denied } = { ...begun, resetMs: 200_000, retryAfterMs: 200_000 };
      assert.deepEqual(await bench.spend(login), denied);
      clock.advance(199_999);
      assert.deepEqual(await bench.spend(login), { ...denied, resetMs: 1, retryAfterMs: 1 });
      clock.advance(1);
      assertMembers(await bench.spend(login), { allowed: true, remaining: 2, retryAfterMs: 0, reason: undefined });
    });

    blockCase(suite, 'becomes longer with each strike, up to the last factor, and is forgotten', async (bench) => {
      const { clock } = bench;
      for (const [strikes, minutes] of [5, 10, 20, 20].entries()) {
        await bench.block(login, minutes * MINUTE_MS, strikes + 1);
        clock.advance(minutes * MINUTE_MS);
      }
      // The last strike was 20 minutes ago.
      clock.advance(40 * MINUTE_MS - 1);
      await bench.block(login, 20 * MINUTE_MS, 5);
      clock.advance(60 * MINUTE_MS);
      await bench.block(login, 5 * MINUTE_MS, 1);
    });

    blockCase(suite, 'lasts as long as the strategy makes the call wait, if that is longer', async (bench) => {
      const hourly = definePolicy('hourly', { rate: '2/h', strategy: 'fixed-window', block: { for: '5m' } });
      await bench.block(hourly, 5 * MINUTE_MS, 1);
      assertMembers(await bench.spend(hourly), { resetMs: 3_600_000, retryAfterMs: 3_600_000, reason: 'blocked' });
      bench.clock.set(START_MS + 5 * MINUTE_MS);
      await bench.backend.peek([]);
      assertMembers(await bench.spend(hourly), {
        startedBlock: { forMs: 300_000, strikes: 2 },
        retryAfterMs: 3_300_000,
      });
    });

    for (const strategy of STRATEGIES) {
      const { burst } = tenPerSecond('p', strategy);
      const isBucket = strategy === 'token-bucket' || strategy === 'gcra' || strategy === 'leaky-bucket';
      const policy = definePolicy('p', { rate: '10/s', strategy, ...(isBucket && { burst }), block: { for: '5m' } });
      const plain = definePolicy('p', { rate: '10/s', strategy, ...(isBucket && { burst }) });
      blockCase(suite, `does not change the count of a ${strategy}, and a cost of 0 reads it`, async (bench) => {
        const { clock } = bench;
        for (const one of [policy, plain]) await bench.spend(one, 10);
        clock.advance(150);
        const denied = await bench.spend(plain, 9);
        assertMembers(denied, { allowed: false });
        const { resetMs = 0 } = (await bench.spend(plain, 0)) ?? {};
        assert.deepEqual(await bench.spend(policy, 9), {
          ...denied,
          remaining: 0,
          resetMs: Math.max(300_000, resetMs),
          retryAfterMs: 300_000,
          reason: 'blocked',
          startedBlock: { forMs: 300_000, strikes: 1 },
        });
        clock.advance(299_999);
        const full = await bench.spend(plain, 0);
        assert.deepEqual(await bench.spend(policy, 0), { ...full, remaining: 0, resetMs: 1 });
        clock.advance(1);
        assert.deepEqual(await bench.spend(policy, 4), await bench.spend(plain, 4));
      });
    }
  });
}
