import 'reflect-metadata';
import { ThrottlerStorageRedisService } from '@nest-lab/throttler-storage-redis';
import { RedisStore } from 'rate-limit-redis';
import rateLimiterFlexible from 'rate-limiter-flexible';
import { connect, connectPlain } from '../lib/redis.mjs';
import { definePolicy, RedisBackend } from '../lib/sluice.mjs';
import { askMany, askOne, loadFloor } from './floor.mjs';

/** A limit that is never reached, so that every call is allowed. */
export const LIMIT = 10_000_000;
/** The same for leased units, of which more can be spent in a minute. */
const LEASED_LIMIT = 1_000_000_000_000;
/** Units that a process leases at once. */
const LEASE = 100;
const THREE_WINDOWS = [
  { name: 'a', windowMs: 60_000 },
  { name: 'b', windowMs: 3_600_000 },
  { name: 'c', windowMs: 86_400_000 },
];
const TWENTY_WINDOWS = Array.from({ length: 20 }, (_, i) => ({ name: `m${i}`, windowMs: 60_000 + 1000 * i }));

export const OURS = 'sluice, sliding-window';
export const OURS_FIXED = 'sluice, fixed-window';
export const DENIED = 'sluice, denied';
export const LEASED = 'sluice, leased';
export const FLOOR = 'floor: EVALSHA a call';
export const NEST_LAB = '@nest-lab/throttler-storage-redis';
export const PEERS = [NEST_LAB, 'rate-limiter-flexible', 'rate-limit-redis'];
export const ALL = [OURS, OURS_FIXED, FLOOR, 'floor: many in a run', ...PEERS];

/** @typedef {(subject: string) => unknown} Decide decides on some limits for a subject, all of which it asks for */

/**
 * A limiter: how its client is opened, and how it decides on limits that are windows of a name and a length.
 *
 * @typedef {object} Limiter
 * @property {(port: number) => Promise<import('ioredis').Redis>} open
 * @property {(client: import('ioredis').Redis) => (windows: readonly { name: string, windowMs: number }[]) => Decide | Promise<Decide>} over
 */

/** @type {Record<string, Limiter>} */
const LIMITERS = {
  [OURS]: ours({ strategy: 'sliding-window' }),
  [OURS_FIXED]: ours({ strategy: 'fixed-window' }),
  [DENIED]: ours({ strategy: 'sliding-window', limit: 1 }),
  [LEASED]: ours({ strategy: 'fixed-window', limit: LEASED_LIMIT, lease: { batch: LEASE } }),
  [FLOOR]: bare(askOne),
  'floor: many in a run': bare(askMany),
  [NEST_LAB]: { open: (port) => connectPlain(port), over: nestLab },
  'rate-limiter-flexible': { open: (port) => connectPlain(port, { enableOfflineQueue: false }), over: flexible },
  'rate-limit-redis': { open: (port) => connectPlain(port), over: rateLimitRedis },
};

/**
 * Opens a limiter.
 *
 * @param {'one' | 'three' | 'mixed'} limits what a decision is on: one limit, three, or one of twenty at random
 * @returns {Promise<{ client: import('ioredis').Redis, decide: Decide }>}
 */
export async function openLimiter(name, port, limits) {
  const { open, over } = LIMITERS[name];
  const client = await open(port);
  const on = over(client);
  if (limits !== 'mixed') return { client, decide: await on(THREE_WINDOWS.slice(0, limits === 'one' ? 1 : 3)) };
  const each = await Promise.all(TWENTY_WINDOWS.map((window) => on([window])));
  return { client, decide: (subject) => each[Math.floor(Math.random() * each.length)](subject) };
}

function ours({ limit = LIMIT, ...options }) {
  const over = (client) => {
    const backend = new RedisBackend(client);
    return (windows) => {
      const policies = windows.map(({ name, windowMs }) =>
        definePolicy(name, { rate: `${limit} per ${windowMs} ms`, ...options }),
      );
      return (subject) => backend.spend(policies.map((policy) => ({ policy, subject, cost: 1 })));
    };
  };
  return { open: (port) => connect(port), over };
}

function bare(ask) {
  const over = (client) => async (windows) => {
    await loadFloor(client);
    const asked = ask(client, windows[0].windowMs);
    return (subject) => asked(windows.map(({ name }) => `${name}:${subject}`));
  };
  return { open: (port) => connect(port), over };
}

/** One limit after another, like the guard of @nestjs/throttler, with its default block as long as the window. */
function nestLab(client) {
  const storage = new ThrottlerStorageRedisService(client);
  return (windows) => async (subject) => {
    for (const { name, windowMs } of windows) await storage.increment(subject, windowMs, LIMIT, windowMs, name);
  };
}

/** Several limits as one, by its union, which sends all of them at once. */
function flexible(client) {
  const { RateLimiterRedis, RateLimiterUnion } = rateLimiterFlexible;
  return (windows) => {
    const limiters = windows.map(
      ({ name, windowMs }) =>
        new RateLimiterRedis({ storeClient: client, keyPrefix: name, points: LIMIT, duration: windowMs / 1000 }),
    );
    const asked = limiters.length === 1 ? limiters[0] : new RateLimiterUnion(...limiters);
    return (subject) => asked.consume(subject);
  };
}

/** One limit after another, like separate middlewares. */
function rateLimitRedis(client) {
  const sendCommand = (command, ...args) => client.call(command, ...args);
  return async (windows) => {
    const stores = windows.map(({ name }) => new RedisStore({ prefix: `${name}:`, sendCommand }));
    await Promise.all(stores.map((store, i) => store.init({ windowMs: windows[i].windowMs })));
    return async (subject) => {
      for (const store of stores) await store.increment(subject);
    };
  };
}
