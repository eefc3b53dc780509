import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { by, RedisBackend, Throttle, ThrottleService } from '../../src/index.js';
import { adapters, startApp } from '../support/http-app.js';
import { ownRedis } from '../support/redis/private-redis.js';
import { connect } from '../support/redis/redis.js';
import { freshPrefix } from '../support/redis/redis-shared.js';
import { stateUnder } from '../support/redis/state-decoder.js';

@Controller()
class LeasedController {
  constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

  @Throttle('api')
  @Get('list')
  list() {
    return 'list';
  }

  @Get('refund')
  async refund() {
    const outcome = await this.throttle.consume('api', 5);
    await this.throttle.refund(outcome, 3);
    const stat = await this.throttle.stat('api');
    return `${stat?.remaining} ${stat?.approximate}`;
  }
}

/** Closes the client in a hook of the application's root module, which Nest calls before that of the modules that it imports. */
function closingIn(hook: 'onModuleDestroy' | 'onApplicationShutdown', client: Redis) {
  class ClientOwner {
    async [hook]() {
      await client.quit();
    }
  }
  return ClientOwner;
}

describe.each(['onModuleDestroy', 'onApplicationShutdown'] as const)('a client that is closed in %s', (hook) => {
  const redis = ownRedis();

  it(`${hook === 'onModuleDestroy' ? 'loses what is leased, as the log tells' : 'gets what is leased back before'}`, async () => {
    const client = await connect({ address: redis.client.options });
    const warnings: string[] = [];
    const prefix = freshPrefix();
    const api = { rate: '10/2000 weeks', strategy: 'fixed-window', by: by.all(), lease: { batch: 4 } } as const;
    const app = await startApp({
      adapter: 'express',
      controllers: [LeasedController],
      providers: [closingIn(hook, client)],
      warnings,
      options: { backend: new RedisBackend(client, { prefix, timeoutMs: 30_000 }), policies: { api } },
    });
    expect((await app.send('/list')).status).toBe(200);
    await app[Symbol.asyncDispose]();
    const [key = ''] = await redis.client.keys(`${prefix}:*:api@*`);
    const isLost = hook === 'onModuleDestroy';
    expect((await stateUnder(redis.client, key))?.numbers.at(-1)).toBe(isLost ? 4 : 1);
    expect(warnings).toEqual(
      isLost
        ? [expect.stringMatching(/^3 leased units were not given back \(CONNECTION\), .* in onApplicationShutdown/)]
        : [],
    );
  });
});

describe.each(adapters)('an application with a leased policy, with %s', (adapter) => {
  const redis = ownRedis();

  it('limits a fleet to the limit, reports the units it knows, and returns the rest when it closes', async () => {
    const prefix = freshPrefix();
    // The window does not turn before the year 2046.
    const api = { rate: '10/2000 weeks', strategy: 'fixed-window', by: by.all(), lease: { batch: 4 } } as const;
    const used = async () => {
      const [key = ''] = await redis.client.keys(`${prefix}:*:api@*`);
      return (await stateUnder(redis.client, key))?.numbers.at(-1);
    };
    const start = () =>
      startApp({
        adapter,
        controllers: [LeasedController],
        options: { backend: new RedisBackend(redis.client, { prefix, timeoutMs: 30_000 }), policies: { api } },
      });
    {
      await using one = await start();
      const first = await one.send('/list');
      expect([first.status, first.headers.ratelimit]).toEqual([200, expect.stringMatching(/^"api";r=9;t=\d+$/)]);
      expect((await one.send('/refund')).text).toBe('7 true');
      expect(await used()).toBe(8);
    }
    expect(await used()).toBe(3);
    await using other = await start();
    expect(await other.statuses('/list', 8)).toEqual([200, 200, 200, 200, 200, 200, 200, 429]);
  });
});
