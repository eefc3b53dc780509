import { describe, expect, it } from '@jest/globals';
import { Controller, Get, type Type } from '@nestjs/common';
import { type PolicyOptions, Throttle } from '../../../src/index.js';
import { limitHeaders } from '../../support/header-fields.js';
import { adapters, startApp } from '../../support/http-app.js';

function limitedBy(options: PolicyOptions): Type {
  @Controller('limited')
  class LimitedController {
    @Throttle(options)
    @Get()
    list(): string {
      return 'list';
    }
  }
  return LimitedController;
}

/** Calls come 400 ms apart from 12.345 s into a minute; after the last that passes the next is denied. */
const cases: readonly (readonly [strategy: string, more: Partial<PolicyOptions>, passing: number, seconds: number])[] =
  [
    ['fixed-window', {}, 3, 47],
    ['sliding-window', {}, 3, 61],
    ['sliding-log', {}, 3, 59],
    ['token-bucket', {}, 3, 19],
    ['gcra', {}, 1, 20],
    ['fixed-window', { cost: 3 }, 1, 48],
    ['sliding-window', { cost: 3 }, 1, 66],
    ['sliding-log', { cost: 3 }, 1, 60],
    ['token-bucket', { cost: 3 }, 1, 60],
    ['gcra', { cost: 3, burst: 3 }, 1, 60],
    ['leaky-bucket', { cost: 3 }, 1, 60],
  ];

describe.each(adapters)('Retry-After on %s', (adapter) => {
  it.each(cases)('of %s with %j is exact from both sides', async (strategy, more, passing, seconds) => {
    await using app = await startApp({ adapter, controllers: [limitedBy({ rate: '3/min', strategy, ...more })] });
    app.clock.advance(12_345);
    for (let i = 0; i < passing; i++) {
      expect((await app.send('/limited')).status).toBe(200);
      app.clock.advance(400);
    }

    const denied = await app.send('/limited');
    expect([denied.status, denied.headers['retry-after'], denied.body.retryAfter]).toEqual([
      429,
      String(seconds),
      seconds,
    ]);
    app.clock.advance((seconds - 1) * 1000);
    const early = await app.send('/limited');
    expect([early.status, early.headers['retry-after']]).toEqual([429, '1']);
    app.clock.advance(1000);
    expect((await app.send('/limited')).status).toBe(200);
  });

  it('is at least 1, and the denial is over a millisecond later', async () => {
    await using app = await startApp({
      adapter,
      controllers: [limitedBy({ rate: '1/s', strategy: 'fixed-window' })],
    });
    app.clock.advance(999);
    expect((await app.send('/limited')).status).toBe(200);
    const denied = await app.send('/limited');
    expect(denied.headers['retry-after']).toBe('1');
    expect(denied.body.message).toBe('Too many requests. Retry in 1 second.');
    app.clock.advance(1);
    expect((await app.send('/limited')).status).toBe(200);
  });

  it('is the longest wait of all denials', async () => {
    @Controller('limited')
    class TwiceController {
      @Throttle('1/min', { name: 'minute', strategy: 'fixed-window' })
      @Throttle('1/h', { name: 'hour', strategy: 'fixed-window' })
      @Throttle('1/10s', { name: 'burst', strategy: 'fixed-window' })
      @Get()
      list(): string {
        return 'list';
      }
    }
    await using app = await startApp({ adapter, controllers: [TwiceController] });
    await app.send('/limited');
    const denied = await app.send('/limited');
    expect([denied.body.policy, denied.headers['retry-after'], denied.headers.ratelimit]).toEqual([
      'hour',
      '3600',
      '"minute";r=0;t=60, "hour";r=0;t=3600, "burst";r=0;t=10',
    ]);
  });

  it('is missing, like the time in RateLimit, if the cost can never pass', async () => {
    const options = { rate: '5/min', strategy: 'fixed-window', cost: () => 6 };
    await using app = await startApp({ adapter, controllers: [limitedBy(options)] });
    const denied = await app.send('/limited');
    expect(denied.status).toBe(429);
    expect(limitHeaders(denied)).toEqual({
      'ratelimit-policy': '"default";q=5;w=60',
      ratelimit: '"default";r=5',
      'cache-control': 'no-store',
    });
    expect(denied.body).toEqual({
      statusCode: 429,
      error: 'Too Many Requests',
      message: 'Too many requests. This one asks for more than the limit ever grants.',
      policy: 'default',
      reason: 'rate',
      retryAfter: null,
    });
  });
});
