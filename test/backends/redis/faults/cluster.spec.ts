import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { clusterLostReplies, clusterMasterKilled, subjectAt } from '../../../support/redis/fault-cluster.js';
import {
  answersOf,
  askUntil,
  charge,
  comesWithin,
  counter,
  failureOf,
  GRACE_MS,
  guarded,
  probesFail,
  SECRET,
  TIMEOUT_MS,
  textOf,
  usedOf,
} from '../../../support/redis/faults.js';
import { RedisCluster } from '../../../support/redis/redis.js';

// The tests share a cluster, which loses a master in the third, and all in the fourth.

describe('a cluster', () => {
  let cluster: RedisCluster;

  beforeAll(async () => {
    cluster = await RedisCluster.start();
  });

  afterAll(() => cluster?.[Symbol.asyncDispose]());

  it('charges a call once if its reply is lost', async () => {
    const { answered, cuts, twice, wrong } = await clusterLostReplies(cluster);
    expect({ twice, wrong }).toEqual({ twice: 0, wrong: 0 });
    expect(cuts).toBeGreaterThan(10);
    expect(answered).toBeGreaterThan(200);
  });

  it('reports a frozen master once, and refunds what calls took at the others', async () => {
    const [still] = cluster.servers;
    if (still === undefined) throw new Error('a cluster without servers');
    const client = await cluster.connect();
    // No replica takes over while the master is frozen.
    const missAfterMs = (ms: number) => cluster.configure('cluster-node-timeout', ms);
    await missAfterMs(600_000);
    const { backend, prefix, events } = guarded(client);
    const limit = counter('c');
    const [bad, good] = [subjectAt(client, still, true), subjectAt(client, still, false)];
    const both = [charge(limit, good), charge(limit, bad)];
    await backend.spend(both);
    still.freeze();
    await Promise.all(Array.from({ length: 5 }, () => backend.spend(both)));
    await probesFail(1, backend, () => backend.peek([charge(limit, good)]));
    const domain = `127.0.0.1:${still.port}`;
    const degraded = {
      type: 'degraded',
      code: 'TIMEOUT',
      message: expect.stringContaining(domain),
      domain,
      unavailable: [domain],
      of: 3,
    };
    expect(events).toEqual([degraded]);
    still.thaw();
    await askUntil(
      () => backend.peek(both),
      ({ degraded }) => degraded === undefined,
    );
    expect(events).toEqual([degraded, { type: 'recovered', domain, unavailable: [], of: 3 }]);
    const used = () => Promise.all([good, bad].map((subject) => usedOf(client, prefix, limit, subject)));
    await askUntil(used, (units) => units.every((unit) => unit === 1));
    await missAfterMs(1500);
    client.disconnect();
  });

  it('accepts charges again soon after a master was killed, and never admits more than the limit across slots', async () => {
    const figures = await clusterMasterKilled(cluster);
    expect(figures.writingAgainMs).toBeGreaterThan(0);
    expect(figures.writingAgainMs).toBeLessThan(60_000);
    expect(figures.deniedByRedis).toBeGreaterThanOrEqual(100);
    expect(figures.admitted).toBeLessThanOrEqual(figures.limit);
    // The charges of the other master are refunded, except those of calls in flight when it refused as well.
    expect(figures.charged).toBeGreaterThanOrEqual(figures.admitted);
    // There are 20 at most an outage, of which there may be more than one.
    expect(figures.charged - figures.admitted).toBeLessThanOrEqual(20 * (figures.events.length / 2));
    expect(figures.charged).toBeLessThanOrEqual(figures.limit);
    // A cluster that fails over may answer once and fail again, and the master that takes over may fail at first: each outage
    // of a master is reported by its two ends.
    expect(figures.events.length).toBeGreaterThanOrEqual(2);
    for (const ofOne of Object.values(figures.eventsByDomain)) {
      expect(ofOne).toEqual(ofOne.map((_, i) => (i % 2 === 0 ? 'degraded' : 'recovered')));
      expect(ofOne.length % 2).toBe(0);
    }
  });

  it('leaves no call waiting when all masters are dead', async () => {
    const client = await cluster.connect();
    const { backend, events } = guarded(client);
    await Promise.all(cluster.servers.map((server) => server.kill()));
    const across = Array.from({ length: 50 }, (_, i) => [charge(counter('c'), `a${i}`), charge(counter('c'), `b${i}`)]);
    const calls = across.map(async (charges) => {
      const answer = backend.spend(charges);
      const isInTime = await comesWithin(TIMEOUT_MS + GRACE_MS, answer);
      return { degraded: (await answer).degraded, isInTime };
    });
    expect(await Promise.all(calls)).toEqual(across.map(() => ({ degraded: 'local', isInTime: true })));
    const { answers, expected, late } = await answersOf(client);
    expect(answers).toEqual(expected);
    expect(late).toBe(0);
    const { error } = await failureOf(client);
    expect(['CONNECTION', 'TIMEOUT']).toContain(error.code);
    expect(textOf(error)).not.toContain(SECRET);
    // Each master is reported once.
    const domains = events.map((event) => (event.type === 'degraded' ? event.domain : event.type));
    expect(domains.length).toBeGreaterThanOrEqual(1);
    expect(new Set(domains).size).toBe(domains.length);
    client.disconnect();
  });
});
