import { MAP_GUARD, NO_GUARD } from '../lib/app.mjs';
import { Child } from '../lib/child.mjs';
import { RedisServer } from '../lib/redis.mjs';
import { interleaved } from '../lib/rounds.mjs';
import { printTable, showRatio } from '../lib/table.mjs';

const VARIANTS = {
  [NO_GUARD]: { limiter: NO_GUARD },
  [MAP_GUARD]: { limiter: MAP_GUARD },
  'sluice, memory': { limiter: 'sluice' },
  '@nestjs/throttler, memory': { limiter: '@nestjs/throttler' },
  'sluice, Redis': { limiter: 'sluice', onRedis: true },
  '@nestjs/throttler, nest-lab': { limiter: '@nestjs/throttler', onRedis: true },
};
const KEYS = { '500 keys': 500, 'one hot key': 1 };

/** The same applications under load from a second process: how many requests are left of those without a guard, or with a small one. */
export async function load({ isQuick }) {
  const server = await RedisServer.start();
  try {
    const figures = {};
    for (const adapter of ['fastify', 'express']) {
      for (const keys of Object.keys(KEYS)) {
        const samples = await measured(server, adapter, keys, isQuick);
        print(adapter, keys, samples);
        const ratio = (variant, base) => samples.ratio(variant, base, 'perSecond');
        // Nest takes a shorter way if there is no guard, so a guard in memory is compared with another guard.
        figures[`load: ${adapter}, memory / Map, ${keys}`] = ratio('sluice, memory', MAP_GUARD);
        figures[`load: ${adapter}, redis / no guard, ${keys}`] = ratio('sluice, Redis', NO_GUARD);
      }
    }
    return figures;
  } finally {
    await server.stop();
  }
}

function measured(redis, adapter, keys, isQuick) {
  const seconds = isQuick ? 1 : 3;
  const rounds = isQuick ? 2 : 5;
  return interleaved(Object.keys(VARIANTS), rounds, async (variant) => {
    const { limiter, onRedis } = VARIANTS[variant];
    await redis.flush();
    const server = new Child(new URL('./server.mjs', import.meta.url), { label: `load-${adapter}-${keys}-${variant}` });
    const loader = new Child(new URL('./loader.mjs', import.meta.url), { label: 'load-loader' });
    try {
      const port = await server.ask('start', { adapter, limiter, ...(onRedis && { redisPort: redis.port }) });
      await loader.ask('load', { port, keys: KEYS[keys], seconds: seconds / 2 }); // warms up
      const before = await server.ask('cpu');
      const seen = await loader.ask('load', { port, keys: KEYS[keys], seconds });
      return { ...seen, cpuMicros: ((await server.ask('cpu')) - before) / seen.requests };
    } finally {
      await Promise.all([server.stop(), loader.stop()]);
    }
  });
}

function print(adapter, keys, samples) {
  const above = samples.above(NO_GUARD, 'cpuMicros');
  const rows = samples.variants.map((variant) => ({
    [adapter]: variant,
    'requests/s': Math.round(samples.median(variant, 'perSecond')),
    'x no guard': showRatio(samples.ratio(variant, NO_GUARD, 'perSecond')),
    'x Map': showRatio(samples.ratio(variant, MAP_GUARD, 'perSecond')),
    'p50 ms': samples.median(variant, 'p50Ms'),
    'p99 ms': samples.median(variant, 'p99Ms'),
    'server CPU us': samples.median(variant, 'cpuMicros'),
    'above no guard': variant === NO_GUARD ? '' : above.median(variant, 'cpuMicros'),
  }));
  const notes = [
    'CPU of the application a request, and what of it is above the application without a guard: with all that a limiter does outside canActivate.',
    ...(adapter === 'express' ? ['On Express it is not steady enough to judge by.'] : []),
  ];
  printTable(`Under load, ${adapter}, ${keys}, each allowed: 64 connections`, rows, notes);
}
