import { fork } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Cluster } from 'ioredis';
import type { BackendEvent } from '../../../../src/backends/backend-events.js';
import { RedisBackend } from '../../../../src/backends/redis/redis.backend.js';
import { slotOf } from '../../../../src/backends/redis/redis-keys.js';
import type { RedisBackendOptions } from '../../../../src/backends/redis/redis-options.js';
import type { SettingsStore, StoredRate } from '../../../../src/backends/settings-store.js';
import { ManualClock, systemClock } from '../../../../src/core/clock.js';
import type { Charge } from '../../../../src/core/decision.js';
import type { Policy } from '../../../../src/core/policy.js';
import { definePolicy } from '../../../../src/strategies/define-policy.js';
import { subjectAt } from '../../../support/redis/fault-cluster.js';
import { startMove } from '../../../support/redis/fault-masters.js';
import { askUntil, PATIENT_MS } from '../../../support/redis/faults.js';
import { ownRedis } from '../../../support/redis/private-redis.js';
import { connect, RedisCluster } from '../../../support/redis/redis.js';
import { freshPrefix } from '../../../support/redis/redis-shared.js';

const api = definePolicy('api', { rate: '10/min', strategy: 'fixed-window' });
const rateOf = ({ strategy, limit, periodMs, burst, segments }: Policy): StoredRate => ({
  strategy,
  limit,
  periodMs,
  burst,
  segments,
});
const fixed = (rate: string) => rateOf(definePolicy('api', { rate, strategy: 'fixed-window' }));

const ada = (cost = 1): Charge => ({
  policy: api,
  subject: 'user:ada',
  cost,
  overriddenBy: ['project:1', 'organisation:1'],
});
const project = { policy: 'api', subject: 'project:1' };
const organisation = { policy: 'api', subject: 'organisation:1' };

function settingsOf({ settings }: RedisBackend): SettingsStore {
  if (settings === undefined) throw new Error('no settings');
  return settings;
}

describe('overrides on one Redis server', () => {
  const redis = ownRedis();

  function open(options: RedisBackendOptions = {}) {
    const { prefix = freshPrefix(), clock = new ManualClock(Date.UTC(2026, 0, 1)) } = options;
    const events: BackendEvent[] = [];
    const onEvent = (event: BackendEvent) => events.push(event);
    const backend = new RedisBackend(redis.client, { timeoutMs: PATIENT_MS, onEvent, clock, ...options, prefix });
    return { backend, store: settingsOf(backend), prefix, events };
  }

  it('cost no round trip: a call is one run of a script with any overrides', async () => {
    const { backend, store } = open();
    await store.setOverride({ ...project, rate: fixed('5/30s') });
    await store.setOverride({ ...organisation, rate: fixed('20/min') });
    await backend.spend([ada()]);
    await redis.resetCounts();
    for (let i = 0; i < 10; i++)
      await backend.spend([ada(), { ...ada(), subject: 'user:bob', overriddenBy: ['organisation:1'] }]);
    await backend.peek([ada()]);
    // Commands that a script calls are also counted.
    expect([await redis.calls('evalsha'), await redis.calls('eval')]).toEqual([11, 0]);
    const stats = await redis.client.info('commandstats');
    const sent = [...stats.matchAll(/^cmdstat_(\S+?):/gm)].map(([, command = '']) => command);
    expect(sent.sort()).toEqual(['config|resetstat', 'evalsha', 'get', 'info', 'set', 'setrange', 'time']);
  });

  it('are looked up only if a charge names subjects, and decide like a policy', async () => {
    const { backend, store } = open();
    await store.setOverride({ ...project, rate: fixed('5/30s') });
    const { overriddenBy: _, ...plain } = ada();
    await backend.spend([plain]);
    await redis.resetCounts();
    await backend.spend([plain]);
    expect(await redis.calls('get')).toBe(1);
  });

  it('that another process sets are in force in the next call of this one', async () => {
    const { backend, prefix } = open();
    expect((await backend.spend([ada()])).binding).toMatchObject({ limit: 10, remaining: 9 });
    const loader = new URL('../../../support/typescript.mjs', import.meta.url).href;
    const setter = fork(new URL('./override-setter.ts', import.meta.url), [], { execArgv: ['--import', loader] });
    try {
      setter.send({ port: redis.server.port, prefix, override: { ...organisation, rate: fixed('3/min') } });
      await once(setter, 'message');
      expect((await backend.spend([ada()])).binding).toMatchObject({ limit: 3, remaining: 1 });
    } finally {
      setter.kill('SIGKILL');
    }
  });

  it('are in force in the next call of all connections', async () => {
    const { prefix, store } = open();
    const client = await connect(redis.server);
    const clock = new ManualClock(Date.UTC(2026, 0, 1));
    const other = new RedisBackend(client, { prefix, clock, timeoutMs: PATIENT_MS });
    expect((await other.spend([ada()])).binding).toMatchObject({ limit: 10, remaining: 9 });
    await store.setOverride({ ...organisation, rate: fixed('3/min') });
    expect((await other.spend([ada()])).binding).toMatchObject({ limit: 3, remaining: 1 });
    await store.deleteOverride(organisation);
    expect((await other.spend([ada()])).binding).toMatchObject({ limit: 10, remaining: 7 });
    client.disconnect();
  });

  it.each<readonly [what: string, text: string, isGone?: boolean]>([
    ['of a later version', 'o2 fixed-window 1000000 60000 1000000 1 0'],
    ['of no rate', 'o1 fixed-window 0 60000 5 1 0'],
    ['of a rate that is too large', `o1 fixed-window ${2 ** 53} 60000 5 1 0`],
    ['of an expiry that is none', `o1 fixed-window 5 60000 5 1 ${2 ** 53}`],
    ['of more segments than there are', 'o1 fixed-window 1000000 60000 1000000 2000 0'],
    ['of segments that do not divide the period', 'o1 fixed-window 1000000 60000 1000000 7 0'],
    ['unlimited until a time that is none', `o1 unlimited ${2 ** 53}`],
    ['of another strategy', 'o1 sliding-window 1000000 60000 1000000 10 0'],
    ['of no number', 'o1 unlimited never'],
    ['of words', 'unlimited'],
    ['of nothing', ''],
  ])('are ignored if they are %s, and never mean no limit', async (_, text) => {
    const { backend, store, prefix, events } = open();
    await redis.client.set(`${prefix}:{project:1}:override:api`, text);
    for (let i = 0; i < 2; i++) {
      expect((await backend.spend([ada()])).binding).toMatchObject({ limit: 10, remaining: 9 - i });
    }
    await store.setOverride({ ...organisation, rate: fixed('4/min') });
    expect((await backend.peek([ada()])).binding).toMatchObject({ limit: 4, remaining: 1 });
    expect(events).toEqual([{ type: 'unreadable', what: 'override', policy: 'api', subject: 'project:1' }]);
    expect(await redis.client.get(`${prefix}:{project:1}:override:api`)).toBe(text);
  });

  it('are ignored if their key has another type', async () => {
    const { backend, prefix, events } = open();
    await redis.client.rpush(`${prefix}:{project:1}:override:api`, 'x');
    expect((await backend.spend([ada()])).binding).toMatchObject({ limit: 10, remaining: 9 });
    expect(events).toEqual([{ type: 'unreadable', what: 'override', policy: 'api', subject: 'project:1' }]);
  });

  it("count in addition to the policy's budget under keys that expire", async () => {
    const { backend, store, prefix } = open();
    await store.setOverride({ ...project, rate: fixed('5/30s') });
    await backend.spend([ada(2)]);
    const keys = (await redis.client.keys(`${prefix}:{user:ada}*`)).sort();
    const own = `${prefix}:{user:ada}:api@app:f60000`;
    expect(keys).toEqual([`${own}!o`, `${own}!p`]);
    expect(await redis.client.get(`${own}!p`)).toMatch(/^p1 \d+ 30000 1$/);
    for (const key of keys) expect(await redis.client.pttl(key)).toBeGreaterThan(3_500_000);
    await backend.reset([ada()]);
    expect(await redis.client.keys(`${prefix}:{user:ada}*`)).toEqual([]);
  });

  it('start a new count if the state of the other period cannot be attributed', async () => {
    const { backend, store, prefix } = open();
    await store.setOverride({ ...project, rate: fixed('5/30s') });
    await backend.spend([ada(2)]);
    await redis.client.set(`${prefix}:{user:ada}:api@app:f60000!p`, 'what is this');
    expect((await backend.spend([ada(1)])).binding).toMatchObject({ limit: 5, remaining: 4 });
    await redis.client.del(`${prefix}:{user:ada}:api@app:f60000!p`);
    await redis.client.rpush(`${prefix}:{user:ada}:api@app:f60000!p`, 'x');
    expect((await backend.spend([ada(3)])).binding).toMatchObject({ limit: 5, remaining: 2 });
    expect((await backend.spend([ada(1)])).binding).toMatchObject({ limit: 5, remaining: 1 });
  });

  it('drop the cached denials of their subjects in this process, and no others', async () => {
    const { backend, store } = open({ denyMemoryMs: 60_000 });
    await store.setOverride({ ...project, rate: fixed('1/min') });
    const bob: Charge = { ...ada(), subject: 'user:bob', overriddenBy: ['project:2'] };
    for (const charge of [ada(), ada(), { ...bob, cost: 10 }, bob]) await backend.spend([charge]);
    await redis.resetCounts();
    expect([await backend.spend([ada()]), await backend.spend([bob])]).toMatchObject([
      { allowed: false },
      { allowed: false },
    ]);
    expect(await redis.calls('evalsha')).toBe(0);
    await store.setOverride({ ...project, rate: fixed('3/min') });
    expect((await backend.spend([ada()])).binding).toMatchObject({ allowed: true, limit: 3, remaining: 1 });
    expect((await backend.spend([bob])).allowed).toBe(false);
    // One of a call, and the three writes of an override.
    expect(await redis.calls('evalsha')).toBe(1 + 3);
  });

  it('apply, once per call, if the server loses its scripts between and during calls', async () => {
    const { backend, store } = open();
    await store.setOverride({ ...project, rate: fixed('500/30s') });
    const { overriddenBy: _, ...plain } = ada();
    const left: (number | undefined)[] = [];
    for (let i = 0; i < 10; i++) {
      const calls = Array.from({ length: 10 }, (_, j) => backend.spend([j % 2 === 0 ? ada() : { ...plain, cost: 0 }]));
      const flushed = redis.client.script('FLUSH');
      const more = Array.from({ length: 5 }, () => backend.spend([ada()]));
      const outcomes = [...(await Promise.all(calls)), ...(await Promise.all(more))];
      await flushed;
      left.push(...outcomes.flatMap(({ decisions: [one] }) => (one?.limit === 500 ? [one.remaining] : [])));
      expect(outcomes.filter(({ binding }) => binding?.limit === 10)).toHaveLength(5);
    }
    expect(left.toSorted((a, b) => Number(b) - Number(a))).toEqual(Array.from({ length: 100 }, (_, i) => 499 - i));
  });

  it('are decided in a batch with other calls, each by its own', async () => {
    const { backend, store } = open();
    await store.setOverride({ ...project, rate: fixed('5/30s') });
    await store.setOverride({ policy: 'api', subject: 'user:free', rate: 'unlimited' });
    const plain = (subject: string): Charge => ({ policy: api, subject, cost: 1 });
    const free: Charge = { ...plain('user:free'), overriddenBy: ['user:free'] };
    await backend.peek([plain('warm')]);
    const outcomes = await Promise.all(
      [plain('a'), ada(), plain('a'), free, ada(), plain('b'), ada()].map((charge) => backend.spend([charge])),
    );
    expect(outcomes.map(({ decisions: [decision] }) => [decision?.limit, decision?.remaining])).toEqual([
      [10, 9],
      [5, 4],
      [10, 8],
      [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
      [5, 3],
      [10, 9],
      [5, 2],
    ]);
  });
});

describe('overrides on a Cluster', () => {
  let cluster: RedisCluster;
  let client: Cluster;

  beforeAll(async () => {
    cluster = await RedisCluster.start(0);
    client = await cluster.connect();
  });

  afterAll(async () => {
    client?.disconnect();
    await cluster?.[Symbol.asyncDispose]();
  });

  /** A call whose override is on another master. */
  function distant(): { readonly charge: Charge; readonly owner: string } {
    const [first] = cluster.servers;
    if (first === undefined) throw new Error('a cluster without servers');
    const [subject, owner] = [subjectAt(client, first, true), subjectAt(client, first, false)];
    expect(slotOf(`{${subject}}`)).not.toBe(slotOf(`{${owner}}`));
    return { charge: { policy: api, subject, cost: 1, overriddenBy: [subject, owner] }, owner };
  }

  const open = (prefix: string) => {
    const events: BackendEvent[] = [];
    const onEvent = (event: BackendEvent) => events.push(event);
    const backend = new RedisBackend(client, { prefix, clock: new ManualClock(0), timeoutMs: PATIENT_MS, onEvent });
    return { backend, store: settingsOf(backend), events };
  };

  it('of other subjects are seen by other processes within a second, and at once in their own', async () => {
    const prefix = freshPrefix();
    const [here, elsewhere] = [open(prefix), open(prefix)];
    const { charge, owner } = distant();
    expect((await elsewhere.backend.peek([charge])).binding?.limit).toBe(10);
    expect((await here.backend.peek([charge])).binding?.limit).toBe(10);
    await here.store.setOverride({ policy: 'api', subject: owner, rate: fixed('3/min') });
    expect((await here.backend.peek([charge])).binding?.limit).toBe(3);
    await askUntil(
      async () => (await elsewhere.backend.peek([charge])).binding?.limit,
      (limit) => limit === 3,
    );
    await here.store.deleteOverride({ policy: 'api', subject: owner });
    expect((await here.backend.peek([charge])).binding?.limit).toBe(10);
  });

  it('apply while the slot of their subject moves, and its keys are on two masters', async () => {
    const { backend, store } = open(freshPrefix());
    const subject = 'moving';
    const charges: readonly Charge[] = [{ policy: api, subject, cost: 1, overriddenBy: [subject] }];
    await backend.spend(charges);
    const { admins } = await startMove(cluster, slotOf(`{${subject}}`));
    for (const admin of admins) admin.disconnect();
    const { binding, receipt } = await backend.spend(charges);
    expect(binding).toMatchObject({ limit: 10, remaining: 8 });
    if (receipt !== undefined) await backend.settle(receipt, [0]);
    await store.setOverride({ policy: 'api', subject, rate: fixed('3/min') });
    expect((await backend.spend(charges)).binding).toMatchObject({ limit: 3, remaining: 1 });
    expect((await backend.peek([{ ...charges[0], cost: 2 } as Charge])).allowed).toBe(false);
    await store.setOverride({ policy: 'api', subject, rate: 'unlimited' });
    expect(await backend.spend(charges)).toMatchObject({ allowed: true, binding: null });
  });

  it('of the charged subject are seen by the next call of any process', async () => {
    const prefix = freshPrefix();
    const [here, elsewhere] = [open(prefix), open(prefix)];
    const { charge, owner } = distant();
    await here.store.setOverride({ policy: 'api', subject: owner, rate: fixed('3/min') });
    expect((await elsewhere.backend.peek([charge])).binding?.limit).toBe(3);
    await here.store.setOverride({ policy: 'api', subject: charge.subject, rate: fixed('7/min') });
    expect((await elsewhere.backend.peek([charge])).binding?.limit).toBe(7);
  });

  it.each([
    ['of a later version', (key: string) => client.set(key, 'o2 unlimited 0')],
    ['of nothing', (key: string) => client.set(key, '')],
    ['of another type', (key: string) => client.rpush(key, 'x')],
  ])('are ignored if they are %s, on the slot of another subject', async (_, write) => {
    const prefix = freshPrefix();
    const { backend, events } = open(prefix);
    const { charge, owner } = distant();
    await write(`${prefix}:{${owner}}:override:api`);
    for (let i = 0; i < 2; i++) {
      const { binding } = await backend.spend([{ ...charge, overriddenBy: [owner] }]);
      expect(binding).toMatchObject({ limit: 10, remaining: 9 - i });
    }
    expect(events).toEqual([{ type: 'unreadable', what: 'override', policy: 'api', subject: owner }]);
  });

  it('that were read recently apply even if they become too old while others are read', async () => {
    const { backend, store } = open(freshPrefix());
    const { charge, owner } = distant();
    await store.setOverride({ policy: 'api', subject: owner, rate: fixed('3/min') });
    expect((await backend.peek([charge])).binding?.limit).toBe(3);
    const [real, start] = [systemClock.now, systemClock.now()];
    let laterMs = 0;
    const now = jest.spyOn(systemClock, 'now').mockImplementation(() => (laterMs === 0 ? start : real() + laterMs));
    try {
      const asked = backend.peek([{ ...charge, overriddenBy: [owner, 'unread'] }]);
      laterMs = 2000;
      expect((await asked).binding?.limit).toBe(3);
    } finally {
      now.mockRestore();
    }
  });
});
