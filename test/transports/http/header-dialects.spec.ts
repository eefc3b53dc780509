import { describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { parseRateLimit } from 'ratelimit-header-parser';
import { definePolicy, type HeaderDialect, type HeaderStyle, MemoryBackend, Throttle } from '../../../src/index.js';
import { writeDialects } from '../../../src/transports/http/header-dialects.js';
import { startSockets } from '../../support/gateway-app.js';
import { limitHeaders } from '../../support/header-fields.js';
import { adapters, startApp } from '../../support/http-app.js';
import { speaking } from '../sockets/chat-gateway.js';

const strategy = 'fixed-window';

@Controller()
class DialectController {
  @Throttle({ rate: '2/min', strategy }) @Get('one') one() {}

  @Throttle({ rate: '10/500ms; 3/h', strategy }) @Get('several') several() {}

  @Throttle({ rate: '4000000000000000/min', strategy }) @Get('huge') huge() {}
}

const DRAFTS = ['draft-11', 'draft-7', 'draft-6'] as const;

/** The headers of a call that leaves `r` of 2 a minute. */
const headersOf: Readonly<Record<HeaderDialect, (r: number) => Readonly<Record<string, string>>>> = {
  'draft-11': (r) => ({ 'ratelimit-policy': '"default";q=2;w=60', ratelimit: `"default";r=${r};t=60` }),
  'draft-7': (r) => ({ 'ratelimit-policy': '2;w=60', ratelimit: `limit=2, remaining=${r}, reset=60` }),
  'draft-6': (r) => ({
    'ratelimit-policy': '2;w=60',
    'ratelimit-limit': '2',
    'ratelimit-remaining': String(r),
    'ratelimit-reset': '60',
  }),
  legacy: (r) => ({ 'x-ratelimit-limit': '2', 'x-ratelimit-remaining': String(r), 'x-ratelimit-reset': '60' }),
};

describe.each(adapters)('dialects of the rate limit headers on %s', (adapter) => {
  const start = (headers: HeaderStyle) => startApp({ adapter, controllers: [DialectController], options: { headers } });

  it.each<readonly HeaderDialect[]>([
    ...DRAFTS.map((draft) => [draft]),
    ['legacy'],
    ...DRAFTS.map((draft) => [draft, 'legacy'] as const),
    ['legacy', 'draft-7'],
  ])('are exactly those of the array: %s %s', async (...dialects) => {
    const list = dialects.filter((one) => typeof one === 'string');
    const expected = (r: number) => Object.assign({}, ...list.map((dialect) => headersOf[dialect](r)));
    await using app = await start(list);
    expect(limitHeaders(await app.send('/one'))).toEqual(expected(1));
    expect(limitHeaders(await app.send('/one'))).toEqual(expected(0));
    const denied = await app.send('/one');
    expect([denied.status, limitHeaders(denied)]).toEqual([
      429,
      { ...expected(0), 'retry-after': '60', 'cache-control': 'no-store' },
    ]);
  });

  it('report the binding policy, and list all policies, in whole seconds', async () => {
    await using six = await start(['draft-6']);
    expect(limitHeaders(await six.send('/several'))).toEqual({
      'ratelimit-policy': '10;w=1, 3;w=3600',
      'ratelimit-limit': '3',
      'ratelimit-remaining': '2',
      'ratelimit-reset': '3600',
    });
    await using seven = await start(['draft-7']);
    expect(limitHeaders(await seven.send('/several'))).toEqual({
      'ratelimit-policy': '10;w=1, 3;w=3600',
      ratelimit: 'limit=3, remaining=2, reset=3600',
    });
    expect((await seven.send('/huge')).headers.ratelimit).toBe(
      'limit=999999999999999, remaining=999999999999999, reset=60',
    );
  });
});

/** The results of ratelimit-header-parser 0.1, as docs/headers-and-retries.md lists them. */
describe('ratelimit-header-parser', () => {
  const parsed = async (headers: HeaderStyle) => {
    await using app = await startApp({ adapter: 'express', controllers: [DialectController], options: { headers } });
    const found = parseRateLimit((await app.send('/one')).headers);
    return found && [found.limit, found.remaining];
  };

  it.each<[readonly HeaderDialect[]]>([
    [['draft-7']],
    [['draft-6']],
    [['legacy']],
    [['draft-7', 'legacy']],
    [['draft-6', 'legacy']],
  ])('reads %j', async (dialects) => {
    expect(await parsed(dialects)).toEqual([2, 1]);
  });

  it.each<[HeaderStyle]>([['standard'], ['both'], [['draft-11', 'legacy']]])('does not read %j', async (style) => {
    expect(await parsed(style)).toEqual([Number.NaN, Number.NaN]);
  });
});

describe('a refused connection', () => {
  it('has the headers of the dialects', async () => {
    await using sockets = await startSockets({
      transport: 'ws',
      gateways: speaking(),
      options: { headers: ['draft-6'], sockets: { connections: { rate: '1/min', strategy } } },
    });
    await sockets.connect();
    const upgrade = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    };
    const refused = await sockets.http.send('/', { headers: upgrade });
    expect([refused.status, limitHeaders(refused)]).toEqual([
      429,
      {
        'ratelimit-policy': '1;w=60',
        'ratelimit-limit': '1',
        'ratelimit-remaining': '0',
        'ratelimit-reset': '60',
        'retry-after': '60',
        'cache-control': 'no-store',
      },
    ]);
  });
});

describe('the items of a policy', () => {
  it('have the limit of their own decision, also after a decision under an override', () => {
    const policy = definePolicy('api', { rate: '2/min', strategy });
    const charge = { policy, subject: 'header:a', cost: 1 };
    const { decisions } = new MemoryBackend().spend([charge]);
    const [own] = decisions;
    if (own === undefined) throw new Error('no decision');
    const fieldsOf = (changed: object) => {
      const written: Record<string, string> = {};
      const set = (name: string, value: string) => Object.assign(written, { [name]: value });
      writeDialects(['draft-11'], set, {}, [{ ...own, ...changed }], null, [charge]);
      return written['RateLimit-Policy'];
    };
    expect([{}, { limit: 9 }, { windowMs: 5000 }, {}].map(fieldsOf)).toEqual([
      '"api";q=2;w=60',
      '"api";q=9;w=60',
      '"api";q=2;w=5',
      '"api";q=2;w=60',
    ]);
  });
});
