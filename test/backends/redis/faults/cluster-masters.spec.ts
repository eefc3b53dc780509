import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Cluster } from 'ioredis';
import { RedisBackend } from '../../../../src/backends/redis/redis.backend.js';
import { slotOf } from '../../../../src/backends/redis/redis-keys.js';
import type { Charge } from '../../../../src/core/decision.js';
import { defineConcurrency } from '../../../../src/strategies/held/define-held-policy.js';
import { subjectAt } from '../../../support/redis/fault-cluster.js';
import { endMove, oneMasterFrozen, resharded, startMove } from '../../../support/redis/fault-masters.js';
import { askUntil, charge, counter, GRACE_MS, guarded, PATIENT_MS, TIMEOUT_MS } from '../../../support/redis/faults.js';
import { freePort, RedisCluster } from '../../../support/redis/redis.js';
import { freshPrefix } from '../../../support/redis/redis-shared.js';

describe('a Cluster client that queues commands until it is connected', () => {
  it('delays no call beyond its deadline', async () => {
    const client = new Cluster([{ host: '127.0.0.1', port: await freePort() }], { clusterRetryStrategy: () => 50 });
    client.on('error', () => undefined);
    const { backend, events } = guarded(client, 'local', 100);
    const limit = counter('queued');
    const startedAt = performance.now();
    const taken = await Promise.all(Array.from({ length: 6 }, (_, i) => backend.spend([charge(limit, `s${i}`)])));
    expect(taken.map(({ degraded }) => degraded)).toEqual(new Array(6).fill('local'));
    const failing = new RedisBackend(client, { timeoutMs: 100 }).spend([charge(limit)]);
    await expect(failing).rejects.toMatchObject({ name: 'BackendError', domain: 'unknown' });
    await backend.reset([{ policy: limit, subject: 'ada' }]);
    expect(performance.now() - startedAt).toBeLessThan(4 * 100 + GRACE_MS);
    const domain = 'unknown';
    expect(events[0]).toEqual({
      type: 'degraded',
      code: expect.any(String),
      message: expect.stringContaining(domain),
      domain,
      unavailable: [domain],
      of: 1,
    });
    client.disconnect();
    await backend.close();
  });
});

describe('a Cluster of three masters', () => {
  let cluster: RedisCluster;

  beforeAll(async () => {
    cluster = await RedisCluster.start(0);
  });

  afterAll(() => cluster?.[Symbol.asyncDispose]());

  it('decides calls on two masters while the third is frozen, and reports only that one', async () => {
    const { healthy, fellBack, frozen, frozenFellBack, events, domain } = await oneMasterFrozen(cluster, 500);
    expect(healthy).toBeGreaterThan(200);
    expect(fellBack).toBe(0);
    expect(frozen).toBeGreaterThan(0);
    expect(frozenFellBack).toBeGreaterThan(0);
    expect(events).toEqual([
      {
        type: 'degraded',
        code: 'TIMEOUT',
        message: expect.stringContaining(domain),
        domain,
        unavailable: [domain],
        of: 3,
      },
      { type: 'recovered', domain, unavailable: [], of: 3 },
    ]);
  });

  it('fails settings on a frozen master, and affects only calls whose override is there', async () => {
    const client = await cluster.connect();
    await cluster.configure('cluster-node-timeout', 600_000);
    const { backend, prefix, events } = guarded(client, 'local', 200);
    const { settings } = backend;
    const masterOf = (key: string) => client.slots[slotOf(key)]?.[0];
    const still = cluster.servers.find(({ port }) => masterOf(`${prefix}:policies`) === `127.0.0.1:${port}`);
    if (settings === undefined || still === undefined) throw new Error('a cluster without settings');
    const domain = `127.0.0.1:${still.port}`;
    const limit = counter('settings');
    const [here, there] = [subjectAt(client, still, false), subjectAt(client, still, true)];
    const plain = charge(limit, here);
    const overridden = { ...plain, overriddenBy: [there] };
    const degradedOf = async (one: Charge) => (await backend.spend([one])).degraded;
    expect([await degradedOf(plain), await degradedOf(overridden)]).toEqual([undefined, undefined]);
    still.freeze();
    try {
      for (let i = 0; i < 7; i++) await expect(settings.version()).rejects.toMatchObject({ code: 'TIMEOUT' });
      await expect(settings.changePolicy({ policy: 'settings', mode: 'off' })).rejects.toMatchObject({
        code: 'TIMEOUT',
      });
      await expect(settings.setOverride({ policy: 'settings', subject: there, rate: 'unlimited' })).rejects.toThrow();
      // No setting is a call: the breaker counts calls.
      expect(events).toEqual([]);
      expect(await degradedOf(plain)).toBeUndefined();
      await askUntil(
        () => degradedOf(overridden),
        () => events.length > 0,
      );
      expect(events).toEqual([
        {
          type: 'degraded',
          code: 'TIMEOUT',
          message: expect.stringContaining(domain),
          domain,
          unavailable: [domain],
          of: 3,
        },
      ]);
      expect([await degradedOf(plain), await degradedOf(overridden)]).toEqual([undefined, 'local']);
    } finally {
      still.thaw();
    }
    await askUntil(
      () => degradedOf(overridden),
      (degraded) => degraded === undefined && events.length === 2,
    );
    expect(events.at(-1)).toEqual({ type: 'recovered', domain, unavailable: [], of: 3 });
    expect(Number.isSafeInteger(await settings.version())).toBe(true);
    client.disconnect();
    await backend.close();
    await cluster.configure('cluster-node-timeout', 1500);
  });

  it('decides all calls while slots move from master to master, and charges each once', async () => {
    const { fellBack, events, difference, whileMoving } = await resharded(cluster, 6, PATIENT_MS);
    expect(whileMoving).toBeGreaterThan(20);
    expect({ fellBack, events, difference }).toEqual({ fellBack: 0, events: [], difference: 0 });
  });

  it('takes and ends permits when their slot has moved, and fails no other call if that takes longer than their time', async () => {
    const client = await cluster.connect();
    const { holds } = new RedisBackend(client, { prefix: freshPrefix(), timeoutMs: PATIENT_MS });
    const hasty = guarded(client, 'deny', TIMEOUT_MS);
    if (holds === undefined || hasty.backend.holds === undefined) throw new Error('a Redis backend has holds');
    const permit = (id: number) => ({
      policy: defineConcurrency('export', 2),
      subject: 'held',
      id,
      units: 1,
      ttlMs: 3_600_000,
    });
    await holds.take([permit(1)], []);
    const slot = slotOf('{held}');
    const move = await startMove(cluster, slot);
    // The first of its keys has moved.
    const [key = ''] = (await move.source.cluster('GETKEYSINSLOT', slot, 1)).map(String);
    await move.source.migrate('127.0.0.1', move.target.options.port ?? 0, key, 0, 5000);
    expect(await hasty.backend.holds.take([permit(3)], [])).toMatchObject({ degraded: 'deny' });
    expect(await hasty.backend.spend([charge(counter('held'), 'held')])).not.toHaveProperty('degraded');
    expect(hasty.events).toEqual([]);

    const waiting = [holds.take([permit(2)], []), holds.end([{ ...permit(1), units: 0 }])] as const;
    const keys = (await move.source.cluster('GETKEYSINSLOT', slot, 100)).map(String);
    await move.source.migrate('127.0.0.1', move.target.options.port ?? 0, '', 0, 5000, 'KEYS', ...keys);
    await endMove(slot, move);
    expect(await waiting[0]).toMatchObject({ allowed: true });
    expect(await waiting[1]).toEqual([true]);
    expect((await holds.peek([{ ...permit(3), units: 0 }], [])).decisions[0]?.remaining).toBe(1);
    client.disconnect();
  });

  // The last one: a master is gone afterwards. Jest fails a test during which a rejection is left unhandled.
  it('leaves no rejection unhandled when the master that a slot moves to is killed', async () => {
    const client = await cluster.connect();
    const { backend } = guarded(client, 'local', TIMEOUT_MS);
    const limit = counter('asked');
    await backend.spend([charge(limit, 'warm')]);
    const { target, admins } = await startMove(cluster, slotOf('{asked}'));
    const { port } = target.options;
    for (const admin of admins) admin.disconnect();
    await cluster.servers.find((server) => server.port === port)?.kill();
    await askUntil(
      () => client.nodes('all').find(({ options }) => options.port === port)?.status,
      (status) => status !== 'ready',
    );
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => backend.spend([charge(limit, 'asked')])));
    expect(outcomes.map(({ degraded }) => degraded)).toEqual(new Array(5).fill('local'));
    await backend.close();
    client.disconnect();
  });
});
