import type { Cluster } from 'ioredis';
import type { BackendEvent } from '../../../src/backends/backend-events.js';
import { RedisBackend } from '../../../src/backends/redis/redis.backend.js';
import { slotOf } from '../../../src/backends/redis/redis-keys.js';
import { askUntil, charge, counter, guarded, PATIENT_MS, TIMEOUT_MS, usedOf } from './faults.js';
import { pause, type RedisCluster, type RedisServer } from './redis.js';
import { RedisProxy } from './redis-proxy.js';
import { freshPrefix } from './redis-shared.js';

/** Returns a subject whose slot is, or is not, on that master. */
export function subjectAt(client: Cluster, { port }: RedisServer, isThere: boolean): string {
  for (let i = 0; ; i++) {
    const master = client.slots[slotOf(`{s${i}}`)]?.[0] ?? '';
    if (master.endsWith(`:${port}`) === isThere) return `s${i}`;
  }
}

export interface MasterKilled {
  /** The time from the kill to the first charge on a slot of that master. */
  readonly writingAgainMs: number;
  readonly limit: number;
  /** Calls that Redis admitted, on a subject of that master and another one. */
  readonly admitted: number;
  readonly deniedByRedis: number;
  /** The charges of the subject on the other master. */
  readonly charged: number;
  readonly events: readonly string[];
  readonly eventsByDomain: Readonly<Record<string, readonly string[]>>;
}

/**
 * Kills the first master under 20 callers that charge one subject there and one elsewhere, until both limits are
 * reached.
 */
export async function clusterMasterKilled(cluster: RedisCluster, timeoutMs = TIMEOUT_MS): Promise<MasterKilled> {
  const [victim] = cluster.servers;
  if (victim === undefined) throw new Error('a cluster without servers');
  const client = await cluster.connect({ slotsRefreshTimeout: 1000 });
  // Not `local`: the process would use up its own counter during the outage, and not call Redis again.
  const { backend, prefix, events } = guarded(client, 'allow', timeoutMs);
  const limit = counter('across', 2000);
  const safe = subjectAt(client, victim, false);
  const charges = [safe, subjectAt(client, victim, true)].map((subject) => charge(limit, subject));
  let [admitted, deniedByRedis, killedAt, writingAgainMs] = [0, 0, Number.POSITIVE_INFINITY, 0];
  const giveUpAt = performance.now() + 90_000;
  const callers = Array.from({ length: 20 }, async () => {
    while (deniedByRedis < 100 && performance.now() < giveUpAt) {
      const startedAt = performance.now();
      const { allowed, degraded } = await backend.spend(charges);
      if (degraded === undefined && !allowed) deniedByRedis += 1;
      if (degraded === undefined && allowed) admitted += 1;
      if (degraded === undefined && startedAt > killedAt) writingAgainMs ||= performance.now() - killedAt;
      await pause(5);
    }
  });
  while (admitted < 500) await pause(1);
  await victim.kill();
  killedAt = performance.now();
  await Promise.all(callers);
  await askUntil(
    () => backend.peek(charges),
    () => backend.retryAfterMs === 0 && events.at(-1)?.type === 'recovered',
  );
  const charged = await usedOf(client, prefix, limit, safe);
  client.disconnect();
  return {
    writingAgainMs,
    limit: limit.limit,
    admitted,
    deniedByRedis,
    charged,
    events: events.map(({ type }) => type),
    eventsByDomain: typesByDomain(events),
  };
}

function typesByDomain(events: readonly BackendEvent[]): Record<string, string[]> {
  const byDomain: Record<string, string[]> = {};
  for (const event of events) {
    const domain = 'domain' in event && event.domain !== undefined ? event.domain : 'none';
    byDomain[domain] = [...(byDomain[domain] ?? []), event.type];
  }
  return byDomain;
}

/**
 * Makes calls on a cluster, where every tenth run loses its connection after it was executed. Each call waits until its
 * node can be reached again.
 */
export async function clusterLostReplies(cluster: RedisCluster, count = 300) {
  const proxies = await Promise.all(cluster.servers.map((server) => RedisProxy.start(server)));
  const natMap = Object.fromEntries(
    cluster.servers.map(({ port }, i) => [`127.0.0.1:${port}`, proxies[i]?.address ?? { host: '', port: 0 }]),
  );
  const client = await cluster.connect({ natMap });
  const direct = await cluster.connect();
  const prefix = freshPrefix();
  const backend = new RedisBackend(client, { prefix, timeoutMs: PATIENT_MS });
  const limit = counter('lost');
  for (const proxy of proxies) proxy.fate = (run) => (run % 10 === 0 ? 'cut' : 'pass');
  const calls: { readonly isAnswered: boolean; readonly units: number }[] = [];
  for (let i = 0; i < count; i++) {
    await askUntil(() => reaches(client, `{s${i}}`), Boolean);
    const isAnswered = await Promise.resolve(backend.spend([charge(limit, `s${i}`)])).then(
      () => true,
      () => false,
    );
    calls.push({ isAnswered, units: await usedOf(direct, prefix, limit, `s${i}`) });
  }
  for (const each of [client, direct]) each.disconnect();
  for (const proxy of proxies) await proxy[Symbol.asyncDispose]();
  return {
    answered: calls.filter(({ isAnswered }) => isAnswered).length,
    cuts: proxies.reduce((sum, { cuts }) => sum + cuts, 0),
    twice: calls.filter(({ units }) => units > 1).length,
    wrong: calls.filter(({ isAnswered, units }) => isAnswered && units !== 1).length,
  };
}

/** Returns true if the node of a key responds. */
function reaches(client: Cluster, key: string): Promise<boolean> {
  return client.exists(key).then(
    () => true,
    () => false,
  );
}
