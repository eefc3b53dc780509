import { describe, expect, it } from '@jest/globals';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import fc from 'fast-check';
import { ThrottleConfigError } from '../../../src/core/errors.js';
import { asFrameworkRequest } from '../../../src/transports/identity/framework-request.js';
import {
  compileTrust,
  proxiedRequest,
  remoteAddress,
  type TrustProxy,
} from '../../../src/transports/identity/trust-proxy.js';

const request = (socketAddress: string, forwarded?: string | readonly string[]) => ({
  headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
  socket: { remoteAddress: socketAddress },
});

describe('trusted proxies', () => {
  it.each<readonly [setting: TrustProxy, trusted: readonly string[], others: readonly string[]]>([
    [true, ['127.0.0.1', '203.0.113.1', '::1', '', 'unknown'], []],
    [false, [], ['127.0.0.1', '203.0.113.1', '::1', '', 'unknown']],
    ['10.1.2.3', ['10.1.2.3', '::ffff:10.1.2.3', '::ffff:a01:203'], ['10.1.2.4', '::10.1.2.3', '', 'unknown']],
    ['10.0.0.0/8', ['10.0.0.0', '10.255.255.255', '::ffff:10.9.9.9'], ['9.255.255.255', '11.0.0.0', '::a00:1']],
    ['10.1.2.3/8', ['10.9.9.9'], ['11.1.2.3']],
    ['10.1.2.3/32', ['10.1.2.3'], ['10.1.2.2', '10.1.2.4']],
    ['0.0.0.0/0', ['0.0.0.0', '255.255.255.255', '::ffff:1.2.3.4'], ['2001:db8::1', 'unknown']],
    ['2001:db8::1', ['2001:db8::1', '2001:0DB8:0:0::1'], ['2001:db8::2', '127.0.0.1']],
    ['2001:db8::/32', ['2001:db8:ffff::1'], ['2001:db9::1', '2001:db7:ffff::1', '10.0.0.1']],
    ['::ffff:10.1.2.3', ['10.1.2.3', '::ffff:10.1.2.3'], ['10.1.2.4', '::10.1.2.3']],
    ['::ffff:10.0.0.0/104', ['10.9.9.9', '::ffff:10.9.9.9'], ['11.0.0.1']],
    ['loopback', ['127.0.0.1', '127.255.0.1', '::1', '::ffff:127.0.0.1'], ['128.0.0.1', '::2', '10.0.0.1']],
    ['linklocal', ['169.254.1.1', 'fe80::1', 'febf::1', 'fe80::1%eth0'], ['169.253.1.1', 'fec0::1']],
    [
      'uniquelocal',
      ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fc00::1', 'fdff::1'],
      ['172.15.0.1', '172.32.0.1', '192.169.0.1', 'fe00::1', '127.0.0.1'],
    ],
    ['loopback, 10.0.0.0/8 ,fc00::/7', ['127.0.0.1', '10.1.1.1', 'fd00::1'], ['192.168.0.1']],
    [['loopback', ' 10.0.0.0/8'], ['127.0.0.1', '10.1.1.1'], ['192.168.0.1']],
  ])('are set by %j', (setting, trusted, others) => {
    const trusts = compileTrust('here', setting);
    for (const hop of [0, 7]) {
      expect(trusted.map((address) => trusts(address, hop))).toEqual(trusted.map(() => true));
      expect(others.map((address) => trusts(address, hop))).toEqual(others.map(() => false));
    }
  });

  it.each([0, 1, 2, 5])('may be a number of hops: %i', (count) => {
    const trusts = compileTrust('here', count);
    const hops = Array.from({ length: 7 }, (_, hop) => trusts('203.0.113.1', hop));
    expect(hops).toEqual(hops.map((_, hop) => hop < count));
  });

  it('may be a function', () => {
    const trusts = (address: string, hop: number) => address === 'a' && hop === 1;
    expect(compileTrust('here', trusts)).toBe(trusts);
  });

  it('may be a network, in IPv4 or IPv6 form', () => {
    const word = fc.integer({ min: 0, max: 0xffff_ffff });
    const dotted = (bits: number) => [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.');
    const near = fc
      .tuple(word, fc.integer({ min: 0, max: 32 }), fc.integer({ min: 0, max: 31 }))
      .map(([network, prefix, bit]) => ({ network, prefix, address: (network ^ (1 << bit)) >>> 0 }));
    fc.assert(
      fc.property(near, ({ network, prefix, address }) => {
        const trusts = compileTrust('here', `${dotted(network)}/${prefix}`);
        const isIn = prefix === 0 || network >>> (32 - prefix) === address >>> (32 - prefix);
        expect([trusts(dotted(address), 0), trusts(`::ffff:${dotted(address)}`, 0)]).toEqual([isIn, isIn]);
      }),
    );
  });

  it.each<readonly [setting: unknown, found: string]>([
    [-1, '-1 (number)'],
    [1.5, '1.5 (number)'],
    [Number.NaN, 'NaN (number)'],
    [Number.POSITIVE_INFINITY, 'Infinity (number)'],
    [2 ** 53, '9007199254740992 (number)'],
    [7n, '7n (bigint)'],
    [null, 'null'],
    [{}, 'an object with no members'],
    [{ 0: '10.0.0.1', length: 1 }, 'an object with 0, length'],
    [[], 'an empty list'],
    [['10.0.0.1', 7], '7 (number)'],
    [[['10.0.0.1']], '["10.0.0.1"]'],
    [[true], 'true'],
    ['', '""'],
    [' ', '" "'],
    ['loopback,', '""'],
    ['loopback, nobody', '" nobody"'],
    ['Loopback', '"Loopback"'],
    ['constructor', '"constructor"'],
    ['__proto__', '"__proto__"'],
    [['toString'], '"toString"'],
    ['10.0.0', '"10.0.0"'],
    ['10.0.0.256', '"10.0.0.256"'],
    ['10.0.0.1:80', '"10.0.0.1:80"'],
    ['10.0.0.0/33', '"10.0.0.0/33"'],
    ['10.0.0.0/', '"10.0.0.0/"'],
    ['10.0.0.0/-1', '"10.0.0.0/-1"'],
    ['10.0.0.0/8.0', '"10.0.0.0/8.0"'],
    ['10.0.0.0/8/8', '"10.0.0.0/8/8"'],
    ['10.0.0.0/255.0.0.0', '"10.0.0.0/255.0.0.0"'],
    ['/8', '"/8"'],
    ['2001:db8::/129', '"2001:db8::/129"'],
    ['[::1]', '"[::1]"'],
    ['true', '"true"'],
    ['1', '"1"'],
  ])('cannot be %p', (setting, found) => {
    const compile = () => compileTrust('ThrottleModule.sockets.trustProxy', setting as TrustProxy); // settings from elsewhere
    expect(compile).toThrow(
      new ThrottleConfigError(
        'SLUICE_INVALID_OPTION',
        'ThrottleModule.sockets.trustProxy: expected true, false, a number of hops, addresses or networks such as ' +
          `"10.0.0.0/8" or "loopback", or a function of address and hop, got ${found}`,
      ),
    );
    expect(compile).toThrow(ThrottleConfigError);
  });
});

describe('an X-Forwarded-For of a megabyte', () => {
  const MEGABYTE = 2 ** 20;
  const repeated = (text: string) => text.repeat(Math.ceil(MEGABYTE / text.length)).slice(-MEGABYTE);

  it.each([
    ['addresses of proxies', repeated('127.0.0.1,'), 8192 / '127.0.0.1,'.length],
    ['the shortest entries', repeated('1,'), 8192 / '1,'.length],
    ['nothing but commas', repeated(','), 0],
    ['one entry that does not end', repeated('a'), 0],
  ])('is read from its end, up to 8 KB: %s', (_what, header, most) => {
    let asked = 0;
    const everybody = (): boolean => {
      asked += 1;
      return true;
    };
    const proxied = proxiedRequest(request('127.0.0.1', header), everybody);
    expect(typeof proxied.ip).toBe('string');
    // The address of the socket is the first.
    expect(asked).toBeGreaterThanOrEqual(Math.floor(most));
    expect(asked).toBeLessThanOrEqual(Math.ceil(most) + 1);
  });

  it('has the client before the proxies, even if the client has forged entries', () => {
    const header = `${repeated('198.51.100.7,')}203.0.113.1, 10.1.2.3`;
    const proxied = proxiedRequest(request('127.0.0.1', header), compileTrust('here', 'loopback, uniquelocal'));
    expect(proxied.ip).toBe('203.0.113.1');
    expect(proxied.ips).toEqual(['127.0.0.1', '10.1.2.3', '203.0.113.1']);
  });

  it('never uses a truncated address', () => {
    const addresses = ['203.0.113.1', '203.0.113.22', '203.0.113.133'];
    const header = Array.from({ length: 1000 }, (_, i) => addresses[i % 3]).join(', ');
    for (let cut = 0; cut < 20; cut++) {
      const { ips } = proxiedRequest(request('127.0.0.1', header.slice(cut)), () => true);
      expect(Array.isArray(ips) && ips.slice(1).every((ip) => addresses.includes(ip))).toBe(true);
    }
  });
});

describe('the address of a proxied request', () => {
  it.each<readonly [of: string, setting: TrustProxy, forwarded: string | readonly string[] | undefined, ips: string[]]>(
    [
      ['nobody who forwards', 'loopback', undefined, ['127.0.0.1']],
      ['who forwards, where it is not believed', false, '203.0.113.1', ['127.0.0.1']],
      ['who is forwarded', 'loopback', '203.0.113.1', ['127.0.0.1', '203.0.113.1']],
      ['the last entry', 'loopback', '198.51.100.1,203.0.113.1', ['127.0.0.1', '203.0.113.1']],
      ['the last entry, by hops', 1, '198.51.100.1, 203.0.113.1', ['127.0.0.1', '203.0.113.1']],
      [
        'the first that is no proxy',
        'loopback,uniquelocal',
        '198.51.100.1, 203.0.113.1, 10.0.0.1, 192.168.0.1',
        ['127.0.0.1', '192.168.0.1', '10.0.0.1', '203.0.113.1'],
      ],
      ['a proxy, where all are', 'loopback,uniquelocal', '10.0.0.2, 10.0.0.1', ['127.0.0.1', '10.0.0.1', '10.0.0.2']],
      ['the farthest, where all are believed', true, 'a, b, c', ['127.0.0.1', 'c', 'b', 'a']],
      ['what is no address', 'loopback', '10.0.0.1, unknown', ['127.0.0.1', 'unknown']],
      [
        'one that makes up proxies',
        2,
        '10.0.0.1, 10.0.0.1, 203.0.113.1, 10.0.0.1',
        ['127.0.0.1', '10.0.0.1', '203.0.113.1'],
      ],
      ['entries with spaces', 3, '  a  ,b ,  c', ['127.0.0.1', 'c', 'b', 'a']],
      ['several headers', 2, ['a, b', 'c'], ['127.0.0.1', 'c', 'b']],
      ['an empty header', 'loopback', '', ['127.0.0.1']],
      ['an empty entry', 2, 'a, ,b, ,', ['127.0.0.1', 'b', 'a']],
    ],
  )('is that of %s', (_of, setting, forwarded, ips) => {
    const proxied = proxiedRequest(request('127.0.0.1', forwarded), compileTrust('here', setting));
    expect([proxied.ip, proxied.ips]).toEqual([ips.at(-1), ips]);
  });

  it('is empty if the socket has none, even with a forwarding header', () => {
    const trusts = compileTrust('here', 'loopback');
    for (const socket of [undefined, null, {}, { remoteAddress: 7 }, 'socket']) {
      expect(remoteAddress(socket)).toBe('');
      expect(proxiedRequest({ headers: { 'x-forwarded-for': '203.0.113.1' }, socket }, trusts).ip).toBe('');
    }
  });

  it('is the one that Express and Fastify find with the same setting', () => {
    const address = fc.constantFrom(
      '127.0.0.1',
      '::1',
      '10.0.0.1',
      '::ffff:10.0.0.2',
      'fd00::1',
      '203.0.113.1',
      '2001:db8::1',
      'x',
    );
    const entries = fc.array(fc.tuple(address, fc.constantFrom('', ' ', '  ')), { minLength: 1, maxLength: 6 });
    const settings = ['loopback', 'loopback,uniquelocal', '10.0.0.0/8,127.0.0.1', '203.0.113.0/24,::1,fc00::/7'];
    const apps = settings.map((setting) => {
      const express = new ExpressAdapter().getInstance();
      express.set('trust proxy', setting);
      return { setting, express, fastify: new FastifyAdapter({ trustProxy: setting }).getInstance() };
    });
    fc.assert(
      fc.property(address, entries, fc.constantFrom(...apps), (remote, list, { setting, express, fastify }) => {
        const upgrade = request(remote, list.map(([text, space]) => `${space}${text}${space}`).join(','));
        const ours = proxiedRequest(upgrade, compileTrust('here', setting));
        expect(asFrameworkRequest(upgrade, express).ip).toBe(ours.ip);
        const { ip, ips } = asFrameworkRequest(upgrade, fastify);
        expect([ip, ips]).toEqual([ours.ip, ours.ips]);
      }),
      { numRuns: 1000 },
    );
  });
});
