import { describe, expect, it, jest } from '@jest/globals';
import { definePolicy, RedisBackend } from '../../../../src/index.js';
import { strategies } from '../../../parity/random-trace.js';
import { ownRedis } from '../../../support/redis/private-redis.js';
import { pause } from '../../../support/redis/redis.js';
import { freshPrefix } from '../../../support/redis/redis-shared.js';
import { stateUnder } from '../../../support/redis/state-decoder.js';

jest.setTimeout(60_000);

const LASTS_MS = 3000;
/** How far the instants of a reply, of what is written and of the questions after it may be apart. */
const GRACE_MS = 200;

describe('a key that is charged again and again', () => {
  const redis = ownRedis();

  /** Charges one key for a while, and looks at it after each time: how often it was written, and told when it expires. */
  async function charge(strategy: string): Promise<{ readonly writes: number; readonly expiries: number }> {
    const policy = definePolicy('p', { rate: '20/400ms', strategy });
    const prefix = freshPrefix();
    const backend = new RedisBackend(redis.client, { prefix, timeoutMs: 5000 });
    const key = `${prefix}:{ada}:p@app`;
    const expiries = new Set<number>();
    let writes = 0;
    const until = performance.now() + LASTS_MS;
    while (performance.now() < until) {
      const { allowed, decisions, receipt } = await backend.spend([{ policy, subject: 'ada', cost: 1 }]);
      const resetMs = decisions[0]?.resetMs ?? 0;
      if (allowed) writes += 1;
      if (receipt !== undefined && writes % 5 === 0) {
        await backend.settle(receipt, [0]);
        writes += 1;
      }
      const [ttlMs, expiresMs, state] = await Promise.all([
        redis.client.pttl(key),
        redis.client.call('PEXPIRETIME', key),
        stateUnder(redis.client, key),
      ]);
      // A log of which all has been given back is no key.
      if (state === null) continue;
      expect(ttlMs).toBeGreaterThan(resetMs + 1000 - GRACE_MS);
      expect(ttlMs).toBeLessThanOrEqual(1.25 * (800 + 1000) + GRACE_MS);
      expect(Math.abs(state.expiresMs - Number(expiresMs))).toBeLessThan(GRACE_MS);
      expiries.add(state.expiresMs);
      await pause(5);
    }
    return { writes, expiries: expiries.size };
  }

  it('never expires before its state is of no use, and is seldom told when it does', async () => {
    for (const { writes, expiries } of await Promise.all(strategies.map(charge))) {
      expect(writes).toBeGreaterThan(40);
      expect(expiries).toBeGreaterThan(1);
      expect(expiries).toBeLessThan(writes / 3);
    }
  });
});
