import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { RedisBackend } from '../../../../src/backends/redis/redis.backend.js';
import { definePolicy } from '../../../../src/strategies/define-policy.js';
import { randomFrom, strategies } from '../../../parity/random-trace.js';
import { PATIENT_MS } from '../../../support/redis/faults.js';
import { connect, pause, RedisServer } from '../../../support/redis/redis.js';
import { scaled } from '../../../support/scale.js';

const MEGABYTE = 'm'.repeat(2 ** 20);
const ODD = [
  '',
  ' ',
  '{',
  '}',
  '{}',
  '{x}',
  '}{',
  'a:{b}:c',
  '\ud800',
  '\udfff',
  '\u0000',
  '\n',
  'é',
  '#',
  '*',
  '?',
  MEGABYTE,
];

/** A part of a key, as the design has it. */
function part(text: string, raw = /^[A-Za-z0-9_.:@/-]{1,48}$/): string {
  const digest = createHash('sha256').update(Buffer.from(text, 'utf16le')).digest('hex');
  return raw.test(text) ? text : `#${digest.slice(0, 32)}`;
}

/** A name and scope in a key: the address of a handler has spaces. */
function nameAndScopePart(text: string): string {
  return part(text, /^[A-Za-z0-9_.:@/ -]{1,48}$/);
}

let server: RedisServer;
let redis: Redis;

beforeAll(async () => {
  server = await RedisServer.start();
  redis = await connect(server);
});

afterAll(async () => {
  redis.disconnect();
  await server[Symbol.asyncDispose]();
});

beforeEach(() => redis.flushall());

describe('the keys in Redis', () => {
  const allKeys = async () => (await redis.keysBuffer('*')).map((key) => key.toString('latin1')).sort();

  /** The code of 10/min, which stays readable behind what may be a hash. */
  const CODE = ':w60000/10';

  async function keysOf(prefix: string, subjects: readonly string[], scopes: readonly string[]) {
    const backend = new RedisBackend(redis, { prefix, timeoutMs: PATIENT_MS });
    const policies = scopes.map((scope) => definePolicy('p', { rate: '10/min', scope }));
    await redis.flushall();
    await Promise.all(
      subjects.flatMap((subject) => policies.map((policy) => backend.spend([{ policy, subject, cost: 1 }]))),
    );
    const expected = subjects.flatMap((subject) =>
      policies.map(({ id }) => `${prefix}:{${part(subject)}}:${nameAndScopePart(id.slice(0, -CODE.length))}${CODE}`),
    );
    return { found: await allKeys(), expected: [...new Set(expected)].sort() };
  }

  it('are prefix:{subject}:id, if these are short and plain', async () => {
    const backend = new RedisBackend(redis, { timeoutMs: PATIENT_MS });
    for (const subject of ['user:42', 'ip:2001:db8::/64', 'x'.repeat(48), 'header:x-api-key:A_b.c/d@e-f']) {
      await backend.spend([{ policy: definePolicy('search', '10/min'), subject, cost: 1 }]);
    }
    expect(await allKeys()).toEqual([
      'sluice:{header:x-api-key:A_b.c/d@e-f}:search@app:w60000/10',
      'sluice:{ip:2001:db8::/64}:search@app:w60000/10',
      'sluice:{user:42}:search@app:w60000/10',
      `sluice:{${'x'.repeat(48)}}:search@app:w60000/10`,
    ]);
  });

  it('have a hash instead of a part that is long or not plain, such as a megabyte, a lone surrogate or braces', async () => {
    const { found, expected } = await keysOf('sluice', ODD, ['app', ...ODD]);
    expect(found).toEqual(expected);
    expect(found.length).toBe(ODD.length * (ODD.length + 1));
    expect(Math.max(...found.map((key) => key.length))).toBeLessThanOrEqual(136);
  });

  it('have at most 136 bytes, even with the longest prefix, for any subject and scope', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.string({ unit: fc.constantFrom('{', '}', '#', ':', 'a', '\ud800', '\u0000'), maxLength: 8 }),
      fc.stringMatching(/^[A-Za-z0-9_.:@/-]{1,60}$/),
    );
    const property = fc.asyncProperty(
      fc.constantFrom('s', 'p'.repeat(24)),
      fc.array(text, { minLength: 1, maxLength: 40 }),
      fc.array(text, { minLength: 1, maxLength: 3 }),
      async (prefix, subjects, scopes) => {
        const { found, expected } = await keysOf(prefix, subjects, scopes);
        expect(found).toEqual(expected);
        for (const key of found) expect(key.length).toBeLessThanOrEqual(136);
      },
    );
    await fc.assert(property, { numRuns: scaled(30, 100) });
  });
});

describe('under load from two clients', () => {
  const SUBJECTS = 40;
  const policies = strategies.flatMap((strategy) => [
    definePolicy(`${strategy}-a`, { rate: '5/100ms', strategy }),
    definePolicy(`${strategy}-b`, { rate: '40/s', strategy }),
  ]);

  const clients: Redis[] = [];

  afterAll(() => {
    for (const client of clients) client.disconnect();
  });

  /** Charges, refunds and resets at random. Returns the longest `resetMs`. */
  async function load(client: Redis, seed: number, isDone: () => boolean): Promise<number> {
    const random = randomFrom(seed);
    const backend = new RedisBackend(client, { timeoutMs: PATIENT_MS });
    let longestMs = 0;
    const caller = async () => {
      while (!isDone()) {
        const charges = Array.from({ length: 1 + random(2) }, () => ({
          policy: policies[random(policies.length)] ?? definePolicy('none', '1/s'),
          subject: `user:${random(SUBJECTS)}`,
          cost: random(4),
        }));
        const { decisions, receipt } = await backend.spend(charges);
        longestMs = Math.max(longestMs, ...decisions.map(({ resetMs }) => resetMs));
        const kind = random(10);
        if (kind === 0) await backend.reset(charges);
        if (kind < 4 && receipt !== undefined) {
          await backend.settle(
            receipt,
            receipt.charges.map(({ cost }) => random(cost + 1)),
          );
        }
      }
    };
    await Promise.all(Array.from({ length: 16 }, caller));
    return longestMs;
  }

  /** Every key, and its time to live a moment later: -2 where it is gone by then. */
  async function* lifetimes(client: Redis): AsyncGenerator<readonly [key: string, ttl: number]> {
    for await (const keys of client.scanStream({ count: 50 })) {
      const ttls: readonly number[] = await Promise.all(keys.map((key: string) => client.pttl(key)));
      for (const [i, ttl] of ttls.entries()) yield [keys[i], ttl];
    }
  }

  it('no key is ever without a time to live, and none is left 2 s after the longest reset', async () => {
    for (let n = 0; n < 3; n++) clients.push(await connect(server));
    const [first, second, watcher] = clients;
    if (!first || !second || !watcher) throw new Error('there are three clients');
    const seen = new Set<string>();
    const ttls: number[] = [];
    const isDone = () => ttls.length >= scaled(10_000, 40_000);
    const loads = Promise.all([load(first, 1, isDone), load(second, 2, isDone)]);
    while (!isDone()) {
      for await (const [key, ttl] of lifetimes(watcher)) {
        seen.add(key);
        ttls.push(ttl);
      }
    }
    const longestMs = Math.max(...(await loads));
    expect(ttls.filter((ttl) => ttl === -1)).toEqual([]);
    expect(seen.size).toBeGreaterThan((SUBJECTS * policies.length) / 2);
    // A second more than it matters for, and a quarter.
    expect(ttls.reduce((most, ttl) => Math.max(most, ttl))).toBeLessThanOrEqual(Math.ceil((longestMs + 1000) * 1.25));
    expect(longestMs).toBeLessThanOrEqual(1100);
    await pause(longestMs + 2000);
    expect(await redis.keys('*')).toEqual([]);
  });
});
