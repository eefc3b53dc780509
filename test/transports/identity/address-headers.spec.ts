import { describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { by, type PolicyOptions, Throttle } from '../../../src/index.js';
import { thrownProblem } from '../../support/config-error.js';
import { startSockets, transports } from '../../support/gateway-app.js';
import { type AdapterName, adapters, startApp } from '../../support/http-app.js';
import { passing, speaking } from '../sockets/chat-gateway.js';

const strategy = 'fixed-window';
const HEADER = 'cf-connecting-ip';
const cdn = (address: string, more: Readonly<Record<string, string>> = {}) => ({
  headers: { [HEADER]: address, ...more },
});

type Trust = 'nobody' | 'loopback' | 'one hop' | 'others';

function start(adapter: AdapterName, trust: Trust, warnings: string[] = [], limit: Partial<PolicyOptions> = {}) {
  @Controller('list')
  class ListController {
    @Throttle({ rate: '1/min', strategy, by: by.ip({ header: 'CF-Connecting-IP' }), ...limit })
    @Get()
    list() {}
  }
  const oneHop = (_address: string, hop: number) => hop < 1;
  const setting = { nobody: false, loopback: 'loopback', 'one hop': oneHop, others: '10.0.0.0/8' }[trust];
  return startApp({
    adapter,
    controllers: [ListController],
    warnings,
    fastify: { trustProxy: setting },
    prepare: (app) => adapter === 'express' && app.getHttpAdapter().getInstance().set('trust proxy', setting),
  });
}

describe.each(adapters)('by.ip({ header }) on %s', (adapter) => {
  it.each(['loopback', 'one hop'] as const)(
    'charges the address in the header of a CDN, if the peer is trusted (%s)',
    async (trust) => {
      const warnings: string[] = [];
      await using app = await start(adapter, trust, warnings);
      expect(await app.statuses('/list', 2, cdn('203.0.113.1'))).toEqual([200, 429]);
      expect(await app.statuses('/list', 2, cdn('203.0.113.2'))).toEqual([200, 429]);
      // The forwarding header makes no difference.
      expect(await app.statuses('/list', 1, cdn('203.0.113.1', { 'x-forwarded-for': '203.0.113.3' }))).toEqual([429]);
      expect(warnings).toEqual([]);
    },
  );

  it('has one budget for all forms of an address', async () => {
    await using app = await start(adapter, 'loopback');
    const v4 = ['203.0.113.1', '::ffff:203.0.113.1', '::ffff:cb00:7101', '203.0.113.1:4711'];
    const v6 = ['2001:db8:1:2::1', '2001:DB8:1:2:ffff::', '[2001:db8:1:2::1]:80'];
    for (const forms of [v4, v6]) {
      const statuses: number[] = [];
      for (const form of forms) statuses.push((await app.send('/list', cdn(form))).status);
      expect(statuses).toEqual([200, ...forms.slice(1).map(() => 429)]);
    }
  });

  it.each(['nobody', 'others'] as const)(
    'charges the peer if it is not trusted (%s), with one warning',
    async (trust) => {
      const warnings: string[] = [];
      await using app = await start(adapter, trust, warnings);
      const statuses: number[] = [];
      for (let i = 0; i < 4; i++) statuses.push((await app.send('/list', cdn(`203.0.113.${i}`))).status);
      expect(statuses).toEqual([200, 429, 429, 429]);
      expect(warnings).toEqual([
        expect.stringMatching(
          /^The header cf-connecting-ip was ignored because it came from an address that is not trusted as a proxy; a client may have made it up\./,
        ),
      ]);
    },
  );

  it.each(['', 'unknown', '203.0.113', 'x', '203.0.113.1, 203.0.113.2'])(
    'charges the address that the framework finds if the header contains none: %j',
    async (value) => {
      await using app = await start(adapter, 'loopback');
      const forwarded = { 'x-forwarded-for': '203.0.113.9' };
      expect(await app.statuses('/list', 1, cdn(value, forwarded))).toEqual([200]);
      expect(await app.statuses('/list', 1, { headers: forwarded })).toEqual([429]);
    },
  );

  it('may be a part of by.first() and by.each()', async () => {
    const find = by.each(by.path(), by.first(by.header('x-none'), by.ip({ header: HEADER })));
    await using app = await start(adapter, 'loopback', [], { by: find });
    expect(await app.statuses('/list', 2, cdn('203.0.113.1'))).toEqual([200, 429]);
    expect(await app.statuses('/list', 2, cdn('203.0.113.2'))).toEqual([200, 429]);
  });
});

describe.each(transports)('by.ip({ header }) on %s', (transport) => {
  const find = by.ip({ header: HEADER });

  it.each(['express', 'fastify'] as const)(
    'reads the header of the upgrade request from a trusted peer (%s)',
    async (adapter) => {
      await using sockets = await startSockets({
        transport,
        adapter,
        gateways: speaking({ by: find }),
        options: { sockets: { trustProxy: 'loopback', connections: { rate: '2/min', by: find } } },
      });
      expect(await passing(sockets, 3, cdn('203.0.113.1'))).toBe(2);
      expect(await passing(sockets, 1, cdn('203.0.113.1'))).toBe(0);
      expect(await passing(sockets, 3, cdn('203.0.113.2'))).toBe(2);
      await expect(sockets.connect(cdn('203.0.113.1'))).rejects.toThrow();
    },
  );

  it('ignores the header of other peers', async () => {
    await using sockets = await startSockets({ transport, gateways: speaking({ by: find }) });
    expect(await passing(sockets, 3, cdn('203.0.113.1'))).toBe(2);
    expect(await passing(sockets, 3, cdn('203.0.113.2'))).toBe(0);
  });
});

describe('by.header() of an address', () => {
  const warningsOf = async (find: PolicyOptions['by'], where: 'handler' | 'policy' | 'default' | 'frames') => {
    @Controller()
    class OneController {
      @(where === 'handler' ? Throttle({ rate: '1/min', by: find ?? by.ip() }) : () => {})
      @Get('one')
      one() {}

      @(where === 'policy' ? Throttle('api') : () => {})
      @Get('two')
      two() {}
    }
    const limit = { rate: '1/min', by: find ?? by.ip() };
    const options = {
      policy: { policies: { api: limit } },
      default: { default: limit },
      frames: { sockets: { frames: limit } },
      handler: {},
    }[where];
    const warnings: string[] = [];
    await using _app = await startApp({
      adapter: 'express',
      controllers: [OneController],
      options: { default: '9/s', ...options },
      warnings,
    });
    return warnings;
  };
  const believes = (place: string, header: string, fix: string) =>
    `${place}: by.header("${header}") uses an address that any client can make up, so clients can evade the limit. Write ${fix}.`;
  const ofCdn = (header: string) => `by.ip({ header: "${header}" }), which uses it only if a trusted proxy sent it`;
  const ofFramework = 'by.ip(), which uses it as the trust-proxy setting of the application says';

  it.each([
    ['handler', '@Throttle on OneController.one, by'],
    ['policy', 'policies.api.by'],
    ['default', 'default.by'],
    ['frames', 'ThrottleModule.sockets.frames.by'],
  ] as const)('warns once at startup, with the place: %s', async (where, place) => {
    expect(await warningsOf(by.header('CF-Connecting-IP'), where)).toEqual([believes(place, HEADER, ofCdn(HEADER))]);
  });

  it.each([
    ['x-real-ip', by.first(by.user(), by.header('X-Real-IP')), ofCdn('x-real-ip')],
    ['true-client-ip', by.each(by.path(), by.header('True-Client-IP')), ofCdn('true-client-ip')],
    ['x-forwarded-for', by.header('x-forwarded-for'), ofFramework],
    ['forwarded', by.header('Forwarded'), ofFramework],
  ])('warns of other headers, and within first and each: %s', async (header, find, fix) => {
    expect(await warningsOf(find, 'policy')).toEqual([believes('policies.api.by', header, fix)]);
  });

  it.each([
    ['a key', by.header('x-api-key')],
    ['the address of a CDN', by.ip({ header: HEADER })],
  ])('does not warn of %s', async (_, find) => {
    expect(await warningsOf(find, 'policy')).toEqual([]);
  });
});

const untyped = (value: unknown) => value as never;

describe('the options of by.ip() and by.header()', () => {
  const QUESTION = 'Is an environment variable or a configuration value missing?';

  it.each<[string, () => unknown, string]>([
    [
      'undefined',
      () => by.ip(undefined),
      `by.ip: expected options such as { header: "cf-connecting-ip" }, got undefined. ${QUESTION}`,
    ],
    [
      'a string',
      () => by.ip(untyped(HEADER)),
      'by.ip: expected options such as { header: "cf-connecting-ip" }, got "cf-connecting-ip"',
    ],
    [
      'a missing header',
      () => by.ip({ header: untyped(undefined) }),
      `by.ip({ header }): expected the name of a header such as "cf-connecting-ip", got undefined. ${QUESTION} Leave the options out for the framework's own address.`,
    ],
    [
      'an empty header',
      () => by.ip({ header: '' }),
      'by.ip({ header }): expected the name of a header such as "cf-connecting-ip", got ""',
    ],
    [
      'another option',
      () => by.ip(untyped({ headers: HEADER })),
      'by.ip(): there is no option "headers". Did you mean "header"? Known: header.',
    ],
    [
      'a header of the framework',
      () => by.ip({ header: 'X-Forwarded-For' }),
      'by.ip({ header }): "x-forwarded-for" is read by the trust-proxy setting of the application. Configure there which proxies are trusted, and write by.ip().',
    ],
    [
      'a clear that is no boolean',
      () => by.header('x-a', untyped({ clear: 'no' })),
      'by.header({ clear }): expected true or false, got "no"',
    ],
    [
      'another option of by.header',
      () => by.header('x-a', untyped({ clean: true })),
      'by.header(): there is no option "clean". Did you mean "clear"? Known: clear.',
    ],
  ])('are checked: %s', (_, make, message) => {
    expect(thrownProblem(make)).toBe(message);
  });
});
