import 'reflect-metadata';
import { createRequire } from 'node:module';
import { memoryStore } from '@joint-ops/hitlimit/stores/memory';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ThrottlerStorageService } from '@nestjs/throttler';
import { MemoryStore } from 'express-rate-limit';
import rateLimiterFlexible from 'rate-limiter-flexible';
import { definePolicy, MemoryBackend, systemClock, ThrottleModule, ThrottleService } from '../lib/sluice.mjs';
import { floor, outcomeFloor } from './floor.mjs';

const LocalStore = createRequire(import.meta.url)('@fastify/rate-limit/store/LocalStore.js');

/** Never reached: every hit is allowed. */
const LIMIT = 1_000_000_000;
/** Longer than any policy of the benches remembers. */
const LATER_MS = 7 * 86_400_000;

export const FLOOR = 'floor: a Map, fixed window';
/** The floor as an async function, awaited: shows the cost of a promise. */
export const AWAITED_FLOOR = 'the floor, awaited';
/** The floor with a whole outcome, awaited: the least that `spend` and `consume` could cost. */
export const OUTCOME_FLOOR = 'floor: a Map, a whole Outcome, awaited';
export const THROTTLER = '@nestjs/throttler storage';
export const FLEXIBLE = 'rate-limiter-flexible';
export const STRATEGIES = ['sliding-window', 'fixed-window', 'sliding-log', 'token-bucket', 'gcra', 'leaky-bucket'];
export const spendOf = (strategy) => `sluice spend, ${strategy}`;
export const AWAITED_SPEND = 'sluice spend, awaited, token-bucket';
export const HIT = 'sluice hit, token-bucket';
export const consumeOf = (strategy) => `sluice consume, ${strategy}`;

/**
 * Charges one unit to a key: a decision, or a promise of one.
 *
 * @typedef {object} Limiter
 * @property {(key: string) => unknown} hit
 * @property {boolean} isSync whether `hit` returns what needs no await
 * @property {(ms: number) => void} [pass] puts its clock forward, where it can be moved
 * @property {() => void} [expire] lets all keys expire now, where its clock can be moved
 * @property {() => number} [size] keys remembered
 */

/** @type {Record<string, (options: { windowMs: number, keys: number }) => Limiter | Promise<Limiter>>} */
const PEERS = {
  [FLOOR]: ({ windowMs }) => ({ hit: floor(windowMs, LIMIT), isSync: true }),

  [AWAITED_FLOOR]: ({ windowMs }) => {
    const hit = floor(windowMs, LIMIT);
    return { hit: async (key) => hit(key), isSync: false };
  },

  [OUTCOME_FLOOR]: ({ windowMs }) => {
    const hit = outcomeFloor(windowMs, LIMIT);
    return { hit: async (key) => hit(key), isSync: false };
  },

  [THROTTLER]: ({ windowMs }) => {
    const storage = new ThrottlerStorageService();
    storage.sweepIntervalMs = Math.min(storage.sweepIntervalMs, windowMs);
    // A block as long as the window is what its guard asks for.
    const hit = (key) => storage.increment(key, windowMs, LIMIT, windowMs, 'default');
    return { hit, isSync: false, size: () => storage.storage.size };
  },

  [FLEXIBLE]: ({ windowMs }) => {
    const limiter = new rateLimiterFlexible.RateLimiterMemory({ points: LIMIT, duration: windowMs / 1000 });
    return { hit: (key) => limiter.consume(key), isSync: false };
  },

  'express-rate-limit store': ({ windowMs }) => {
    const store = new MemoryStore();
    store.init({ windowMs });
    return { hit: (key) => store.increment(key), isSync: false };
  },

  '@fastify/rate-limit store': ({ windowMs, keys }) => {
    // Its default keeps 5 000 keys and forgets the others.
    const store = new LocalStore(false, false, Math.max(5000, keys));
    let result;
    const keep = (_error, found) => {
      result = found;
    };
    const hit = (key) => {
      store.incr(key, keep, windowMs, LIMIT);
      return result;
    };
    return { hit, isSync: true };
  },

  '@joint-ops/hitlimit store': ({ windowMs }) => {
    const store = memoryStore();
    return { hit: (key) => store.hit(key, windowMs, LIMIT), isSync: true };
  },
};

const FLOORS = [FLOOR, AWAITED_FLOOR, OUTCOME_FLOOR];
export const PEER_NAMES = Object.keys(PEERS).filter((name) => !FLOORS.includes(name));

/** @param {{ windowMs: number, keys: number, spec: (strategy: string) => object }} options `spec`: of our policy */
export function limiter(name, options) {
  const strategy = STRATEGIES.find((one) => name.endsWith(one));
  if (strategy === undefined) return PEERS[name](options);
  if (name === AWAITED_SPEND) {
    const { hit, ...ours } = spending(strategy, options);
    return { ...ours, hit, isSync: false };
  }
  if (name === spendOf(strategy)) return spending(strategy, options);
  return charging(name === HIT ? 'hit' : 'consume', strategy, options);
}

/** The memory backend of Sluice, without Nest. `undo` returns the units of a hit. */
export function spending(strategy, options) {
  const { backend, ...ours } = backendOf(options);
  const policy = definePolicy('measured', { strategy, ...options.spec(strategy) });
  const hit = (subject) => backend.spend([{ policy, subject, cost: 1 }]);
  return { ...ours, hit, isSync: true, undo: ({ receipt }) => backend.settle(receipt, [0]) };
}

/** Ours, through the service of an application. */
async function charging(method, strategy, options) {
  const { backend, ...ours } = backendOf(options);
  const policies = { measured: { strategy, ...options.spec(strategy) } };
  class AppModule {}
  Module({ imports: [ThrottleModule.forRoot({ backend, policies })] })(AppModule);
  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error'] });
  const throttle = app.get(ThrottleService);
  return { ...ours, hit: (subject) => throttle[method]('measured', 1, { subject }), isSync: false };
}

/** On the system's clock, which can be put forward. */
function backendOf({ keys }) {
  let aheadMs = 0;
  const clock = { now: () => systemClock.now() + aheadMs, wait: systemClock.wait };
  const backend = new MemoryBackend({ clock, maxKeys: Math.max(1_000_000, keys) });
  const pass = (ms) => {
    aheadMs += ms;
  };
  return { backend, pass, expire: () => pass(LATER_MS), size: () => backend.size };
}
