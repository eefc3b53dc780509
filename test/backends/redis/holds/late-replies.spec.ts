import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import type { HoldRequest } from '../../../../src/backends/hold-store.js';
import { RedisBackend } from '../../../../src/backends/redis/redis.backend.js';
import { definePolicy } from '../../../../src/strategies/define-policy.js';
import { defineConcurrency } from '../../../../src/strategies/held/define-held-policy.js';
import { askUntil, PATIENT_MS, TIMEOUT_MS } from '../../../support/redis/faults.js';
import { ownRedis } from '../../../support/redis/private-redis.js';
import { connect } from '../../../support/redis/redis.js';
import { RedisProxy } from '../../../support/redis/redis-proxy.js';
import { freshPrefix } from '../../../support/redis/redis-shared.js';

const five = defineConcurrency('export', 5);
const api = definePolicy('api', { rate: '100/2000 weeks', strategy: 'fixed-window' });
const charge = { policy: api, subject: 'ada', cost: 1 };
const permit = (id: number): HoldRequest => ({ policy: five, subject: 'ada', id, units: 1, ttlMs: 3_600_000 });

const redis = ownRedis();
let proxy: RedisProxy;
let client: Redis;

beforeEach(async () => {
  proxy = await RedisProxy.start(redis.server);
  client = await connect(proxy);
});

afterEach(async () => {
  client.disconnect();
  await proxy[Symbol.asyncDispose]();
});

/** A backend behind the proxy, and the free permits and remaining units that another backend sees. */
function open() {
  const prefix = freshPrefix();
  const { holds } = new RedisBackend(client, { prefix, timeoutMs: TIMEOUT_MS });
  const beside = new RedisBackend(redis.client, { prefix, timeoutMs: PATIENT_MS });
  if (holds === undefined || beside.holds === undefined) throw new Error('a Redis backend holds nothing');
  const others = beside.holds;
  const left = async () => {
    const { decisions } = await others.peek([{ ...permit(0), units: 0 }], [{ ...charge, cost: 0 }]);
    return decisions.map(({ remaining }) => remaining);
  };
  return { holds, left };
}

describe('holds that are requested too late', () => {
  it("are refused by the server, even if the server's clock is not known yet", async () => {
    const [known, unknown] = [open(), open()];
    await known.holds.take([permit(1)], [charge]);
    proxy.hold('requests');
    const calls = [
      known.holds.take([permit(2)], [charge]),
      unknown.holds.take([permit(2)], [charge]),
      known.holds.end([permit(1)]),
      known.holds.extend([permit(1)], 1000),
      known.holds.grow(permit(1), 2),
    ];
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'TIMEOUT' });
    proxy.release();
    for (let round = 0; round < 3; round++) await client.ping();
    expect([await known.left(), await unknown.left()]).toEqual([
      [4, 99],
      [5, 100],
    ]);
  });

  it('are freed, and their charges refunded, if the reply comes after the deadline', async () => {
    const { holds, left } = open();
    await holds.take([permit(1)], [charge]);
    proxy.hold('replies');
    const calls = [2, 3].map((id) => holds.take([permit(id)], [charge]));
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(await left()).toEqual([2, 97]);
    proxy.release();
    await askUntil(left, ([permits, units]) => permits === 4 && units === 99);
  });

  it('are kept if they were requested again in the meantime with the same ids: they are taken once', async () => {
    const { holds, left } = open();
    await holds.take([permit(1)], [charge]);
    proxy.hold('replies');
    await expect(holds.take([permit(2)], [charge])).rejects.toMatchObject({ code: 'TIMEOUT' });
    const again = holds.take([permit(2)], [charge]);
    await askUntil(left, ([permits]) => permits === 3);
    proxy.release();
    expect((await again).allowed).toBe(true);
    for (let round = 0; round < 3; round++) await client.ping();
    expect(await left()).toEqual([3, 98]);
    expect(await holds.end([permit(2)])).toEqual([true]);
  });
});
