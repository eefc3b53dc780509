import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { RedisBackend } from '../../../../src/backends/redis/redis.backend.js';
import type { Charge } from '../../../../src/core/decision.js';
import type { Policy } from '../../../../src/core/policy.js';
import { definePolicy } from '../../../../src/strategies/define-policy.js';
import { strategies } from '../../../parity/random-trace.js';
import { PATIENT_MS } from '../../../support/redis/faults.js';
import { connect } from '../../../support/redis/redis.js';
import { JumpingRedis } from '../support/stepping-redis.js';

const SECOND = 1000;
const HOUR = 3_600_000;
const DAY = 86_400_000;
const JUMPS = [SECOND, -SECOND, HOUR, -HOUR, DAY, -DAY];
/** A deadline that no call misses; the smallest jump here is longer than it and shorter than twice that. */
const DEADLINE = 8 * SECOND;
const DEADLINE_JUMPS = [12 * SECOND, -12 * SECOND, HOUR, -HOUR, DAY, -DAY];
const PERIODS = [200, 10_000, 5 * HOUR];

/** The longest wait that the limit could give, without any jump, for all that it grants at once. */
function longestOf({ strategy, periodMs, segments, burst, limit }: Policy): number {
  if (strategy === 'sliding-window') return periodMs + periodMs / segments;
  return strategy === 'fixed-window' || strategy === 'sliding-log' ? periodMs : Math.ceil((burst * periodMs) / limit);
}

describe("when the server's clock jumps", () => {
  let server: JumpingRedis;
  let redis: Redis;

  beforeAll(async () => {
    server = await JumpingRedis.start();
    redis = await connect(server);
  }, 300_000);

  afterAll(async () => {
    redis?.disconnect();
    await server?.[Symbol.asyncDispose]();
  });

  /** By how much the server's clock is ahead of this one: a range, since it is read at some instant of a round trip. */
  async function ahead(): Promise<{ readonly leastMs: number; readonly mostMs: number }> {
    const before = Date.now();
    const [seconds, micros] = await redis.time();
    const serverMs = Number(seconds) * 1000 + Number(micros) / 1000;
    return { leastMs: serverMs - Date.now() - 1, mostMs: serverMs - before };
  }

  it('it does', async () => {
    const before = await ahead();
    for (const jump of [...JUMPS, ...JUMPS.toReversed()]) {
      const from = await ahead();
      server.jump(jump);
      const to = await ahead();
      expect(to.leastMs - from.mostMs).toBeLessThanOrEqual(jump);
      expect(to.mostMs - from.leastMs).toBeGreaterThanOrEqual(jump);
    }
    const after = await ahead();
    expect(after.leastMs).toBeLessThanOrEqual(before.mostMs);
    expect(after.mostMs).toBeGreaterThanOrEqual(before.leastMs);
  });

  const policies = strategies.flatMap((strategy) =>
    PERIODS.map((periodMs) =>
      definePolicy(`${strategy}-${periodMs}`, {
        rate: `5/${periodMs}ms`,
        strategy,
        ...(strategy === 'gcra' && { burst: 5 }),
      }),
    ),
  );

  it.each(JUMPS)('by %i ms, no wait is longer than the longest of the limit plus a period', async (jump) => {
    const backend = new RedisBackend(redis, { prefix: `jump${jump}`, timeoutMs: PATIENT_MS, denyMemoryMs: 0 });
    const ask = async (policy: Policy, cost: number) =>
      (await backend.spend([{ policy, subject: 'ada', cost }])).decisions[0];
    const longest = (policy: Policy) => longestOf(policy) + policy.periodMs;
    // The most that is in use before, and what is in use after: the wait for all of it again.
    for (const policy of policies) expect(await ask(policy, 5)).toMatchObject({ allowed: true, remaining: 0 });
    server.jump(jump);
    let denied = 0;
    for (const policy of policies) {
      for (const cost of [5, 1, 5]) {
        const told = await ask(policy, cost);
        expect(told?.retryAfterMs).toBeLessThanOrEqual(longest(policy));
        expect(told?.resetMs).toBeLessThanOrEqual(longest(policy));
        if (told?.allowed === false) denied += 1;
      }
    }
    expect(denied).toBeGreaterThanOrEqual(policies.length);
    // The reported wait is sufficient by the server's clock.
    for (const policy of policies) {
      const { decisions } = await backend.peek([{ policy, subject: 'ada', cost: 5 }]);
      server.jump(decisions[0]?.retryAfterMs ?? Number.NaN);
      expect(await ask(policy, 5)).toMatchObject({ allowed: true, remaining: 0 });
    }
  });

  it('back by less than a period, the usage stays', async () => {
    const backend = new RedisBackend(redis, { prefix: 'stays', timeoutMs: PATIENT_MS });
    const long = policies.filter(({ periodMs }) => periodMs === 5 * HOUR);
    const ask = async (policy: Policy) => (await backend.spend([{ policy, subject: 'ada', cost: 5 }])).allowed;
    for (const policy of long) expect(await ask(policy)).toBe(true);
    server.jump(-HOUR);
    for (const policy of long) expect(await ask(policy)).toBe(false);
    server.jump(HOUR);
    for (const policy of long) expect(await ask(policy)).toBe(false);
  });

  it.each([DEADLINE, 2 * DEADLINE])(
    'no call is blocked or refused as late, with a deadline of %i ms',
    async (timeoutMs) => {
      const backend = new RedisBackend(redis, { prefix: `fence${timeoutMs}`, timeoutMs });
      const policy = definePolicy('p', '1000000/h');
      const charges: readonly Charge[] = [{ policy, subject: 'ada', cost: 2 }];
      const call = async () => {
        const { receipt } = await backend.spend(charges);
        if (receipt !== undefined) await backend.settle(receipt, [1]);
        return receipt !== undefined;
      };
      // As many replies as the estimate of the server's clock remembers, and more.
      for (let n = 0; n < 20; n++) await backend.spend(charges);
      for (const jump of [...DEADLINE_JUMPS, ...DEADLINE_JUMPS.toReversed()]) {
        server.jump(jump);
        expect(await Promise.all([call(), call(), call()])).toEqual([true, true, true]);
        for (let n = 0; n < 20; n++) expect(await call()).toBe(true);
      }
    },
  );
});
