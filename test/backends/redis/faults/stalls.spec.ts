import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { definePolicy } from '../../../../src/strategies/define-policy.js';
import { charge, counter, guarded, TIMEOUT_MS } from '../../../support/redis/faults.js';
import { connect, RedisServer } from '../../../support/redis/redis.js';

/** Keeps the event loop busy for longer than a call may wait. */
function stall(): void {
  const endAt = performance.now() + 1.3 * TIMEOUT_MS;
  while (performance.now() < endAt);
}

describe('a process that is frozen for longer than a call may wait', () => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await RedisServer.start();
  });

  afterAll(() => server[Symbol.asyncDispose]());

  it.each([
    ['knows the time of the server', true],
    ['has not heard it yet', false],
  ])('gets the replies of Redis, and sees no outage, if it %s', async (_, isWarm) => {
    const client = await connect(server);
    const { backend, events, failed } = guarded(client, 'local', TIMEOUT_MS);
    const limit = counter('stalled');
    if (isWarm) await backend.spend([charge(limit)]);
    const calls = Array.from({ length: 50 }, (__, i) => backend.spend([charge(limit, `s${i}`)]));
    stall();
    const outcomes = await Promise.all(calls);
    expect(outcomes.filter(({ degraded }) => degraded !== undefined)).toEqual([]);
    expect(outcomes.every(({ allowed }) => allowed)).toBe(true);
    expect([events, failed, backend.failures.size, backend.retryAfterMs]).toEqual([[], [], 0, 0]);
    await backend.close();
    client.disconnect();
  });

  it('still gets units leased', async () => {
    const client = await connect(server);
    const { backend, failed } = guarded(client, 'local', TIMEOUT_MS);
    const leased = definePolicy('leased', { rate: '1000/h', strategy: 'fixed-window', lease: { batch: 10 } });
    const calls = Array.from({ length: 50 }, () => backend.spend([charge(leased)]));
    stall();
    expect((await Promise.all(calls)).filter(({ degraded }) => degraded !== undefined)).toEqual([]);
    expect(failed).toEqual([]);
    await backend.close();
    client.disconnect();
  });
});
