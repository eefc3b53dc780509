import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { BackendError, definePolicy, type Policy, RedisBackend, ResilientBackend } from '../../../../src/index.js';
import { askUntil, charge, GRACE_MS, PATIENT_MS, TIMEOUT_MS, usedOf } from '../../../support/redis/faults.js';
import { connect, pause, RedisServer } from '../../../support/redis/redis.js';
import { RedisProxy } from '../../../support/redis/redis-proxy.js';
import { freshPrefix } from '../../../support/redis/redis-shared.js';

/** A window that does not turn before the year 2046. */
const leased = (limit: number, batch: number): Policy =>
  definePolicy('leased', { rate: `${limit}/2000 weeks`, strategy: 'fixed-window', lease: { batch } });
const policy = leased(1000, 10);

describe('leases of a Redis', () => {
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

  it('are spent while it stands still; then calls fail in time, and nothing is granted to them when it goes on', async () => {
    server.freeze();
    for (let i = 0; i < 9; i++) expect(await spend()).toBe('allowed');
    const startedAt = performance.now();
    const failed = await Promise.all(Array.from({ length: 50 }, () => spend()));
    expect(performance.now() - startedAt).toBeLessThan(TIMEOUT_MS + GRACE_MS);
    expect(new Set(failed)).toEqual(new Set(['TIMEOUT']));
    server.thaw();
    await redis.ping();
    expect(await used()).toBe(10);
    expect(await spend()).toBe('allowed');
    expect(await used()).toBe(20);
  });

  it('that come after the caller has gone are given back', async () => {
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

  it('are answered for by onError where none is held, and spent where one is', async () => {
    const resilient = new ResilientBackend(backend, 'deny');
    server.freeze();
    const outcomes = [];
    for (let i = 0; i < 10; i++) outcomes.push(await resilient.spend([charge(policy)]));
    expect(outcomes.map(({ allowed }) => allowed)).toEqual([...new Array(9).fill(true), false]);
    expect(outcomes[9]).toEqual({ allowed: false, decisions: [], binding: null, degraded: 'deny' });
  });

  it('are never spent above the limit by four processes whose connections are cut after every third grant', async () => {
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
    // What was granted in a reply that was lost is nobody's, three batches at most; nothing else is.
    expect(300 - allowed).toBeLessThanOrEqual(3 * 7 * cuts);
    for (const client of clients) client.disconnect();
    await Promise.all(proxies.map((one) => one[Symbol.asyncDispose]()));
  });

  it('are given up on close where it does not answer, in time and without an error', async () => {
    server.freeze();
    const startedAt = performance.now();
    await backend.close();
    expect(performance.now() - startedAt).toBeLessThan(TIMEOUT_MS + GRACE_MS);
    server.thaw();
  });

  it('are of no use where something else is found under the key: it is deleted and told, and the next is granted', async () => {
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

  it('start afresh where the budget was counted otherwise, and say so', async () => {
    const events: unknown[] = [];
    backend.listen((event) => events.push(event));
    const other = definePolicy('leased', { rate: '5/h', strategy: 'fixed-window', lease: { batch: 5 } });
    expect(await spend(5, other)).toBe('allowed');
    expect(events).toEqual([{ type: 'started-afresh', policy: 'leased', was: policy.shape }]);
  });
});
