import 'reflect-metadata';
import { ThrottlerStorageRedisService } from '@nest-lab/throttler-storage-redis';
import { Controller, Get, Module } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import { connect, connectPlain } from './redis.mjs';
import { by, MemoryBackend, RedisBackend, ThrottleGuard, ThrottleModule } from './sluice.mjs';

/** The header that names the client whose limit is charged: one of 500 clients, or always the same one. */
export const KEY_HEADER = 'x-client';
export const PATH = '/hello';
export const NO_GUARD = 'no guard';
export const MAP_GUARD = 'a guard with a Map';

/** Never reached. */
const PLENTY = 1_000_000_000;
/** By ascending length, as the guard of @nestjs/throttler asks for them. */
const WINDOWS = [
  { name: 'second', unit: 's', ttl: 1000 },
  { name: 'minute', unit: 'min', ttl: 60_000 },
  { name: 'hour', unit: 'h', ttl: 3_600_000 },
];

/**
 * @typedef {object} AppOptions
 * @property {'express' | 'fastify'} adapter
 * @property {'no guard' | 'a guard with a Map' | 'sluice' | '@nestjs/throttler'} limiter
 * @property {number} [redisPort] where the limiter keeps its state; in memory where it is left out
 * @property {1 | 3} [limits]
 * @property {boolean} [isDenied] whether only the first call of a client is allowed; with three limits, by the last of
 *   them
 * @property {boolean} [isClear] whether Sluice keeps the header's value as it is, not its hash, like the guard with a
 *   Map
 * @property {object} [guard] bound instead of the limiter's own
 */

/** An application with one handler, and how its guard is found. @param {AppOptions} options */
export async function createApp(options) {
  const { adapter, limiter, guard } = options;
  class HelloController {
    hello() {
      return { hello: 'world' };
    }
  }
  Reflect.decorate(
    [Get()],
    HelloController.prototype,
    'hello',
    Object.getOwnPropertyDescriptor(HelloController.prototype, 'hello'),
  );
  Controller(PATH)(HelloController);

  const limited = await LIMITERS[limiter](options);
  class AppModule {}
  Module({
    imports: limited.imports,
    controllers: [HelloController],
    providers: [...limited.providers, ...(guard === undefined ? [] : [{ provide: APP_GUARD, useValue: guard }])],
  })(AppModule);
  const app = await NestFactory.create(AppModule, new ADAPTERS[adapter](), { logger: ['error'], abortOnError: false });
  return { app, guard: () => app.get(limited.guard, { strict: false }) };
}

class EmptyGuard {
  canActivate() {
    return true;
  }
}

/** The least that limits: counts requests in a Map, by fixed windows, and sets the two fields that Sluice sets. */
class MapGuard {
  #windows = new Map();

  canActivate(context) {
    const client = context.getArgByIndex(0).headers[KEY_HEADER];
    const now = Date.now();
    let window = this.#windows.get(client);
    if (window === undefined || window.endsAt <= now) {
      window = { used: 0, endsAt: now + 60_000 };
      this.#windows.set(client, window);
    }
    window.used += 1;
    const response = context.getArgByIndex(1);
    const set = response.setHeader ?? response.header;
    set.call(response, 'RateLimit-Policy', `"default";q=${PLENTY};w=60`);
    const seconds = Math.ceil((window.endsAt - now) / 1000);
    set.call(response, 'RateLimit', `"default";r=${PLENTY - window.used};t=${seconds}`);
    return window.used <= PLENTY;
  }
}

const ADAPTERS = { express: ExpressAdapter, fastify: FastifyAdapter };

const LIMITERS = {
  [NO_GUARD]: () => ({ imports: [], providers: [EmptyGuard], guard: EmptyGuard }),

  [MAP_GUARD]: ({ guard }) => ({
    imports: [],
    providers: [MapGuard, ...(guard === undefined ? [{ provide: APP_GUARD, useExisting: MapGuard }] : [])],
    guard: MapGuard,
  }),

  sluice: async ({ redisPort, guard, isClear: clear = false, ...limits }) => {
    const backend = redisPort === undefined ? new MemoryBackend() : new RedisBackend(await connect(redisPort));
    const rate = windowsOf(limits).map(({ limit, unit }) => `${limit}/${unit}`);
    const options = { backend, default: { rate: rate.join('; '), by: by.header(KEY_HEADER, { clear }) } };
    return {
      imports: [ThrottleModule.forRoot({ ...options, guard: guard === undefined })],
      providers: [],
      guard: ThrottleGuard,
    };
  },

  '@nestjs/throttler': async ({ redisPort, guard, ...limits }) => {
    const storage =
      redisPort === undefined ? undefined : new ThrottlerStorageRedisService(await connectPlain(redisPort));
    const options = { throttlers: windowsOf(limits), storage, getTracker: ({ headers }) => headers[KEY_HEADER] };
    return {
      imports: [ThrottlerModule.forRoot(options)],
      providers: [
        ThrottlerGuard,
        ...(guard === undefined ? [{ provide: APP_GUARD, useExisting: ThrottlerGuard }] : []),
      ],
      guard: ThrottlerGuard,
    };
  },
};

function windowsOf({ limits = 1, isDenied = false }) {
  // One limit alone is by the minute, or, where it denies, by the hour: it must not end while it is measured.
  const windows = limits === 3 ? WINDOWS : [isDenied ? WINDOWS[2] : WINDOWS[1]];
  return windows.map((window, i) => ({ ...window, limit: isDenied && i === windows.length - 1 ? 1 : PLENTY }));
}
