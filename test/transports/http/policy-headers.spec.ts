import { describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Post } from '@nestjs/common';
import { parseList } from 'structured-headers';
import { by, type CostOf, type HeaderStyle, Throttle, type ThrottleModuleOptions } from '../../../src/index.js';
import { limitHeaders, rateLimitFields } from '../../support/header-fields.js';
import { adapters, startApp, type TestApp } from '../../support/http-app.js';

const strategy = 'fixed-window';
const elementsOf: CostOf = ({ request }) => (Array.isArray(request?.body) ? request.body.length : 1);
const policies = { hidden: { rate: '1/min', strategy, headers: false }, open: { rate: '1/min', strategy } } as const;

@Controller()
class HeadersController {
  @Throttle([
    { rate: '3/min', strategy, name: 'requests' },
    { rate: '10/min', strategy, name: 'elements', unit: 'elements', cost: elementsOf, phase: 'handler' },
  ])
  @Post('batch')
  batch(@Body() _body: unknown): string {
    return 'ok';
  }

  @Throttle({ rate: '1000/min', strategy, unit: 'content-bytes' })
  @Get('bytes')
  bytes(): string {
    return 'ok';
  }

  @Throttle('hidden')
  @Throttle({ rate: '5/min', strategy })
  @Get('hidden')
  hidden(): string {
    return 'ok';
  }

  @Throttle('hidden')
  @Get('only-hidden')
  onlyHidden(): string {
    return 'ok';
  }

  @Throttle('open', { headers: false })
  @Get('hidden-here')
  hiddenHere(): string {
    return 'ok';
  }

  @Throttle([
    { rate: '9/min', strategy, name: 'named', by: ({ request }) => `tenant:${request?.headers['x-user']}` },
    { rate: '9/min', strategy },
  ])
  @Get('by-user')
  byUser(): string {
    return 'ok';
  }

  @Throttle([
    { rate: '9/min', strategy, name: 'keyed', by: by.header('x-api-key') },
    { rate: '9/min', strategy, name: 'clear', by: by.header('x-api-key', { clear: true }) },
    { rate: '9/min', strategy, name: 'both', by: by.each(by.path(), by.header('x-api-key')) },
    { rate: '9/min', strategy, name: 'scoped', by: by.header('x-api-key'), context: { scope: 'eu' } },
    { rate: '9/min', strategy },
  ])
  @Get('by-header')
  byHeader(): string {
    return 'ok';
  }

  @Throttle('open')
  @Get('shown-here')
  shownHere(): string {
    return 'ok';
  }
}

describe.each(adapters)('headers of a policy on %s', (adapter) => {
  const start = (headers: HeaderStyle = 'standard', more: ThrottleModuleOptions = {}) =>
    startApp({ adapter, controllers: [HeadersController], options: { policies, headers, ...more } });

  it('name the unit that it counts, as a string (draft-11)', async () => {
    await using app = await start();
    const { headers } = await app.send('/bytes');
    expect(headers['ratelimit-policy']).toBe('"default";q=1000;qu="content-bytes";w=60');
    expect(headers.ratelimit).toBe('"default";r=999;t=60');
    const [[, parameters] = []] = parseList(String(headers['ratelimit-policy'])) as [[string, Map<string, unknown>]]; // one item
    expect(parameters?.get('qu')).toBe('content-bytes');
  });

  it('distinguish requests and elements of one route; a denial for elements counts no request', async () => {
    await using app = await start();
    const batch = (count: number) =>
      app.send('/batch', { method: 'POST', body: Array.from({ length: count }, () => 1) });
    const states = async (count: number) => {
      const answer = await batch(count);
      return [answer.status, rateLimitFields(answer).states];
    };
    expect((await batch(4)).headers['ratelimit-policy']).toBe(
      '"requests";q=3;w=60, "elements";q=10;qu="elements";w=60',
    );
    expect(await states(7)).toEqual([
      429,
      [
        ['requests', { r: 2, t: 60 }],
        ['elements', { r: 6, t: 60 }],
      ],
    ]);
    expect(await states(6)).toEqual([
      201,
      [
        ['requests', { r: 1, t: 60 }],
        ['elements', { r: 0, t: 60 }],
      ],
    ]);
  });

  it('omit a policy with headers: false, and report the others', async () => {
    await using app = await start('both');
    expect(limitHeaders(await app.send('/hidden'))).toEqual({
      'ratelimit-policy': '"default";q=5;w=60',
      ratelimit: '"default";r=4;t=60',
      'x-ratelimit-limit': '5',
      'x-ratelimit-remaining': '4',
      'x-ratelimit-reset': '60',
    });
    const denied = await app.send('/hidden');
    expect([denied.status, denied.body.policy]).toEqual([429, 'hidden']);
    expect(limitHeaders(denied)).toEqual({
      'ratelimit-policy': '"default";q=5;w=60',
      ratelimit: '"default";r=4;t=60',
      'x-ratelimit-limit': '5',
      'x-ratelimit-remaining': '4',
      'x-ratelimit-reset': '60',
      'retry-after': '60',
      'cache-control': 'no-store',
    });
  });

  it('are missing if all policies of the call have headers: false, except Retry-After of a denial', async () => {
    await using app = await start('both');
    expect(limitHeaders(await app.send('/only-hidden'))).toEqual({});
    expect(limitHeaders(await app.send('/only-hidden'))).toEqual({ 'retry-after': '60', 'cache-control': 'no-store' });
  });

  it('may be omitted for one use of a policy only', async () => {
    await using app = await start();
    expect(limitHeaders(await app.send('/hidden-here'))).toEqual({});
    expect((await app.send('/shown-here')).headers.ratelimit).toBe('"open";r=0;t=60');
  });

  it('contain the partition: the same key for the same subject in every process, and a different one for others', async () => {
    await using app = await start();
    await using other = await start();
    const keys = async (one: TestApp, path: string, user?: string) =>
      (await one.send(path, user === undefined ? {} : { headers: { 'x-user': user, 'x-api-key': user } }))
        .partitionKeys;
    // The first 96 bits of SHA-256 of `ip:127.0.0.1`, in base64: no address is in the response.
    const ofAddress = ':UIzA/iYYXXE0Owqq:';
    expect(await keys(app, '/shown-here')).toEqual({ open: ofAddress });
    expect(await keys(other, '/bytes')).toEqual({ default: ofAddress });
    const ofUsers = [
      await keys(app, '/by-user', 'ada'),
      await keys(app, '/by-user', 'ada'),
      await keys(app, '/by-user', 'bob'),
    ];
    expect(new Set(ofUsers.map((one) => one.named)).size).toBe(2);
    expect(ofUsers[0]?.default).toBe(ofAddress);
    expect(await keys(app, '/by-header', 'secret')).toEqual({ default: ofAddress });
  });

  it('write the partition key as a byte sequence', async () => {
    await using app = await start();
    const response = await fetch(`http://127.0.0.1:${app.port}/bytes`);
    const field = response.headers.get('ratelimit-policy') ?? '';
    expect(field).toBe('"default";q=1000;qu="content-bytes";w=60;pk=:UIzA/iYYXXE0Owqq:');
    const [[, parameters] = []] = parseList(field) as [[string, Map<string, unknown>]]; // one item
    expect(parameters?.get('pk')).toBeInstanceOf(ArrayBuffer);
    // The field with the remaining units has no partition key.
    expect(response.headers.get('ratelimit')).toBe('"default";r=999;t=60');
  });
});
