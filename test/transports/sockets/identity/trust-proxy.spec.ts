import { describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { by, type Call, Throttle, type TrustProxy } from '../../../../src/index.js';
import { startSockets, transports } from '../../../support/gateway-app.js';
import { passing, speaking } from '../chat-gateway.js';
import { attempts, from, perMinute, startOnly } from '../connections/handshake-client.js';

const gateways = speaking({ by: by.ip() });
const trusting = (trustProxy: TrustProxy) => ({ sockets: { trustProxy } });
/** The farthest first: a client that makes things up, the client, a proxy; the nearest proxy is on the loopback. */
const chain = ['198.51.100.7', '203.0.113.1', '10.1.2.3'] as const;

const forms: readonly (readonly [form: string, setting: TrustProxy, address: string])[] = [
  ['nobody', false, '127.0.0.1'],
  ['everybody', true, '198.51.100.7'],
  ['no hop', 0, '127.0.0.1'],
  ['one hop', 1, '10.1.2.3'],
  ['two hops', 2, '203.0.113.1'],
  ['three hops', 3, '198.51.100.7'],
  ['more hops than there are', 9, '198.51.100.7'],
  ['the loopback', 'loopback', '10.1.2.3'],
  ['two names', 'loopback, uniquelocal', '203.0.113.1'],
  ['an address and a network', ['127.0.0.1', '10.0.0.0/8'], '203.0.113.1'],
  ['networks in a text', '127.0.0.0/8,10.1.2.0/24', '203.0.113.1'],
  ['a proxy that is not the nearest', '10.0.0.0/8', '127.0.0.1'],
  ['the client, but not the proxy before it', 'loopback,203.0.113.0/24', '10.1.2.3'],
  ['what a function says of the hop', (_address, hop) => hop < 2, '203.0.113.1'],
  ['what a function says of the address', (address) => !address.startsWith('203.'), '203.0.113.1'],
];

describe.each(transports)('the proxies of sockets on %s', (transport) => {
  it.each(forms)('are those of trustProxy: %s', async (_form, trustProxy, address) => {
    const seen: unknown[] = [];
    const find = (call: Call) => {
      seen.push(call.address);
      return by.ip()(call);
    };
    const options = { sockets: { trustProxy, connections: { rate: '9/min', by: find } } };
    await using sockets = await startOnly({ transport, gateways: speaking({ by: find }), options });
    const socket = await sockets.connect(from(...chain));
    socket.send('say', 1);
    expect(await socket.next()).toEqual({ event: 'said', data: 1 });
    expect(seen).toEqual([address, address]);
  });

  it.each([
    ['express', { prepare: (nest) => nest.getHttpAdapter().getInstance().set('trust proxy', 1) }],
    ['fastify', { fastify: { trustProxy: true } }],
  ] satisfies ['express' | 'fastify', Pick<Parameters<typeof startSockets>[0], 'prepare' | 'fastify'>][])(
    'are none with trustProxy: false, regardless of what %s trusts',
    async (adapter, app) => {
      const options = { sockets: { trustProxy: false, connections: perMinute(4) } };
      await using sockets = await startOnly({ transport, adapter, gateways, options, ...app });
      for (let i = 1; i < 5; i++) expect(await attempts(sockets, 1, from(`203.0.113.${i}`))).toEqual(['open']);
      expect(await attempts(sockets, 1, from('203.0.113.5'))).toEqual(['limited']);
      sockets.clock.advance(60_000);
      await using talk = await startSockets({ transport, adapter, gateways, options: trusting(false), ...app });
      expect(await passing(talk, 3, from('203.0.113.1'))).toBe(2);
      expect(await passing(talk, 3, from('203.0.113.2'))).toBe(0);
    },
  );

  it.each(['express', 'fastify'] as const)('are independent of those of requests on %s', async (adapter) => {
    @Controller('limited')
    class LimitedController {
      @Throttle('2/min')
      @Get()
      list(): string {
        return 'list';
      }
    }
    const controllers = [LimitedController];
    const options = trusting('loopback');
    const warnings: string[] = [];
    await using sockets = await startSockets({ transport, adapter, gateways, controllers, options, warnings });
    expect(await passing(sockets, 3, from('203.0.113.1'))).toBe(2);
    expect(await passing(sockets, 3, from('203.0.113.2'))).toBe(2);
    const statuses = [];
    for (let i = 1; i < 4; i++) statuses.push((await sockets.http.send('/limited', from(`203.0.113.${i}`))).status);
    expect(statuses).toEqual([200, 200, 429]);
    // The setting of requests, for which no proxy is trusted.
    expect(warnings).toEqual([
      expect.stringMatching(/^A forwarding header was ignored because it came from an address that is not trusted/),
    ]);
  });

  it('cause one warning if everyone is trusted', async () => {
    const warnings: string[] = [];
    await using sockets = await startSockets({ transport, gateways, warnings, options: trusting(true) });
    for (let i = 1; i < 4; i++) expect(await passing(sockets, 3, from(`203.0.113.${i}`))).toBe(2);
    expect(warnings).toEqual([expect.stringMatching(/^The trust-proxy setting trusts everyone, so /)]);
  });

  it.each([
    ['nobody', false],
    ['no hop', 0],
    ['others', '10.0.0.0/8'],
  ])('cause one warning with the option to set if they are %s and one forwards', async (_who, trustProxy) => {
    const warnings: string[] = [];
    await using sockets = await startSockets({ transport, gateways, warnings, options: trusting(trustProxy) });
    expect(await passing(sockets, 1)).toBe(1);
    expect(warnings).toEqual([]);
    for (let i = 1; i < 3; i++) await passing(sockets, 1, from(`203.0.113.${i}`));
    expect(warnings).toEqual([
      expect.stringMatching(/^A forwarding header was ignored because it came from an address that is not trusted/),
    ]);
    expect(warnings[0]).toMatch(/sockets\b.*trustProxy/);
  });

  it.each([1, 'loopback', ['127.0.0.1']])('cause no warning if they are trusted: %j', async (trustProxy) => {
    const warnings: string[] = [];
    await using sockets = await startSockets({ transport, gateways, warnings, options: trusting(trustProxy) });
    await passing(sockets, 1);
    await passing(sockets, 1, from('203.0.113.1'));
    expect(warnings).toEqual([]);
  });

  it('ignore an empty header', async () => {
    const seen: unknown[] = [];
    const find = ({ address }: Call) => {
      seen.push(address);
      return 'all';
    };
    const options = trusting('loopback');
    await using sockets = await startSockets({ transport, gateways: speaking({ by: find }), options });
    await passing(sockets, 1, { headers: { 'x-forwarded-for': '' } });
    await passing(sockets, 1, { headers: { 'x-forwarded-for': '203.0.113.1, , ' } });
    expect(seen).toEqual(['127.0.0.1', '203.0.113.1']);
  });

  it('share one budget in one IPv6 network, and in all forms of an IPv4 address', async () => {
    await using sockets = await startSockets({ transport, gateways, options: { ...trusting(1), ipv6Prefix: 56 } });
    expect(await passing(sockets, 1, from('2001:db8:1:200::1'))).toBe(1);
    expect(await passing(sockets, 2, from('2001:db8:1:2ff::1'))).toBe(1);
    expect(await passing(sockets, 1, from('2001:db8:1:300::1'))).toBe(1);
    expect(await passing(sockets, 1, from('203.0.113.1'))).toBe(1);
    expect(await passing(sockets, 1, from('64:ff9b::203.0.113.1'))).toBe(1);
    expect(await passing(sockets, 1, from('::ffff:203.0.113.1'))).toBe(0);
  });
});
