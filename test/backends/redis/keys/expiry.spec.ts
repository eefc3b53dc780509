import { describe, expect, it } from '@jest/globals';
import { RedisBackend } from '../../../../src/backends/redis/redis.backend.js';
import { definePolicy } from '../../../../src/strategies/define-policy.js';
import { strategies } from '../../../parity/random-trace.js';
import { PATIENT_MS } from '../../../support/redis/faults.js';
import { ownRedis } from '../../../support/redis/private-redis.js';
import { pause } from '../../../support/redis/redis.js';
import { freshPrefix } from '../../../support/redis/redis-shared.js';
import { stateUnder } from '../../../support/redis/state-decoder.js';

const LASTS_MS = 3000;
/** An expiry is set 25 % longer than needed: of 1 800 ms at most here, so that it is set anew every 450 ms at most. */
const RENEWED_MS = 450;

describe('a key that is charged again and again', () => {
  const redis = ownRedis();

  /** Charges one key for a while, and looks at it after each time: how often it was written, and told when it expires. */
  async function charge(strategy: string) {
    const policy = definePolicy('p', { rate: '20/400ms', strategy });
    const prefix = freshPrefix();
    const backend = new RedisBackend(redis.client, { prefix, timeoutMs: PATIENT_MS });
    const key = `${prefix}:{ada}:${policy.id}`;
    const expiries = new Set<number>();
    let writes = 0;
    const startedAt = performance.now();
    // How far the instants of a reply, of what is written and of the questions after it may be apart: the longest turn.
    let graceMs = 0;
    while (performance.now() < startedAt + LASTS_MS || writes <= 40 || expiries.size <= 1) {
      const turnAt = performance.now();
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
      graceMs = Math.max(graceMs, performance.now() - turnAt + 2);
      // A log of which all has been given back is no key.
      if (state === null) continue;
      expect(ttlMs).toBeGreaterThan(resetMs + 1000 - graceMs);
      expect(ttlMs).toBeLessThanOrEqual(1.25 * (800 + 1000) + graceMs);
      expect(Math.abs(state.expiresMs - Number(expiresMs))).toBeLessThan(graceMs);
      expiries.add(state.expiresMs);
      await pause(5);
    }
    return { writes, expiries: expiries.size, lastedMs: performance.now() - startedAt };
  }

  it('never expires while its state is of use, and seldom gets a new expiry', async () => {
    for (const { writes, expiries, lastedMs } of await Promise.all(strategies.map(charge))) {
      expect(writes).toBeGreaterThan(40);
      expect(expiries).toBeGreaterThan(1);
      // If writes are slow, few of them happen within the time of one expiry.
      expect(expiries).toBeLessThan(Math.max(writes / 3, 2 + lastedMs / RENEWED_MS));
    }
  });
});
