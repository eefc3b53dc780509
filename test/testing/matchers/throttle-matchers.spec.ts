import 'reflect-metadata';
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, HttpCode, Inject, Post, ServiceUnavailableException } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { SkipThrottle, Throttle, ThrottleService } from 'nestjs-sluice';
import { reportedLimits, ThrottleTestingModule, throttleMatchers } from 'nestjs-sluice/testing';
import { thrownProblem } from '../../support/config-error.js';

expect.extend(throttleMatchers);

@Controller()
class SearchController {
  constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

  @Throttle('search')
  @Get('search')
  search(): string {
    return 'ok';
  }

  @SkipThrottle()
  @Get('free')
  free(): string {
    return 'ok';
  }

  @Throttle('search')
  @Get('down')
  down(): never {
    throw new ServiceUnavailableException();
  }

  @SkipThrottle()
  @Post('large')
  @HttpCode(200)
  async large(): Promise<void> {
    await this.throttle.hit('search', 11);
  }
}

/** An application that listens, with an unused budget. */
async function start(headers: 'standard' | 'legacy' = 'standard') {
  const moduleRef = await Test.createTestingModule({
    imports: [ThrottleTestingModule.forRoot({ policies: { search: '2/min' }, headers })],
    controllers: [SearchController],
  }).compile();
  const app = moduleRef.createNestApplication(new FastifyAdapter(), { logger: false });
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  return {
    url,
    get: (path: string, method = 'GET') => incoming(`${url}${path}`, method),
    [Symbol.asyncDispose]: () => app.close(),
  };
}

/** The response as Node's own client gives it. */
async function incoming(url: string, method: string): Promise<IncomingMessage> {
  const [response]: IncomingMessage[] = await once(http.request(url, { method, agent: false }).end(), 'response');
  if (response === undefined) throw new Error('there is no response');
  response.resume();
  return response;
}

describe('the matchers', () => {
  it('accept responses of fetch and Node', async () => {
    await using app = await start();
    expect(await fetch(`${app.url}/search`)).toHaveRateLimit({ policy: 'search', limit: 2, remaining: 1 });
    expect(await app.get('/search')).toHaveRateLimit({
      policy: 'search',
      limit: 2,
      remaining: 0,
      windowSeconds: 60,
    });
    expect(await app.get('/search')).toBeThrottled({ retryAfterSeconds: 63 });
    expect(await fetch(`${app.url}/search`)).toBeThrottled();
    expect(await app.get('/search')).not.toBeWithinRateLimit();
  });

  it('accept responses of supertest, axios and inject, with headers in any case', () => {
    const lower = { ratelimit: '"api";r=9;t=60', 'ratelimit-policy': '"api";q=10;w=60' };
    const axios = new Map(Object.entries(lower));
    for (const headers of [
      lower,
      axios,
      { RateLimit: lower.ratelimit, 'RateLimit-Policy': lower['ratelimit-policy'] },
    ]) {
      const expected = { policy: 'api', limit: 10, remaining: 9, windowSeconds: 60, resetSeconds: 60 };
      expect({ status: 200, headers }).toHaveRateLimit(expected);
      expect({ statusCode: 200, headers }).toHaveRateLimit(expected);
    }
  });

  it('distinguish a request that was limited and allowed from one that is not limited', async () => {
    await using app = await start();
    expect(await app.get('/search')).toBeWithinRateLimit();
    expect(await app.get('/free')).not.toBeWithinRateLimit();
    expect(await app.get('/free')).not.toHaveRateLimit();
    expect(await app.get('/down')).not.toBeWithinRateLimit();
  });

  it('expect no wait for a cost that can never pass', async () => {
    await using app = await start();
    const response = await app.get('/large', 'POST');
    expect(response).toBeThrottled({ retryAfterSeconds: null });
    expect(response).not.toBeThrottled({ retryAfterSeconds: 0 });
  });

  it('read the older headers', async () => {
    await using app = await start('legacy');
    const response = await app.get('/search');
    expect(response).toHaveRateLimit({ limit: 2, remaining: 1 });
    expect(response).not.toHaveRateLimit({ policy: 'search' });
  });

  describe('report what was expected and what was received', () => {
    const response = {
      statusCode: 429,
      headers: { ratelimit: '"a";r=0;t=12, "b";r=7', 'ratelimit-policy': '"a";q=5;w=60, "b";q=9', 'retry-after': '12' },
    };
    const received = [
      '',
      '',
      'Received: status 429, Retry-After: 12',
      '  { policy: "a", limit: 5, windowSeconds: 60, remaining: 0, resetSeconds: 12 }',
      '  { policy: "b", limit: 9, remaining: 7 }',
    ].join('\n');

    it('of a limit', () => {
      expect(() => expect(response).toHaveRateLimit({ policy: 'a', remaining: 1 })).toThrow(
        new Error(`expect(response).toHaveRateLimit({ policy: "a", remaining: 1 })${received}`),
      );
      expect(() => expect(response).not.toHaveRateLimit({ policy: 'b' })).toThrow(
        new Error(`expect(response).not.toHaveRateLimit({ policy: "b" })${received}`),
      );
    });

    it('of a denial', () => {
      expect(() => expect(response).toBeThrottled({ retryAfterSeconds: 13 })).toThrow(
        new Error(`expect(response).toBeThrottled({ retryAfterSeconds: 13 })${received}`),
      );
      expect(() => expect(response).toBeWithinRateLimit()).toThrow(
        new Error(`expect(response).toBeWithinRateLimit()${received}`),
      );
      expect(() => expect({ status: 200, headers: {} }).toBeThrottled()).toThrow(
        new Error(
          'expect(response).toBeThrottled()\n\nReceived: status 200, no Retry-After\n  no header reports a limit',
        ),
      );
    });
  });

  describe('refuse', () => {
    const response = { status: 200, headers: {} };
    const extended: Record<string, (received: unknown, expected?: unknown) => unknown> = {};
    beforeAll(() => {
      for (const [name, matcher] of Object.entries(throttleMatchers)) {
        extended[name] = (...args) => Reflect.apply(matcher, undefined, args);
      }
    });

    it.each<readonly [matcher: string, args: readonly unknown[], message: string]>([
      [
        'toBeThrottled',
        [undefined],
        'expect(response).toBeThrottled(): expected a response with headers, and with status or statusCode, got undefined',
      ],
      [
        'toBeWithinRateLimit',
        [Promise.resolve(response)],
        'expect(response).toBeWithinRateLimit(): expected a response with headers, and with status or statusCode, got an instance of Promise',
      ],
      [
        'toHaveRateLimit',
        [response, { remainig: 1 }],
        'expect(response).toHaveRateLimit(): there is no option "remainig". Did you mean "remaining"? Known: policy, limit, remaining, windowSeconds, resetSeconds.',
      ],
      [
        'toHaveRateLimit',
        [response, { remaining: undefined }],
        'expect(response).toHaveRateLimit(): remaining: expected a value, or no such member, got undefined',
      ],
      [
        'toBeThrottled',
        [response, 60],
        'expect(response).toBeThrottled(): expected an object of expected values, got 60 (number)',
      ],
    ])('%s of %j', (matcher, args, message) => {
      expect(thrownProblem(() => extended[matcher]?.(args[0], args[1]))).toBe(message);
    });
  });
});

describe('reportedLimits', () => {
  it.each<readonly [form: string, headers: object, limits: object]>([
    [
      'draft 11, with a partition key and a unit',
      {
        'ratelimit-policy': '"a-b.c";q=10;qu="content-bytes";w=60;pk=:Ym9i:, "d";q=3',
        ratelimit: '"a-b.c";r=9;pk=:Ym9i:;t=60, "d";r=0',
      },
      [
        { policy: 'a-b.c', limit: 10, windowSeconds: 60, remaining: 9, resetSeconds: 60 },
        { policy: 'd', limit: 3, remaining: 0 },
      ],
    ],
    [
      'draft 7',
      { 'ratelimit-policy': '10;w=60', ratelimit: 'limit=10, remaining=4, reset=30' },
      [{ limit: 10, remaining: 4, resetSeconds: 30, windowSeconds: 60 }],
    ],
    [
      'draft 6',
      { 'ratelimit-policy': '10;w=60', 'ratelimit-limit': '10', 'ratelimit-remaining': '4', 'ratelimit-reset': '30' },
      [{ limit: 10, remaining: 4, resetSeconds: 30, windowSeconds: 60 }],
    ],
    [
      'the older form',
      { 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '4', 'x-ratelimit-reset': '30' },
      [{ limit: 10, remaining: 4, resetSeconds: 30 }],
    ],
    [
      'draft 11 beside the older form',
      { ratelimit: '"a";r=4', 'x-ratelimit-limit': '10', 'x-ratelimit-remaining': '1' },
      [{ policy: 'a', remaining: 4 }],
    ],
    ['no header', { 'content-type': 'text/plain' }, []],
  ])('reads %s', (_form, headers, limits) => {
    expect(reportedLimits({ status: 200, headers })).toEqual({ status: 200, limits });
  });

  it('reads Retry-After in seconds, but not as a date', () => {
    expect(reportedLimits({ statusCode: 429, headers: { 'retry-after': '7' } }).retryAfterSeconds).toBe(7);
    const date = { 'retry-after': 'Fri, 31 Dec 2027 23:59:59 GMT' };
    expect(reportedLimits({ statusCode: 429, headers: date }).retryAfterSeconds).toBeUndefined();
  });

  it('throws for anything but a response', () => {
    expect(() => Reflect.apply(reportedLimits, undefined, [{ status: 200 }])).toThrow(TypeError);
  });
});
