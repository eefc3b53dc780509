import { MAP_GUARD, NO_GUARD } from '../lib/app.mjs';
import { Child } from '../lib/child.mjs';
import { RedisServer } from '../lib/redis.mjs';
import { interleaved } from '../lib/rounds.mjs';
import { printTable, showRatio } from '../lib/table.mjs';

const OURS = 'sluice';
const THEIRS = '@nestjs/throttler';
const IN_MEMORY = [NO_GUARD, MAP_GUARD, OURS, THEIRS];
const ON_REDIS = [NO_GUARD, OURS, THEIRS];
const KEYS = { '500 keys': 500, 'one hot key': 1 };

/**
 * Applications on Fastify under load from a second process: how many requests are left of those without a guard, or
 * with a small one.
 */
export async function load({ isQuick }) {
  const figures = {};
  const redis = await RedisServer.start();
  try {
    for (const [keys, count] of Object.entries(KEYS)) {
      const inMemory = await measured(IN_MEMORY, { keys: count }, isQuick);
      print(`memory, ${keys}`, inMemory);
      // Nest takes a shorter way if there is no guard, so a guard in memory is compared with another guard.
      figures[`load: fastify, memory / Map, ${keys}`] = inMemory.ratio(OURS, MAP_GUARD, 'perSecond');
      const onRedis = await measured(ON_REDIS, { keys: count, redis }, isQuick);
      print(`Redis, ${keys}`, onRedis);
      figures[`load: fastify, redis / no guard, ${keys}`] = onRedis.ratio(OURS, NO_GUARD, 'perSecond');
    }
    return figures;
  } finally {
    await redis.stop();
  }
}

async function measured(limiters, about, isQuick) {
  const { rounds, seconds } = isQuick ? { rounds: 4, seconds: 1 } : { rounds: 10, seconds: 2 };
  const applications = new Map();
  const stop = async (limiter) => {
    await applications.get(limiter)?.stop();
    applications.delete(limiter);
  };
  try {
    return await interleaved(limiters, rounds, async (limiter, round) => {
      // Processes of the same code differ in how V8 compiled it, so each variant is measured in two.
      if (round === rounds / 2) await stop(limiter);
      if (!applications.has(limiter)) applications.set(limiter, await LoadedApplication.start({ ...about, limiter }));
      return await applications.get(limiter).measure(seconds);
    });
  } finally {
    await Promise.all([...applications.keys()].map(stop));
  }
}

/** An application and its clients, in two processes, warmed up. They stay alive while others are measured. */
class LoadedApplication {
  #server;
  #clients;
  #about;

  constructor(server, clients, about) {
    this.#server = server;
    this.#clients = clients;
    this.#about = about;
  }

  static async start({ limiter, keys, redis }) {
    const label = `load-${keys}-${limiter}-${redis === undefined ? 'memory' : 'redis'}`;
    const server = new Child(new URL('./server.mjs', import.meta.url), { label });
    const clients = new Child(new URL('./clients.mjs', import.meta.url), { label: 'load-clients' });
    const started = new LoadedApplication(server, clients, { keys, isAwake: redis === undefined });
    try {
      const on = redis === undefined ? {} : { redisPort: redis.port };
      started.#about.port = await server.ask('start', { adapter: 'fastify', limiter, isClear: true, ...on });
      await clients.ask('load', { ...started.#about, seconds: 3 });
      return started;
    } catch (error) {
      await started.stop();
      throw error;
    }
  }

  async measure(seconds) {
    const before = await this.#server.ask('cpu');
    const seen = await this.#clients.ask('load', { ...this.#about, seconds });
    return { ...seen, cpuMicros: ((await this.#server.ask('cpu')) - before) / seen.requests };
  }

  async stop() {
    await Promise.all([this.#server.stop(), this.#clients.stop()]);
  }
}

function print(title, samples) {
  const above = samples.above(NO_GUARD, 'cpuMicros');
  const rows = samples.variants.map((variant) => ({
    guard: variant,
    'requests/s': Math.round(samples.median(variant, 'perSecond')),
    'x no guard': showRatio(samples.ratio(variant, NO_GUARD, 'perSecond')),
    ...(samples.variants.includes(MAP_GUARD) && { 'x Map': showRatio(samples.ratio(variant, MAP_GUARD, 'perSecond')) }),
    'p50 ms': samples.median(variant, 'p50Ms'),
    'p99 ms': samples.median(variant, 'p99Ms'),
    'server CPU us': samples.median(variant, 'cpuMicros'),
    'above no guard': variant === NO_GUARD ? '' : above.median(variant, 'cpuMicros'),
  }));
  printTable(`Fastify under load, ${title}, each allowed: 64 connections`, rows, [
    'CPU of the application a request, and what of it is above the application without a guard: with all that a limiter does outside canActivate. Sluice keeps the header that names the client as it is, like the guard with a Map.',
  ]);
}
