import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { RedisBackend } from '../../../../src/backends/redis/redis.backend.js';
import { ServerClock } from '../../../../src/backends/resilience/server-clock.js';
import { askUntil, charge, counter, guarded, PATIENT_MS, TIMEOUT_MS, usedOf } from '../../../support/redis/faults.js';
import { connect, RedisServer } from '../../../support/redis/redis.js';
import { RedisProxy } from '../../../support/redis/redis-proxy.js';
import { freshPrefix } from '../../../support/redis/redis-shared.js';

const limit = counter('c');
/** Round trips after which all is done that earlier requests lead to: units are returned after the reply. */
const ROUNDS = 3;
let server: RedisServer;
let other: Redis;
let proxy: RedisProxy;
let client: Redis;

beforeAll(async () => {
  server = await RedisServer.start();
  other = await connect(server);
});

afterAll(async () => {
  other.disconnect();
  await server[Symbol.asyncDispose]();
});

beforeEach(async () => {
  proxy = await RedisProxy.start(server);
  client = await connect(proxy);
  await other.config('RESETSTAT');
});

afterEach(async () => {
  client.disconnect();
  await proxy[Symbol.asyncDispose]();
});

/** How often a counter was written since the test began. */
async function writes(): Promise<number> {
  const stats = await other.info('commandstats');
  // With a new expiry, or in place.
  const calls = [...stats.matchAll(/cmdstat_set(?:range)?:calls=(\d+)/g)].map(([, count]) => Number(count));
  return calls.reduce((sum, count) => sum + count, 0);
}

function open() {
  const prefix = freshPrefix();
  const backend = new RedisBackend(client, { prefix, timeoutMs: TIMEOUT_MS });
  return { backend, used: () => usedOf(other, prefix, limit), ask: () => backend.spend([charge(limit)]) };
}

describe('a request that reaches the server after its deadline', () => {
  it("is refused by the server, even if the server's clock is not known yet", async () => {
    const known = open();
    await known.ask();
    proxy.hold('requests');
    const strangers = open();
    const calls = [known, known, strangers, strangers].map(({ ask }) => ask());
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'TIMEOUT', transient: true });
    proxy.release();
    for (let round = 0; round < ROUNDS; round++) await client.ping();
    expect(await writes()).toBe(1);
    expect([await known.used(), await strangers.used()]).toEqual([1, 0]);
  });
});

describe('a reply that comes after the deadline', () => {
  it('has its charge refunded', async () => {
    const { ask, used } = open();
    await ask();
    proxy.hold('replies');
    const calls = Array.from({ length: 5 }, ask);
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'TIMEOUT' });
    expect(await used()).toBeGreaterThan(1);
    proxy.release();
    await askUntil(used, (units) => units === 1);
    expect(await writes()).toBeGreaterThan(2);
  });

  it('does not change later deadlines', async () => {
    const { backend, ask, used } = open();
    const { receipt = { at: 0, charges: [] } } = await ask();
    for (const next of [ask, () => backend.settle(receipt, [0])]) {
      proxy.hold('replies');
      await expect(ask()).rejects.toMatchObject({ code: 'TIMEOUT' });
      proxy.release();
      await client.ping();
      await next();
    }
    await askUntil(used, (units) => units === 1);
  });
});

describe('a process that is frozen itself', () => {
  it('reads replies that have arrived before it reports a timeout', async () => {
    const { backend } = guarded(other);
    await backend.spend([charge(limit)]);
    const call = backend.spend([charge(limit)]);
    const settled = (await call).receipt ?? { at: 0, charges: [] };
    const calls = [backend.spend([charge(limit)]), backend.settle(settled, [0])];
    // Longer than the deadline, by as much as Redis may need for its replies.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3 * TIMEOUT_MS);
    const [outcome] = await Promise.all(calls);
    expect(outcome).toMatchObject({ allowed: true, decisions: [{ remaining: limit.limit - 3 }] });
    expect(outcome).not.toHaveProperty('degraded');
  });
});

describe('a receipt from another process', () => {
  it('is settled by a process that has not called this server yet', async () => {
    const { ask, used } = open();
    const { receipt = { at: 0, charges: [] } } = await ask();
    const prefix = freshPrefix();
    const [one, two] = [0, 1].map(() => new RedisBackend(client, { prefix, timeoutMs: PATIENT_MS }));
    const taken = await one?.spend([charge(limit, 'ada', 3)]);
    await two?.settle(taken?.receipt ?? receipt, [1]);
    expect([await usedOf(other, prefix, limit), await used()]).toEqual([1, 1]);
  });
});

describe('the server clock', () => {
  it('never makes a deadline later, in spite of rounding', () => {
    for (let offset = 1000; offset < 1001; offset += 0.07) {
      for (let local = 500; local < 502; local += 0.13) {
        for (const travel of [0, 0.2, 0.9, 3.4]) {
          const clock = new ServerClock(100);
          clock.note(Math.floor(local + offset), Math.floor(local + travel));
          // The server takes what arrives before the millisecond after the deadline.
          const due = Math.floor(local) + 100;
          expect((clock.at(due) ?? 0) + 1).toBeLessThanOrEqual(due + offset);
          expect((clock.at(due) ?? 0) + 4 + travel).toBeGreaterThan(due + offset);
        }
      }
    }
  });

  it('is estimated from the fastest of the last 16 replies, and from the latest after the server stepped back', () => {
    const clock = new ServerClock(100);
    expect(clock.at(0)).toBeUndefined();
    clock.note(5000, 0);
    for (let i = 1; i < 16; i++) clock.note(4950 + i, i);
    expect(clock.at(100)).toBe(5098);
    clock.note(4950 + 16, 16);
    expect(clock.at(100)).toBe(5048);
    clock.note(4850 + 17, 17);
    expect(clock.at(100)).toBe(5048);
    clock.note(4849 + 18, 18);
    expect(clock.at(100)).toBe(4947);
  });
});

describe('a reply of a client that returns numbers as strings', () => {
  it('is decoded like any other', async () => {
    const text = await connect(server, { stringNumbers: true });
    const prefix = freshPrefix();
    const backend = new RedisBackend(text, { prefix, timeoutMs: PATIENT_MS });
    const taken = await backend.spend([charge(limit)]);
    expect(taken.decisions).toMatchObject([{ allowed: true, remaining: limit.limit - 1 }]);
    await backend.settle(taken.receipt ?? { at: 0, charges: [] }, [0]);
    expect(await usedOf(other, prefix, limit)).toBe(0);
    await other.set(`${prefix}:{ada}:${limit.id}`, 'x');
    await expect(backend.peek([charge(limit)])).rejects.toMatchObject({ code: 'GARBAGE' });
    text.disconnect();
  });
});
