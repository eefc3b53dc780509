import 'reflect-metadata';
import { ThrottlerStorageRedisService } from '@nest-lab/throttler-storage-redis';
import { RedisStore } from 'rate-limit-redis';
import rateLimiterFlexible from 'rate-limiter-flexible';
import { connect, connectPlain } from '../lib/redis.mjs';
import { definePolicy, RedisBackend } from '../lib/sluice.mjs';
import { askMany, askOne, loadFloor } from './floor.mjs';

/** Never reached: every decision is to allow. */
const LIMIT = 10_000_000;
/** Units that a process takes at once. */
const LEASE = 100;
const WINDOWS = [
  { name: 'a', windowMs: 60_000 },
  { name: 'b', windowMs: 3_600_000 },
  { name: 'c', windowMs: 86_400_000 },
];

export const OURS = 'sluice, sliding-window';
export const DENIED = 'sluice, denied';
export const UNLEASED = 'sluice, fixed-window';
export const LEASED = 'sluice, leased';
export const FLOOR = 'floor: EVALSHA a call';
export const NEST_LAB = '@nest-lab/throttler-storage-redis';
export const PEERS = [NEST_LAB, 'rate-limiter-flexible', 'rate-limit-redis'];
export const ALL = [OURS, UNLEASED, FLOOR, 'floor: many in a run', ...PEERS];

/**
 * Decides on one or three limits for a subject.
 *
 * @typedef {object} Limiter
 * @property {import('ioredis').Redis} client
 * @property {(subject: string) => unknown} decide
 */

/** @param {1 | 3} limits @returns {Promise<Limiter>} */
export function limiter(name, port, limits) {
  const windows = WINDOWS.slice(0, limits);
  if (name === DENIED) return ours('sliding-window', port, windows, { limit: 1 });
  if (name === LEASED) return ours('fixed-window', port, windows, { lease: { batch: LEASE } });
  if (name.startsWith('sluice')) return ours(name.split(', ')[1], port, windows);
  if (name.startsWith('floor')) return bare(name === FLOOR ? askOne : askMany, port, windows);
  return { [NEST_LAB]: nestLab, 'rate-limiter-flexible': flexible, 'rate-limit-redis': rateLimitRedis }[name](
    port,
    windows,
  );
}

async function ours(strategy, port, windows, { limit = LIMIT, ...more } = {}) {
  const client = await connect(port);
  const backend = new RedisBackend(client);
  const policies = windows.map(({ name, windowMs }) =>
    definePolicy(name, { strategy, rate: `${limit} per ${windowMs} ms`, ...more }),
  );
  const decide = (subject) => backend.spend(policies.map((policy) => ({ policy, subject, cost: 1 })));
  return { client, decide };
}

async function bare(ask, port, windows) {
  const client = await connect(port);
  await loadFloor(client);
  const asked = ask(client, windows[0].windowMs);
  return { client, decide: (subject) => asked(windows.map(({ name }) => `${name}:${subject}`)) };
}

/** One limit after the other, as the guard of @nestjs/throttler asks; a block as long as the window, as it has by default. */
async function nestLab(port, windows) {
  const client = await connectPlain(port);
  const storage = new ThrottlerStorageRedisService(client);
  const decide = async (subject) => {
    for (const { name, windowMs } of windows) await storage.increment(subject, windowMs, LIMIT, windowMs, name);
  };
  return { client, decide };
}

/** Several limits as one, by its union, which asks for all of them at once. */
async function flexible(port, windows) {
  const client = await connectPlain(port, { enableOfflineQueue: false });
  const { RateLimiterRedis, RateLimiterUnion } = rateLimiterFlexible;
  const limiters = windows.map(
    ({ name, windowMs }) =>
      new RateLimiterRedis({ storeClient: client, keyPrefix: name, points: LIMIT, duration: windowMs / 1000 }),
  );
  const asked = limiters.length === 1 ? limiters[0] : new RateLimiterUnion(...limiters);
  return { client, decide: (subject) => asked.consume(subject) };
}

/** One limit after the other, as a middleware each. */
async function rateLimitRedis(port, windows) {
  const client = await connectPlain(port);
  const stores = windows.map(({ name }) => {
    return new RedisStore({ prefix: `${name}:`, sendCommand: (command, ...args) => client.call(command, ...args) });
  });
  await Promise.all(stores.map((store, i) => store.init({ windowMs: windows[i].windowMs })));
  const decide = async (subject) => {
    for (const store of stores) await store.increment(subject);
  };
  return { client, decide };
}
