import type { Redis } from 'ioredis';
import type { BackendEvent } from '../../../src/backends/backend-events.js';
import { slotOf } from '../../../src/backends/redis/redis-keys.js';
import type { Charge } from '../../../src/core/decision.js';
import { load } from './fault-scenarios.js';
import { askUntil, charge, counter, guarded, TIMEOUT_MS, usedOf } from './faults.js';
import { connect, pause, type RedisCluster } from './redis.js';

/** The number of keys of a slot that move separately. */
const PARTS = 6;

// Scenarios of a Cluster without replicas, with one unhealthy master.

export interface OneMasterFrozen {
  /** Calls on the other masters while one was frozen, and those that the fallback decided. */
  readonly healthy: number;
  readonly fellBack: number;
  /** Calls on the frozen master, and those that the fallback decided. */
  readonly frozen: number;
  readonly frozenFellBack: number;
  readonly events: readonly BackendEvent[];
  /** The address of the frozen master. */
  readonly domain: string;
}

/** Freezes the first of three masters for a while, under 12 callers on subjects of all masters. */
export async function oneMasterFrozen(
  cluster: RedisCluster,
  frozenMs: number,
  timeoutMs = TIMEOUT_MS,
): Promise<OneMasterFrozen> {
  const [still] = cluster.servers;
  if (still === undefined) throw new Error('a cluster without servers');
  // The others go on without it, and no replica takes over.
  await cluster.configure('cluster-node-timeout', 600_000);
  const client = await cluster.connect();
  const { backend, events } = guarded(client, 'local', timeoutMs);
  const limit = counter('frozen');
  const domain = `127.0.0.1:${still.port}`;
  const isThere = (subject: string) => client.slots[slotOf(`{${subject}}`)]?.[0] === domain;
  const subjects = Array.from({ length: 60 }, (_, i) => `s${i}`);
  const figures = { healthy: 0, fellBack: 0, frozen: 0, frozenFellBack: 0 };
  let [isFrozen, next, answered] = [false, 0, 0];
  const stop = load(12, async () => {
    const subject = subjects[next++ % subjects.length] ?? '';
    const { degraded } = await backend.spend([charge(limit, subject)]);
    answered += 1;
    if (!isFrozen) return;
    const fellBack = degraded === undefined ? 0 : 1;
    if (isThere(subject)) {
      figures.frozen += 1;
      figures.frozenFellBack += fellBack;
    } else {
      figures.healthy += 1;
      figures.fellBack += fellBack;
    }
  });
  await askUntil(
    () => answered,
    (answered) => answered > 200,
  );
  still.freeze();
  isFrozen = true;
  await askUntil(
    () => events,
    (events) => events.some(({ type }) => type === 'degraded'),
  );
  await pause(frozenMs);
  await askUntil(
    () => figures.healthy,
    (healthy) => healthy > 200,
  );
  still.thaw();
  await askUntil(
    () => events,
    (events) => events.some(({ type }) => type === 'recovered'),
  );
  await stop();
  client.disconnect();
  await cluster.configure('cluster-node-timeout', 1500);
  return { ...figures, events, domain };
}

export interface Resharded {
  readonly calls: number;
  /** Calls that the fallback decided. */
  readonly fellBack: number;
  readonly moves: number;
  readonly events: readonly BackendEvent[];
  /** Units that calls took according to their outcomes, minus those in Redis, over all budgets. */
  readonly difference: number;
  /** Calls that were decided while their slot was moving. */
  readonly whileMoving: number;
}

/**
 * Moves slots of subjects that are being charged from master to master, `moves` times, key by key with pauses, under 16
 * callers with calls of one limit, of three limits, and on two subjects. They refund some of the units.
 */
export async function resharded(cluster: RedisCluster, moves: number, timeoutMs = TIMEOUT_MS): Promise<Resharded> {
  const client = await cluster.connect();
  const { backend, prefix, events } = guarded(client, 'local', timeoutMs);
  const subjects = Array.from({ length: 6 }, (_, i) => `moved${i}`);
  const taken = new Map<string, number>();
  const note = ({ policy, subject }: Charge, units: number) => {
    const name = `${policy.name} ${subject}`;
    taken.set(name, (taken.get(name) ?? 0) + units);
  };
  let [calls, fellBack, whileMoving, moving] = [0, 0, 0, ''];
  const stop = load(16, async () => {
    const at = calls++;
    const subject = subjects[at % subjects.length] ?? '';
    const chosen = at % 3 === 0 ? [subject, subjects[(at + 1) % subjects.length] ?? ''] : [subject];
    // Sometimes uses new limits, which have no keys yet.
    const names = at % 7 === 0 ? [`d${at}`, `e${at}`] : ['a', 'b', 'c'].slice(0, 1 + (at % 3));
    const charges = chosen.flatMap((one) => names.map((name) => charge(counter(name), one)));
    const isMoving = charges.some(({ subject }) => subject === moving);
    const outcome = await backend.spend(charges);
    if (outcome.degraded !== undefined) {
      fellBack += 1;
      return;
    }
    if (isMoving) whileMoving += 1;
    const isReturned = at % 5 === 0 && outcome.receipt !== undefined;
    for (const one of charges) if (!isReturned) note(one, 1);
    if (outcome.receipt === undefined || !isReturned) return;
    await backend.settle(
      outcome.receipt,
      charges.map(() => 0),
    );
  });
  await askUntil(
    () => calls,
    (calls) => calls > 100,
  );
  for (let i = 0; i < moves; i++) {
    moving = subjects[i % subjects.length] ?? '';
    await moveSlot(cluster, slotOf(`{${moving}}`));
  }
  await stop();
  const difference = await differenceFrom(taken, (policy, subject) => usedOf(client, prefix, counter(policy), subject));
  client.disconnect();
  return { calls, fellBack, moves, events, difference, whileMoving };
}

/**
 * Returns the sum of the differences between the budgets and the units that calls took. Waits for units that are still
 * being returned.
 */
async function differenceFrom(
  taken: ReadonlyMap<string, number>,
  used: (policy: string, subject: string) => Promise<number>,
): Promise<number> {
  let difference = 0;
  for (const [name, units] of taken) {
    const [policy = '', subject = ''] = name.split(' ');
    const giveUpAt = performance.now() + 5000;
    while ((await used(policy, subject)) > units && performance.now() < giveUpAt) await pause(10);
    difference += Math.abs(units - (await used(policy, subject)));
  }
  return difference;
}

/** Moves a slot to the next master like redis-cli, the first keys one by one. */
async function moveSlot(cluster: RedisCluster, slot: number): Promise<void> {
  const move = await startMove(cluster, slot);
  const { source, target } = move;
  for (let moved = 0; ; moved++) {
    // The first ones key by key, so that some calls find a part of their keys gone.
    const keys = (await source.cluster('GETKEYSINSLOT', slot, moved < PARTS ? 1 : 100)).map(String);
    if (keys.length === 0) break;
    await source.migrate('127.0.0.1', target.options.port ?? 0, '', 0, 5000, 'KEYS', ...keys);
    if (moved < PARTS) await pause(20);
  }
  await endMove(slot, move);
}

/** Ends the move of a slot whose keys have all moved: the other master now has the slot. */
export async function endMove(slot: number, { source, target, targetId, admins }: Move): Promise<void> {
  for (const admin of [target, source, ...admins]) await admin.cluster('SETSLOT', slot, 'NODE', targetId);
  for (const admin of admins) admin.disconnect();
}

type Move = Awaited<ReturnType<typeof startMove>>;

/** Begins to move a slot to the next master: keys that are not there are asked for at that one. */
export async function startMove(cluster: RedisCluster, slot: number) {
  const admins = await Promise.all(cluster.servers.map((server) => connect(server)));
  let at = -1;
  await askUntil(
    async () => {
      const owning = await Promise.all(admins.map((admin) => isOwner(admin, slot)));
      at = owning.indexOf(true);
    },
    () => at >= 0,
  );
  const [source, target] = [admins[at], admins[(at + 1) % admins.length]];
  if (source === undefined || target === undefined) throw new Error(`no master of the slot ${slot}`);
  const idOf = async (admin: Redis) => String(await admin.cluster('MYID'));
  const [sourceId, targetId] = [await idOf(source), await idOf(target)];
  await target.cluster('SETSLOT', slot, 'IMPORTING', sourceId);
  await source.cluster('SETSLOT', slot, 'MIGRATING', targetId);
  return { source, target, targetId, admins };
}

/** Whether a server has a slot, by its own account. */
async function isOwner(admin: Redis, slot: number): Promise<boolean> {
  const ranges = await admin.cluster('SLOTS');
  return ranges.some(([from, to, master]) => from <= slot && slot <= to && master?.[1] === admin.options.port);
}
