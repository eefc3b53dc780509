import type { ServerResponse } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Res } from '@nestjs/common';
import { by, type HeaderStyle, Throttle } from '../../../src/index.js';
import { limitHeaders, rateLimitFields } from '../../support/header-fields.js';
import { adapters, startApp } from '../../support/http-app.js';

const strategy = 'fixed-window';
const apiKey = by.header('x-api-key');

@Controller()
class HeaderController {
  @Throttle('100/min', { name: 'rush', strategy })
  @Throttle('2/h', { name: 'slow', strategy })
  @Throttle('1000/day', { name: 'keyed', strategy, by: apiKey })
  @Get('several')
  several(): string {
    return 'several';
  }

  @Throttle('2/500ms', { strategy })
  @Get('short')
  short(): string {
    return 'short';
  }

  @Throttle('2/min', { strategy })
  @Get('passes')
  passes(@Res() response: ServerResponse): void {
    response.end();
  }

  @Throttle('2/1500ms', { strategy })
  @Get('odd')
  odd(): string {
    return 'odd';
  }

  @Throttle('6/min', { strategy: 'token-bucket', burst: 10 })
  @Get('bucket')
  bucket(): string {
    return 'bucket';
  }

  @Throttle('4000000000000000/min', { strategy })
  @Get('huge')
  huge(): string {
    return 'huge';
  }

  @Throttle('10/s; 200/h', { strategy })
  @Get('joined')
  joined(): string {
    return 'joined';
  }
}

describe.each(adapters)('rate limit headers on %s', (adapter) => {
  const start = (headers?: HeaderStyle) =>
    startApp({ adapter, controllers: [HeaderController], ...(headers !== undefined && { options: { headers } }) });

  it('list all policies of an allowed call, in order', async () => {
    await using app = await start();
    app.clock.advance(1);
    const answer = await app.send('/several');
    expect(answer.status).toBe(200);
    expect(rateLimitFields(answer)).toEqual({
      policies: [
        ['rush', { q: 100, w: 60 }],
        ['slow', { q: 2, w: 3600 }],
        ['keyed', { q: 1000, w: 86_400 }],
      ],
      states: [
        ['rush', { r: 99, t: 60 }],
        ['slow', { r: 1, t: 3600 }],
        ['keyed', { r: 999, t: 86_400 }],
      ],
    });
    expect(limitHeaders(answer)).toEqual({
      'ratelimit-policy': '"rush";q=100;w=60, "slow";q=2;w=3600, "keyed";q=1000;w=86400',
      ratelimit: '"rush";r=99;t=60, "slow";r=1;t=3600, "keyed";r=999;t=86400',
    });
  });

  it('report the remaining units of each policy of a denied call, the wait of those that denied, and no reset of full ones', async () => {
    await using app = await start();
    await app.statuses('/several', 2, { headers: { 'x-api-key': 'a' } });
    app.clock.advance(90_500);
    const answer = await app.send('/several', { headers: { 'x-api-key': 'b' } });
    expect(answer.status).toBe(429);
    expect(rateLimitFields(answer)).toEqual({
      policies: [
        ['rush', { q: 100, w: 60 }],
        ['slow', { q: 2, w: 3600 }],
        ['keyed', { q: 1000, w: 86_400 }],
      ],
      states: [
        ['rush', { r: 100 }],
        ['slow', { r: 0, t: 3510 }],
        ['keyed', { r: 1000 }],
      ],
    });
    expect(limitHeaders(answer)).toEqual({
      'ratelimit-policy': '"rush";q=100;w=60, "slow";q=2;w=3600, "keyed";q=1000;w=86400',
      ratelimit: '"rush";r=100, "slow";r=0;t=3510, "keyed";r=1000',
      'retry-after': '3510',
      'cache-control': 'no-store',
    });
  });

  it.each([
    ['leave out a window below a second', '/short', '"default";q=2', '"default";r=1;t=1'],
    ['round a window up to whole seconds', '/odd', '"default";q=2;w=2', '"default";r=1;t=2'],
    [
      'tell of a bucket its burst and the time in which that is granted',
      '/bucket',
      '"default";q=10;w=100',
      '"default";r=9;t=10',
    ],
    [
      'write no integer of more than 15 digits',
      '/huge',
      '"default";q=999999999999999;w=60',
      '"default";r=999999999999999;t=60',
    ],
    [
      'name limits without a name by their period where there are several',
      '/joined',
      '"default-1s";q=10;w=1, "default-1h";q=200;w=3600',
      '"default-1s";r=9;t=1, "default-1h";r=199;t=3600',
    ],
  ])('%s', async (_rule, path, policy, state) => {
    await using app = await start();
    const answer = await app.send(path);
    expect(limitHeaders(answer)).toEqual({ 'ratelimit-policy': policy, ratelimit: state });
    expect(rateLimitFields(answer).policies[0]?.[0]).toBe(policy.slice(1, policy.indexOf('"', 1)));
  });

  it('report when a denied call would pass instead of when the limit is full again', async () => {
    await using app = await start('both');
    await app.statuses('/bucket', 10);
    app.clock.advance(500);
    expect(limitHeaders(await app.send('/bucket'))).toEqual({
      'ratelimit-policy': '"default";q=10;w=100',
      ratelimit: '"default";r=0;t=10',
      'x-ratelimit-limit': '10',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': '100',
      'retry-after': '10',
      'cache-control': 'no-store',
    });
  });

  const standard = (r: number) => ({ 'ratelimit-policy': '"default";q=2;w=2', ratelimit: `"default";r=${r};t=2` });
  const legacy = (r: number) => ({
    'x-ratelimit-limit': '2',
    'x-ratelimit-remaining': String(r),
    'x-ratelimit-reset': '2',
  });

  it.each([
    ['standard', standard],
    ['legacy', legacy],
    ['both', (r: number) => ({ ...standard(r), ...legacy(r) })],
    [false, () => ({})],
  ] as const)('have the style %p, and Retry-After in all of them', async (headers, expected) => {
    await using app = await start(headers);
    expect(limitHeaders(await app.send('/odd'))).toEqual(expected(1));
    expect(limitHeaders(await app.send('/odd'))).toEqual(expected(0));
    expect(limitHeaders(await app.send('/odd'))).toEqual({
      ...expected(0),
      'retry-after': '2',
      'cache-control': 'no-store',
    });
  });

  it('of the legacy style report the binding policy', async () => {
    await using app = await start('legacy');
    await app.send('/several');
    expect(limitHeaders(await app.send('/several'))).toEqual({
      'x-ratelimit-limit': '2',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': '3600',
    });
  });
});

describe('rate limit headers of Express', () => {
  it('are set by a method with which a middleware has replaced that of Node', async () => {
    const names: string[] = [];
    await using app = await startApp({
      adapter: 'express',
      controllers: [HeaderController],
      prepare: (nest) =>
        nest.use((_request: unknown, response: ServerResponse, next: () => void) => {
          const { setHeader } = response;
          response.setHeader = (name, value) => {
            names.push(name);
            return setHeader.call(response, name, value);
          };
          next();
        }),
    });
    expect(limitHeaders(await app.send('/short'))).toMatchObject({ ratelimit: '"default";r=1;t=1' });
    expect(names).toEqual(expect.arrayContaining(['RateLimit-Policy', 'RateLimit']));
  });

  it('are omitted if a middleware has sent the headers', async () => {
    await using app = await startApp({
      adapter: 'express',
      controllers: [HeaderController],
      prepare: (nest) =>
        nest.use((_request: unknown, response: ServerResponse, next: () => void) => {
          response.flushHeaders();
          next();
        }),
    });
    for (let i = 0; i < 2; i++) {
      const answer = await app.send('/passes');
      expect(answer.status).toBe(200);
      expect(limitHeaders(answer)).toEqual({});
    }
  });
});
