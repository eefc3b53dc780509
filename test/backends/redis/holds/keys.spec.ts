import { describe, expect, it } from '@jest/globals';
import type { BackendEvent } from '../../../../src/backends/backend-events.js';
import type { HoldRequest, HoldStore } from '../../../../src/backends/hold-store.js';
import { RedisBackend } from '../../../../src/backends/redis/redis.backend.js';
import { ManualClock } from '../../../../src/core/clock.js';
import { definePolicy } from '../../../../src/strategies/define-policy.js';
import { defineBudget, defineConcurrency } from '../../../../src/strategies/held/define-held-policy.js';
import { PATIENT_MS } from '../../../support/redis/faults.js';
import { ownRedis } from '../../../support/redis/private-redis.js';
import { freshPrefix } from '../../../support/redis/redis-shared.js';

const redis = ownRedis();
const two = defineConcurrency('export', 2);
const tokens = defineBudget('llm', { budget: '500/min', carryDebt: true });

function open(clock?: ManualClock) {
  const prefix = freshPrefix();
  const events: BackendEvent[] = [];
  const backend = new RedisBackend(redis.client, {
    prefix,
    timeoutMs: PATIENT_MS,
    onEvent: (event) => events.push(event),
    ...(clock !== undefined && { clock }),
  });
  const { holds } = backend;
  if (holds === undefined) throw new Error('a Redis backend holds nothing');
  const keys = async () => (await redis.client.keys(`${prefix}:*`)).map((key) => key.slice(prefix.length)).sort();
  return { prefix, backend, holds, events, keys };
}

const permit = (id: number, units = 1): HoldRequest => ({ policy: two, subject: 'ada', id, units, ttlMs: 30_000 });
const reservation = (id: number, units: number, ttlMs = 30_000): HoldRequest => ({
  policy: tokens,
  subject: 'ada',
  id,
  units,
  ttlMs,
});

const left = async (holds: HoldStore, hold: HoldRequest) =>
  (await holds.peek([{ ...hold, units: 0 }], [])).decisions[0]?.remaining;

describe('the keys of what is held', () => {
  it('are two for permits, and none when all permits are free', async () => {
    const { holds, keys } = open();
    await holds.take([permit(1), permit(2)], []);
    expect(await keys()).toEqual([':{ada}:export@app:h!h', ':{ada}:export@app:h!u']);
    await holds.end([permit(1)]);
    expect(await keys()).toHaveLength(2);
    await holds.end([permit(2)]);
    expect(await keys()).toEqual([]);
  });

  it('are three for a token budget, one of which stays until the window of settled units is over', async () => {
    const { holds, keys } = open();
    await holds.take([reservation(1, 100)], []);
    expect(await keys()).toEqual([':{ada}:llm@app:hf60000!h', ':{ada}:llm@app:hf60000!u']);
    await holds.end([{ ...reservation(1, 80) }]);
    expect(await keys()).toEqual([':{ada}:llm@app:hf60000']);
  });

  it('are deleted with a reset, and only those of its subject and policy', async () => {
    const { holds, keys, backend } = open();
    await holds.take([permit(1), reservation(1, 100), { ...permit(1), subject: 'bob' }], []);
    await holds.take([reservation(2, 100)], []);
    await holds.end([reservation(2, 10)]);
    await backend.reset([permit(1), reservation(1, 0)]);
    expect(await keys()).toEqual([':{bob}:export@app:h!h', ':{bob}:export@app:h!u']);
  });

  it('all expire, after every hold in them and the windows in which it counts', async () => {
    const { holds, prefix } = open();
    const ttls = async () => {
      const names = (await redis.client.keys(`${prefix}:*`)).sort();
      return Promise.all(names.map((name) => redis.client.pttl(name)));
    };
    const atLeast = async (...expected: readonly number[]) => {
      const found = await ttls();
      expect(found).toHaveLength(expected.length);
      for (const [i, ttlMs] of found.entries()) {
        expect(ttlMs).toBeGreaterThan(expected[i] ?? 0);
        expect(ttlMs).toBeLessThan((expected[i] ?? 0) + 200_000);
      }
    };
    await holds.take([permit(1), reservation(1, 100)], []);
    await atLeast(20_000, 20_000, 80_000, 80_000);
    await holds.extend([permit(1), reservation(1, 100)], 500_000);
    await atLeast(490_000, 490_000, 550_000, 550_000);
    // A shorter hold shortens nothing.
    await holds.take([permit(2), reservation(2, 100)], []);
    await holds.grow(reservation(2, 0), 400);
    await atLeast(490_000, 490_000, 550_000, 550_000);
    await holds.end([reservation(2, 700)]);
    await atLeast(490_000, 490_000, 60_000, 550_000, 550_000);
  });

  it("stay for an hour longer if the caller's clock decides", async () => {
    const { holds, prefix } = open(new ManualClock(Date.UTC(2026, 0, 1)));
    await holds.take([permit(1)], []);
    for (const name of await redis.client.keys(`${prefix}:*`)) {
      expect(await redis.client.pttl(name)).toBeGreaterThan(3_600_000);
    }
  });

  it('are found by a server that has lost its scripts', async () => {
    const { holds } = open();
    await holds.take([permit(1)], []);
    await redis.client.script('FLUSH');
    expect(await holds.extend([permit(1)], 30_000)).toEqual([true]);
    await redis.client.script('FLUSH');
    expect((await holds.take([permit(2)], [])).allowed).toBe(true);
    await redis.client.script('FLUSH');
    expect(await holds.end([permit(1), permit(2)])).toEqual([true, true]);
  });
});

describe('a foreign value under a key of holds', () => {
  type Put = readonly [what: string, put: (key: string) => Promise<unknown>];
  const text: Put = ['a text', (key) => redis.client.set(key, 'hello')];
  const list: Put = ['a list', (key) => redis.client.rpush(key, 'x')];
  const set: Put = ['a sorted set', (key) => redis.client.zadd(key, 5, 'x')];
  const hash: Put = ['a hash', (key) => redis.client.hset(key, 'x', '1')];
  const late: Put = ['ids that are held by nobody', (key) => redis.client.zadd(key, Date.now() + 60_000, '7')];
  const expired: Put = ['ids that have expired, and no units', (key) => redis.client.zadd(key, 5, '7')];

  it.each<readonly [end: string, what: string, put: Put[1]]>([
    ['', ...text],
    ['', ...list],
    ['!h', ...text],
    ['!h', ...list],
    ['!h', ...hash],
    ['!h', ...late],
    ['!h', ...expired],
    ['!u', ...text],
    ['!u', ...set],
  ])('is deleted and reported: under the key that ends with "%s", %s', async (end, _, put) => {
    const { holds, prefix, events, keys } = open();
    await put(`${prefix}:{ada}:llm@app:hf60000${end}`);
    const garbage = { code: 'GARBAGE' };
    await expect(holds.take([reservation(1, 100)], [])).rejects.toMatchObject(garbage);
    expect(events).toEqual([{ type: 'garbage', policies: ['llm'] }]);
    expect(await keys()).toEqual([]);
    await put(`${prefix}:{ada}:llm@app:hf60000${end}`);
    await expect(holds.end([reservation(1, 100)])).rejects.toMatchObject(garbage);
    await put(`${prefix}:{ada}:llm@app:hf60000${end}`);
    await expect(holds.extend([reservation(1, 100)], 1000)).rejects.toMatchObject(garbage);
    expect((await holds.take([reservation(1, 100)], [])).allowed).toBe(true);
    expect(await left(holds, reservation(1, 0))).toBe(400);
  });

  it('fails the whole call, which takes nothing', async () => {
    const { holds, prefix, backend } = open();
    const api = definePolicy('api', { rate: '5/h', strategy: 'fixed-window' });
    await redis.client.set(`${prefix}:{ada}:export@app:h!h`, 'hello');
    const charge = { policy: api, subject: 'ada', cost: 1 };
    await expect(holds.take([reservation(1, 100), permit(1)], [charge])).rejects.toMatchObject({ code: 'GARBAGE' });
    expect(await left(holds, reservation(1, 0))).toBe(500);
    expect((await backend.peek([{ ...charge, cost: 0 }])).decisions[0]?.remaining).toBe(5);
  });
});
