import { describe, expect, it } from '@jest/globals';
import type { BackendEvent } from '../../../../src/backends/backend-events.js';
import { RedisBackend } from '../../../../src/backends/redis/redis.backend.js';
import type { RedisBackendOptions } from '../../../../src/backends/redis/redis-options.js';
import { ResilientBackend } from '../../../../src/backends/resilience/resilient.backend.js';
import type { SettingsStore, StoredRate } from '../../../../src/backends/settings-store.js';
import { ManualClock } from '../../../../src/core/clock.js';
import { PATIENT_MS } from '../../../support/redis/faults.js';
import { ownRedis } from '../../../support/redis/private-redis.js';
import { connect } from '../../../support/redis/redis.js';
import { freshPrefix } from '../../../support/redis/redis-shared.js';

const rate: StoredRate = { strategy: 'sliding-window', limit: 500, periodMs: 60_000, burst: 500, segments: 10 };
const ada = { policy: 'api', subject: 'user:ada' };

/** The settings of a backend, which has them. */
function settingsOf({ settings }: { readonly settings?: SettingsStore }): SettingsStore {
  if (settings === undefined) throw new Error('no settings');
  return settings;
}

describe('settings in Redis', () => {
  const redis = ownRedis();

  /** A backend on its own keys, its settings, and the events that it emits. */
  function open(options: RedisBackendOptions = {}) {
    const { prefix = freshPrefix() } = options;
    const events: BackendEvent[] = [];
    const onEvent = (event: BackendEvent) => events.push(event);
    const backend = new RedisBackend(redis.client, { timeoutMs: PATIENT_MS, onEvent, ...options, prefix });
    return { backend, store: settingsOf(backend), prefix, events };
  }

  it('are seen by every process, and by one that starts later', async () => {
    const { store, prefix } = open();
    await store.setOverride({ ...ada, rate });
    await store.changePolicy({ policy: 'api', rate, mode: 'monitor' });
    const client = await connect(redis.server);
    const other = settingsOf(
      new ResilientBackend(new RedisBackend(client, { prefix, timeoutMs: PATIENT_MS }), 'local'),
    );
    expect(await other.getOverride(ada)).toEqual({ ...ada, rate });
    expect(await other.listPolicyChanges()).toMatchObject([{ policy: 'api', rate, mode: 'monitor' }]);
    expect(await other.version()).toBe(await store.version());
    await other.resetPolicy('api');
    expect(await store.listPolicyChanges()).toEqual([]);
    client.disconnect();
  });

  it('are stored under the key of the subject in readable form, and in a list', async () => {
    const { store, prefix } = open({ clock: new ManualClock(1000) });
    await store.setOverride({ ...ada, rate, expiresInMs: 500 });
    await store.setOverride({ policy: 'api', subject: 'user:bob', rate: 'unlimited' });
    const { client } = redis;
    expect(await client.get(`${prefix}:{user:ada}:override:api`)).toBe('o1 sliding-window 500 60000 500 10 1500');
    expect(await client.get(`${prefix}:{user:bob}:override:api`)).toBe('o1 unlimited 0');
    expect(await client.zrange(`${prefix}:overrides`, '0', '-1')).toEqual(['api "user:ada"', 'api "user:bob"']);
    expect(await client.pttl(`${prefix}:{user:ada}:override:api`)).toBeGreaterThan(3_500_000);
    expect(await client.pttl(`${prefix}:{user:bob}:override:api`)).toBe(-1);
  });

  it("expire by the server's clock", async () => {
    const { store } = open();
    const before = Number((await redis.client.time())[0]) * 1000;
    const { expiresAt = 0 } = await store.setOverride({ ...ada, rate, expiresInMs: 60_000 });
    expect(expiresAt).toBeGreaterThanOrEqual(before + 59_000);
    expect(expiresAt).toBeLessThan(before + 60_000 + PATIENT_MS);
    expect(await store.getOverride(ada)).toEqual({ ...ada, rate, expiresAt });
  });

  it('are listed without the names of deleted overrides, which are dropped', async () => {
    const { store, prefix } = open();
    const list = `${prefix}:overrides`;
    await store.setOverride({ ...ada, rate });
    await redis.client.zadd(list, 0, 'api "user:gone"', 0, 'api what is this', 0, 'nothing');
    expect((await store.listOverrides(undefined, { limit: 10 })).entries).toEqual([{ ...ada, rate }]);
    expect(await redis.client.zrange(list, '0', '-1')).toEqual(['api "user:ada"']);
  });

  it('need neither KEYS nor SCAN', async () => {
    const { store } = open();
    await redis.resetCounts();
    await store.setOverride({ ...ada, rate });
    await store.listOverrides(undefined, { limit: 10 });
    await store.listPolicyChanges();
    for (const command of ['keys', 'scan', 'sscan', 'hscan', 'zscan']) expect(await redis.calls(command)).toBe(0);
  });

  it.each([
    ['a later version', 'o2 sliding-window 500 60000 500 10 0'],
    ['a limit of nothing', 'o1 sliding-window 0 60000 500 10 0'],
    ['a number that is too large', `o1 sliding-window ${2 ** 53} 60000 500 10 0`],
    ['more segments than there are', 'o1 sliding-window 500 60000 500 2000 0'],
    ['segments that do not divide the period', 'o1 sliding-window 500 60000 500 7 0'],
    ['no time of expiry', `o1 unlimited ${2 ** 53}`],
    ['words of something else', 'unlimited'],
    ['bytes', '\u0000\u00ff'],
  ])('are ignored if they are %s, which is reported once', async (_, text) => {
    const { store, prefix, events } = open();
    await store.setOverride({ ...ada, rate });
    await redis.client.set(`${prefix}:{user:ada}:override:api`, text);
    expect(await store.getOverride(ada)).toBeUndefined();
    expect(await store.listOverrides('api', { limit: 10 })).toEqual({ entries: [] });
    expect(events).toEqual([{ type: 'unreadable', what: 'override', policy: 'api', subject: 'user:ada' }]);
    // Values of a later version are not deleted.
    expect(await redis.client.get(`${prefix}:{user:ada}:override:api`)).toBe(text);
    expect(await redis.client.zcard(`${prefix}:overrides`)).toBe(1);
    expect(await store.deleteOverride(ada)).toBe(true);
  });

  it('are ignored if their key has another type, and the others are listed', async () => {
    const { store, prefix, events } = open();
    const bob = { policy: 'api', subject: 'user:bob' };
    for (const target of [ada, bob]) await store.setOverride({ ...target, rate });
    const key = `${prefix}:{user:ada}:override:api`;
    await redis.client.del(key);
    await redis.client.rpush(key, 'x');
    expect(await store.getOverride(ada)).toBeUndefined();
    expect(await store.listOverrides('api', { limit: 10 })).toEqual({ entries: [{ ...bob, rate }] });
    expect(events).toEqual([{ type: 'unreadable', what: 'override', ...ada }]);
    expect(await store.deleteOverride(ada)).toBe(true);
    expect(await redis.client.exists(key)).toBe(0);
  });

  it.each([
    ['a later version', 'api mode', '{"version":2,"mode":"off","changedAt":1}'],
    ['an unknown mode', 'api mode', '{"version":1,"mode":"dry","changedAt":1}'],
    ['a rate of nothing', 'api rate', '{"version":1,"rate":{"limit":0},"changedAt":1}'],
    ['a rate that is null', 'api rate', '{"version":1,"rate":null,"changedAt":1}'],
    ['no rate', 'api rate', '{"version":1,"mode":"off","changedAt":1}'],
    ['an instant that no date has', 'api mode', '{"version":1,"mode":"off","changedAt":1e300}'],
    ['a mode that is null', 'api mode', '{"version":1,"mode":null,"changedAt":1}'],
    ['no mode', 'api mode', '{"version":1,"changedAt":1}'],
    ['an unknown part', 'api by', '{"version":1,"mode":"off","changedAt":1}'],
    ['no part', 'api', '{"version":1,"mode":"off","changedAt":1}'],
    ['no JSON', 'api mode', 'off'],
    ['no object', 'api mode', 'null'],
  ])('of a policy are ignored if they are %s, which is reported once', async (_, field, text) => {
    const { store, prefix, events } = open();
    await store.changePolicy({ policy: 'login', mode: 'off' });
    await redis.client.hset(`${prefix}:policies`, field, text);
    for (let i = 0; i < 2; i++) expect(await store.listPolicyChanges()).toMatchObject([{ policy: 'login' }]);
    expect(events).toEqual([{ type: 'unreadable', what: 'policy-change', policy: 'api' }]);
  });

  it('of a policy have a field for each part: one that cannot be read leaves the other', async () => {
    const { store, prefix } = open({ clock: new ManualClock(1000) });
    await store.changePolicy({ policy: 'api', rate, mode: 'monitor' });
    const key = `${prefix}:policies`;
    expect(await redis.client.hgetall(key)).toEqual({
      'api rate': JSON.stringify({ version: 1, rate, changedAt: 1000 }),
      'api mode': '{"version":1,"mode":"monitor","changedAt":1000}',
      '@version': expect.stringMatching(/^\d+$/),
    });
    await redis.client.hset(key, 'api mode', 'off');
    expect(await store.listPolicyChanges()).toEqual([{ policy: 'api', rate, changedAt: 1000 }]);
  });

  it('fail in time if a server is frozen', async () => {
    const { store } = open({ timeoutMs: 200 });
    redis.server.freeze();
    try {
      await expect(store.setOverride({ ...ada, rate })).rejects.toMatchObject({ code: 'TIMEOUT' });
      await expect(store.version()).rejects.toMatchObject({ code: 'TIMEOUT' });
    } finally {
      redis.server.thaw();
    }
    await redis.client.ping();
  });

  it('fail with an error of Redis if a key has another type', async () => {
    const { store, prefix } = open();
    await redis.client.set(`${prefix}:policies`, 'what another has left here');
    await expect(store.version()).rejects.toMatchObject({ name: 'BackendError', code: 'WRONGTYPE' });
  });
});
