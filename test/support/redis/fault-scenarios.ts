import type { Redis } from 'ioredis';
import type { RedisClient } from '../../../src/backends/redis/clients/redis-client.js';
import { RedisBackend } from '../../../src/backends/redis/redis.backend.js';
import type { ResilientBackend } from '../../../src/backends/resilience/resilient.backend.js';
import { askUntil, charge, comesWithin, counter, GRACE_MS, guarded, PATIENT_MS, TIMEOUT_MS, usedOf } from './faults.js';
import { connect, pause, RedisServer } from './redis.js';
import { RedisProxy } from './redis-proxy.js';
import { freshPrefix } from './redis-shared.js';

// The measurements: scripts/faults.mjs prints them with the goals, and the tests compare them with ceilings.

/** A client of either version of ioredis. */
type Client = RedisClient & Pick<Redis, 'ping' | 'disconnect' | 'status'>;

const LIMIT = counter('load');

/** A number of callers, each of which calls again as soon as it has its reply, until the load is stopped. */
export function load(callers: number, call: () => Promise<unknown>) {
  let isOver = false;
  const running = Array.from({ length: callers }, async () => {
    while (!isOver) {
      await call();
      await pause(1);
    }
  });
  return async () => {
    isOver = true;
    await Promise.all(running);
  };
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
}

/** Resolves when all that was sent by this client has been answered, and what was given back after it as well. */
async function drained(client: Client): Promise<void> {
  for (let round = 0; round < 3; round++) await client.ping();
}

export interface Frozen {
  /** The longest time between a deadline and its decision. */
  readonly worstOverDeadlineMs: number;
  /** The number of decisions that came later than {@link GRACE_MS} after their deadline. */
  readonly late: number;
  /** The decision time while the circuit breaker was open. */
  readonly p99OpenMs: number;
  readonly whileOpen: number;
  /** The number of these that were promises. */
  readonly deferred: number;
  /** Calls that Redis answered and charged, and the units that it holds. */
  readonly answered: number;
  readonly charged: number;
  readonly events: readonly string[];
}

/** Freezes a server under 50 callers until `during` has ended and more than 1 000 calls have been decided. */
export async function frozen(
  during: (client: Redis, backend: Pick<ResilientBackend, 'retryAfterMs'>) => Promise<unknown>,
  timeoutMs = TIMEOUT_MS,
): Promise<Frozen> {
  await using server = await RedisServer.start();
  const client = await connect(server);
  const { backend, prefix, events } = guarded(client, 'local', timeoutMs);
  const decided: number[] = [];
  const open: number[] = [];
  let [answered, deferred, late] = [0, 0, 0];
  const stop = load(50, async () => {
    const isOpen = backend.retryAfterMs > 0;
    const startedAt = performance.now();
    const answer = backend.spend([charge(LIMIT)]);
    if (isOpen && answer instanceof Promise) deferred += 1;
    if (answer instanceof Promise && !(await comesWithin(timeoutMs + GRACE_MS, answer))) late += 1;
    const { degraded } = await answer;
    const ms = performance.now() - startedAt;
    decided.push(ms);
    if (isOpen) open.push(ms);
    if (degraded === undefined) answered += 1;
  });
  const hasAnswered = (count: number) =>
    askUntil(
      () => answered,
      (answered) => answered > count,
    );
  await hasAnswered(1000);
  server.freeze();
  await during(client, backend);
  await askUntil(
    () => open.length,
    (length) => length > 1000,
  );
  server.thaw();
  await askUntil(
    () => events,
    (events) => events.some(({ type }) => type === 'recovered'),
  );
  await hasAnswered(answered + 1000);
  await stop();
  await drained(client);
  const other = await connect(server);
  const charged = await usedOf(other, prefix, LIMIT);
  for (const each of [client, other]) each.disconnect();
  return {
    worstOverDeadlineMs: percentile(decided, 1) - timeoutMs,
    late,
    p99OpenMs: percentile(open, 0.99),
    whileOpen: open.length,
    deferred,
    answered,
    charged,
    events: events.map(({ type }) => type),
  };
}

export interface LostReplies {
  readonly answered: number;
  /** Calls that failed, and of these the ones that were charged all the same. */
  readonly failed: number;
  readonly failedButCharged: number;
  readonly cuts: number;
  /** Subjects that were charged more than once; answered calls that were not charged exactly once. */
  readonly twice: number;
  readonly wrong: number;
}

/** 1 000 calls, each on a subject of its own, of which every tenth run loses its connection after it was carried out. */
export async function lostReplies(
  open: (proxy: RedisProxy) => Promise<Client>,
  timeoutMs = PATIENT_MS,
): Promise<LostReplies> {
  await using server = await RedisServer.start();
  await using proxy = await RedisProxy.start(server);
  const client = await open(proxy);
  const prefix = freshPrefix();
  const backend = new RedisBackend(client, { prefix, timeoutMs });
  proxy.fate = (run) => (run % 10 === 0 ? 'cut' : 'pass');
  const answers = new Map<string, boolean>();
  await Promise.all(
    Array.from({ length: 10 }, async (_, caller) => {
      for (let i = 0; i < 100; i++) {
        while (client.status !== 'ready') await pause(1);
        const subject = `s${caller}-${i}`;
        const answer = Promise.resolve(backend.spend([charge(LIMIT, subject)]));
        answers.set(
          subject,
          await answer.then(
            () => true,
            () => false,
          ),
        );
      }
    }),
  );
  proxy.fate = () => 'pass';
  while (client.status !== 'ready') await pause(1);
  await drained(client);
  const other = await connect(server);
  const used = await Promise.all([...answers.keys()].map((subject) => usedOf(other, prefix, LIMIT, subject)));
  for (const each of [client, other]) each.disconnect();
  const calls = [...answers.values()].map((isAnswered, i) => ({ isAnswered, units: used[i] ?? 0 }));
  return {
    answered: calls.filter(({ isAnswered }) => isAnswered).length,
    failed: calls.filter(({ isAnswered }) => !isAnswered).length,
    failedButCharged: calls.filter(({ isAnswered, units }) => !isAnswered && units > 0).length,
    cuts: proxy.cuts,
    twice: calls.filter(({ units }) => units > 1).length,
    wrong: calls.filter(({ isAnswered, units }) => isAnswered && units !== 1).length,
  };
}

export interface Flushed {
  readonly flushes: number;
  readonly calls: number;
  readonly errors: number;
  readonly admitted: number;
  readonly limit: number;
}

/** The server forgets its scripts so many times, up to 100 a second, under 20 callers, who ask more than the limit. */
export async function scriptFlushes(times: number): Promise<Flushed> {
  await using server = await RedisServer.start();
  const [client, admin] = await Promise.all([connect(server), connect(server)]);
  const backend = new RedisBackend(client, { prefix: freshPrefix(), timeoutMs: PATIENT_MS });
  const limit = counter('flushed', 500);
  let [calls, errors, admitted, flushes] = [0, 0, 0, 0];
  const stop = load(20, async () => {
    calls += 1;
    const outcome = await Promise.resolve(backend.spend([charge(limit)])).catch(() => undefined);
    if (outcome === undefined) errors += 1;
    else if (outcome.allowed) admitted += 1;
  });
  for (; flushes < times || calls <= limit.limit; flushes++) {
    await admin.script('FLUSH');
    await pause(9);
  }
  await stop();
  for (const each of [client, admin]) each.disconnect();
  return { flushes, calls, errors, admitted, limit: limit.limit };
}
