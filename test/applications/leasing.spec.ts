import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject } from '@nestjs/common';
import { by, RedisBackend, Throttle, ThrottleService } from '../../src/index.js';
import { adapters, startApp } from '../support/http-app.js';
import { ownRedis } from '../support/redis/private-redis.js';
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

describe.each(adapters)('an application with a leased policy, with %s', (adapter) => {
  const redis = ownRedis();

  it('limits a fleet to the limit, tells what it knows, and gives back what is left when it closes', async () => {
    const prefix = freshPrefix();
    // The window does not turn before the year 2046.
    const api = { rate: '10/2000 weeks', strategy: 'fixed-window', by: by.all(), lease: { batch: 4 } } as const;
    const used = async () => {
      const [key = ''] = await redis.client.keys(`${prefix}:*`);
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
