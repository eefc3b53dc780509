import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { BackendError } from '../../../../src/backends/backend-error.js';
import { RedisBackend } from '../../../../src/backends/redis/redis.backend.js';
import { ResilientBackend } from '../../../../src/backends/resilience/resilient.backend.js';
import type { Policy } from '../../../../src/core/policy.js';
import { definePolicy } from '../../../../src/strategies/define-policy.js';
import {
  askUntil,
  charge,
  comesWithin,
  GRACE_MS,
  PATIENT_MS,
  TIMEOUT_MS,
  usedOf,
} from '../../../support/redis/faults.js';
import { connect, pause, RedisServer } from '../../../support/redis/redis.js';
import { RedisProxy } from '../../../support/redis/redis-proxy.js';
import { freshPrefix } from '../../../support/redis/redis-shared.js';

/** The window does not end before the year 2046. */
const leased = (limit: number, batch: number): Policy =>
  definePolicy('leased', { rate: `${limit}/2000 weeks`, strategy: 'fixed-window', lease: { batch } });
const policy = leased(1000, 10);

describe('leases during Redis faults', () => {
  let server: RedisServer;
  let proxy: RedisProxy;
  let admin: Redis;
  let redis: Redis;
  let prefix: string;
  let backend: RedisBackend;

  const spend = async (cost = 1, of = policy, by = backend) => {
    try {
      return (await by.spend([charge(of, 'ada', cost)])).allowed ? 'allowed' : 'denied';
    } catch (error) {
      return error instanceof BackendError ? error.code : String(error);
    }
  };
  const used = (of = policy) => usedOf(admin, prefix, of);

  beforeEach(async () => {
    server = await RedisServer.start();
    proxy = await RedisProxy.start(server);
    [admin, redis] = await Promise.all([connect(server), connect(proxy)]);
    prefix = freshPrefix();
    backend = new RedisBackend(redis, { prefix, timeoutMs: TIMEOUT_MS });
    expect(await spend()).toBe('allowed');
  });

  afterEach(async () => {
    server.thaw();
    for (const client of [admin, redis]) client.disconnect();
    await proxy[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  it('are spent while Redis is frozen; then calls time out, and Redis grants them nothing when it resumes', async () => {
    server.freeze();
    for (let i = 0; i < 9; i++) expect(await spend()).toBe('allowed');
    const failed = Promise.all(Array.from({ length: 50 }, () => spend()));
    expect(await comesWithin(TIMEOUT_MS + GRACE_MS, failed)).toBe(true);
    expect(new Set(await failed)).toEqual(new Set(['TIMEOUT']));
    server.thaw();
    await redis.ping();
    expect(await used()).toBe(10);
    expect(await spend()).toBe('allowed');
    expect(await used()).toBe(20);
  });

  it('are returned if their grant arrives after the deadline', async () => {
    for (let i = 0; i < 9; i++) await spend();
    proxy.hold('replies');
    expect(await spend()).toBe('TIMEOUT');
    expect(await used()).toBe(20);
    proxy.release();
    await askUntil(used, (units) => units === 10);
    await redis.ping();
    expect(await used()).toBe(10);
    expect(await spend()).toBe('allowed');
  });

  it('are spent during an outage, and onError applies if no units are held', async () => {
    const resilient = new ResilientBackend(backend, 'deny');
    server.freeze();
    const outcomes = [];
    for (let i = 0; i < 10; i++) outcomes.push(await resilient.spend([charge(policy)]));
    expect(outcomes.map(({ allowed }) => allowed)).toEqual([...new Array(9).fill(true), false]);
    expect(outcomes[9]).toEqual({ allowed: false, decisions: [], binding: null, degraded: 'deny' });
  });

  it('never exceed the limit with four processes whose connections are cut after every third grant', async () => {
    const small = leased(300, 7);
    const proxies = await Promise.all(Array.from({ length: 4 }, () => RedisProxy.start(server)));
    for (const one of proxies) one.fate = (run) => (run % 3 === 0 ? 'cut' : 'pass');
    const clients = await Promise.all(proxies.map((one) => connect(one)));
    let [allowed, failed] = [0, 0];
    await Promise.all(
      clients.map(async (client) => {
        const own = new RedisBackend(client, { prefix: `${prefix}x`, timeoutMs: PATIENT_MS });
        for (let answer = ''; answer !== 'denied'; ) {
          while (client.status !== 'ready') await pause(1);
          answer = await spend(1, small, own);
          if (answer === 'allowed') allowed += 1;
          else if (answer !== 'denied') failed += 1;
        }
      }),
    );
    const cuts = proxies.reduce((sum, one) => sum + one.cuts, 0);
    expect(failed).toBeGreaterThan(5);
    expect(await usedOf(admin, `${prefix}x`, small)).toBe(300);
    expect(allowed).toBeLessThan(300);
    // Only units granted in a lost reply are lost: at most three batches each.
    expect(300 - allowed).toBeLessThanOrEqual(3 * 7 * cuts);
    for (const client of clients) client.disconnect();
    await Promise.all(proxies.map((one) => one[Symbol.asyncDispose]()));
  });

  it('are given up by close within the deadline and without an error if Redis does not answer', async () => {
    server.freeze();
    const closed = backend.close();
    expect(await comesWithin(TIMEOUT_MS + GRACE_MS, closed)).toBe(true);
    await closed;
    server.thaw();
  });

  it('fail if the key holds a foreign value, which is deleted and reported; the next request is granted', async () => {
    const events: unknown[] = [];
    backend.listen((event) => events.push(event));
    for (let i = 0; i < 9; i++) await spend();
    await admin.set(`${prefix}:{ada}:${policy.id}`, 'something else');
    expect(await spend()).toBe('GARBAGE');
    expect(events).toEqual([{ type: 'garbage', policies: ['leased'] }]);
    expect(await admin.exists(`${prefix}:{ada}:${policy.id}`)).toBe(0);
    expect(await spend()).toBe('allowed');
    const ttl = await admin.pttl(`${prefix}:{ada}:${policy.id}`);
    expect(ttl).toBeGreaterThan(365 * 86_400_000);
  });

  it('of another period are taken from a budget of their own', async () => {
    const events: unknown[] = [];
    backend.listen((event) => events.push(event));
    const other = definePolicy('leased', { rate: '5/h', strategy: 'fixed-window', lease: { batch: 5 } });
    expect(await spend(5, other)).toBe('allowed');
    expect(events).toEqual([]);
    expect(await admin.exists(`${prefix}:{ada}:${policy.id}`, `${prefix}:{ada}:${other.id}`)).toBe(2);
  });
});
