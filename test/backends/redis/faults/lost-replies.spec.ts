import { describe, expect, it } from '@jest/globals';
import { Redis as Redis5 } from 'ioredis5';
import { lostReplies, scriptFlushes } from '../../../support/redis/fault-scenarios.js';
import { connect, recommended } from '../../../support/redis/redis.js';
import type { RedisProxy } from '../../../support/redis/redis-proxy.js';
import { scaled } from '../../../support/scale.js';

async function connect5(proxy: RedisProxy): Promise<Redis5> {
  const client = new Redis5({ ...proxy.address, ...recommended, retryStrategy: () => 50, disconnectTimeout: 50 });
  client.on('error', () => undefined);
  return client;
}

describe('1 000 calls whose connection is cut in every tenth run, after it was executed', () => {
  it.each([
    ['6', (proxy: RedisProxy) => connect(proxy)],
    ['5', connect5],
  ])('are charged at most once, and those with a reply exactly once, with ioredis %s', async (_, open) => {
    const { answered, failed, failedButCharged, cuts, twice, wrong } = await lostReplies(open);
    expect(answered + failed).toBe(1000);
    expect({ twice, wrong }).toEqual({ twice: 0, wrong: 0 });
    // The calls of the runs that were cut: charged, as no fence can know.
    expect(cuts).toBeGreaterThan(10);
    expect(failedButCharged).toBeGreaterThanOrEqual(cuts);
    expect(answered).toBeGreaterThan(500);
  });

  it('are charged twice by a client that resends them, which causes a warning', async () => {
    const { twice } = await lostReplies((proxy) =>
      connect(proxy, { maxRetriesPerRequest: 20, autoResendUnfulfilledCommands: true, enableOfflineQueue: true }),
    );
    expect(twice).toBeGreaterThan(0);
  });
});

describe('a server that loses its scripts 100 times a second', () => {
  it('decides without an error, and admits exactly the limit', async () => {
    const { calls, errors, admitted, limit } = await scriptFlushes(scaled(60, 200));
    expect(calls).toBeGreaterThan(limit);
    expect({ errors, admitted }).toEqual({ errors: 0, admitted: limit });
  });
});
