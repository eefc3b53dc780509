import { describe, expect, it } from '@jest/globals';
import { RedisBackend } from '../../../../src/backends/redis/redis.backend.js';
import { definePolicy, type PolicySpec } from '../../../../src/strategies/define-policy.js';
import { STRATEGIES } from '../../../../src/testing/contract/harness/random-policies.js';
import { charge, counter, PATIENT_MS, usedOf } from '../../../support/redis/faults.js';
import { ownRedis } from '../../../support/redis/private-redis.js';
import { connect } from '../../../support/redis/redis.js';
import { freshPrefix } from '../../../support/redis/redis-shared.js';

/** A period that is not over before the year 2046, and one that is nearly as long. */
const [PERIOD, OTHER_PERIOD] = ['2000 weeks', '1999 weeks'];

/** Forms of a policy of ten units in a release. */
const RELEASES: Readonly<Record<string, PolicySpec>> = {
  ...Object.fromEntries(
    STRATEGIES.map((strategy) => [
      strategy,
      { rate: `10/${PERIOD}`, strategy, ...(strategy === 'gcra' && { burst: 10 }) },
    ]),
  ),
  'another period': { rate: `10/${OTHER_PERIOD}` },
  'other segments': { rate: `10/${PERIOD}`, segments: 5 },
};

const names = Object.keys(RELEASES);
const pairs = names.flatMap((one, i) => names.slice(i + 1).map((other) => [one, other] as const));

describe('two releases of an application on one Redis', () => {
  const redis = ownRedis();

  it.each(pairs)('have separate budgets: %s and %s', async (...releases) => {
    const prefix = freshPrefix();
    const clients = await Promise.all(releases.map(() => connect(redis.server)));
    const processes = releases.map((release, i) => {
      const policy = definePolicy('login', RELEASES[release] ?? '10/min');
      const backend = new RedisBackend(clients[i] ?? redis.client, { prefix, timeoutMs: PATIENT_MS, denyMemoryMs: 0 });
      return { policy, backend, admitted: 0 };
    });
    for (let i = 0; i < 20; i++) {
      await Promise.all(
        processes.map(async (process) => {
          const { allowed } = await process.backend.spend([charge(process.policy)]);
          if (allowed) process.admitted += 1;
        }),
      );
    }
    expect(processes.map(({ admitted }) => admitted)).toEqual([10, 10]);
    for (const client of clients) client.disconnect();
  });

  it('share a budget if only the limit or the burst differs', async () => {
    for (const [one, other] of [
      [{ rate: `10/${PERIOD}` }, { rate: `15/${PERIOD}` }],
      [
        { rate: `10/${PERIOD}`, strategy: 'token-bucket' },
        { rate: `10/${PERIOD}`, strategy: 'token-bucket', burst: 15 },
      ],
    ] as const) {
      const backend = new RedisBackend(redis.client, { prefix: freshPrefix(), timeoutMs: PATIENT_MS });
      await backend.spend([charge(definePolicy('login', one), 'ada', 10)]);
      const { decisions } = await backend.peek([charge(definePolicy('login', other), 'ada', 0)]);
      expect(decisions[0]?.remaining).toBe(5);
    }
  });

  it('ignore and keep the values of the previous format under its keys', async () => {
    const prefix = freshPrefix();
    const policy = counter('login', 10);
    const oldKey = `${prefix}:{ada}:login@app`;
    const lua = "redis.call('SET', KEYS[1], cmsgpack.pack('fixed-window ' .. ARGV[1] .. ' 1', 5, 0, 10))";
    await redis.client.eval(lua, 1, oldKey, policy.periodMs);
    const before = await redis.client.dumpBuffer(oldKey);
    const backend = new RedisBackend(redis.client, { prefix, timeoutMs: PATIENT_MS });
    expect(await backend.spend([charge(policy)])).toMatchObject({ allowed: true, decisions: [{ remaining: 9 }] });
    await backend.probe?.([charge(policy)]);
    expect(await redis.client.dumpBuffer(oldKey)).toEqual(before);
    expect(await usedOf(redis.client, prefix, policy)).toBe(1);
  });
});
