import { once } from 'node:events';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { Throttle, type ThrottleModuleOptions } from '../../../src/index.js';
import { type AdapterName, type AppOptions, adapters, startApp, type TestApp } from '../../support/http-app.js';

@Controller('limited')
class LimitedController {
  @Throttle('5/min')
  @Get()
  list(): string {
    return 'list';
  }
}

type Trust = 'nobody' | 'one hop' | 'loopback' | 'everyone';

/** An application that trusts, each adapter in its way. */
function trusting(
  adapter: AdapterName,
  trust: Trust,
  options?: ThrottleModuleOptions,
): Omit<AppOptions, 'options'> & { readonly options?: ThrottleModuleOptions } {
  const app = { adapter, controllers: [LimitedController], ...(options && { options }) };
  if (trust === 'nobody') return app;
  if (adapter === 'express') {
    const setting = { 'one hop': 1, loopback: 'loopback', everyone: true }[trust];
    return { ...app, prepare: (nest) => nest.getHttpAdapter().getInstance().set('trust proxy', setting) };
  }
  const oneHop = (_address: string, hop: number) => hop < 1;
  return { ...app, fastify: { trustProxy: { 'one hop': oneHop, loopback: 'loopback', everyone: true }[trust] } };
}

const random = () => Math.floor(Math.random() * 256);
const randomAddress = () => `${random()}.${random()}.${random()}.${random()}`;
const from = (...chain: readonly string[]) => ({ headers: { 'x-forwarded-for': chain.join(', ') } });

/** Returns how many of a number of requests pass, each with a different chain. */
async function passing(app: TestApp, count: number, chain: (i: number) => readonly string[]): Promise<number> {
  let passed = 0;
  for (let i = 0; i < count; i++) {
    const { status } = await app.send('/limited', from(...chain(i)));
    if (status === 200) passed++;
    else expect(status).toBe(429);
  }
  return passed;
}

describe.each(adapters)('clients by address on %s', (adapter) => {
  it('gain nothing from a forwarding header if no proxy is trusted', async () => {
    await using app = await startApp(trusting(adapter, 'nobody'));
    expect(await passing(app, 30, () => [randomAddress(), randomAddress()])).toBe(5);
  });

  it.each(['one hop', 'loopback'] as const)('are distinguished by the last entry if %s is trusted', async (trust) => {
    await using app = await startApp(trusting(adapter, trust));
    expect(await passing(app, 6, () => ['203.0.113.1'])).toBe(5);
    expect(await passing(app, 6, () => ['203.0.113.2'])).toBe(5);
    expect(await passing(app, 6, () => ['203.0.113.2', '203.0.113.3'])).toBe(5);
  });

  it.each(['one hop', 'loopback'] as const)('gain nothing from earlier entries if %s is trusted', async (trust) => {
    await using app = await startApp(trusting(adapter, trust));
    expect(await passing(app, 30, () => [randomAddress(), randomAddress(), '203.0.113.1'])).toBe(5);
    expect(await passing(app, 30, (i) => [`2001:db8::${i}`, '203.0.113.2'])).toBe(5);
  });

  it('have one budget for all spellings of their address', async () => {
    await using app = await startApp(trusting(adapter, 'one hop'));
    const forms = [
      '203.0.113.1',
      '::ffff:203.0.113.1',
      '::ffff:cb00:7101',
      '64:ff9b::203.0.113.1',
      '64:ff9b::cb00:7101',
    ];
    for (const form of forms) expect((await app.send('/limited', from(form))).status).toBe(200);
    for (const form of forms) expect((await app.send('/limited', from(form))).status).toBe(429);
  });

  it('of one IPv6 network share a budget', async () => {
    await using app = await startApp(trusting(adapter, 'one hop'));
    expect(await passing(app, 30, (i) => [`2001:db8:1:2:${i}:${random()}::${i}`])).toBe(5);
    expect(await passing(app, 30, (i) => [`2001:db8:1:3::${i}`])).toBe(5);
  });

  it('share a budget by the configured IPv6 prefix', async () => {
    await using app = await startApp(trusting(adapter, 'one hop', { ipv6Prefix: 56 }));
    expect(await passing(app, 30, (i) => [`2001:db8:1:2${(i + 16).toString(16)}::1`])).toBe(5);
    expect(await passing(app, 6, () => ['2001:db8:1:300::1'])).toBe(5);
    expect(await passing(app, 6, () => ['2001:db8:1:3ff::1'])).toBe(0);
    await using exact = await startApp(trusting(adapter, 'one hop', { ipv6Prefix: 128 }));
    expect(await passing(exact, 30, (i) => [`2001:db8::${i}`])).toBe(30);
  });
});

describe.each(adapters)('warnings about addresses on %s', (adapter) => {
  const ignored =
    'A forwarding header was ignored because it came from an address that is not trusted as a proxy. If that is your proxy, all clients share its address. ' +
    'Trust it: app.set("trust proxy", 1) on Express, new FastifyAdapter({ trustProxy: "10.0.0.0/8" }), by its addresses, on Fastify.';
  const everyone =
    'The trust-proxy setting trusts everyone, so clients can choose their address with X-Forwarded-For and evade limits by address. ' +
    'Set the addresses of your proxies, or on Express their number.';

  it.each<readonly [trust: Trust, headers: Record<string, string>, expected: readonly string[]]>([
    ['nobody', {}, []],
    ['nobody', { 'x-forwarded-for': '203.0.113.1' }, [ignored]],
    ['nobody', { forwarded: 'for=203.0.113.1' }, [ignored]],
    ['one hop', { 'x-forwarded-for': '203.0.113.1' }, []],
    ['one hop', { 'x-forwarded-for': '198.51.100.1, 203.0.113.1' }, []],
    ['one hop', {}, []],
    ['loopback', { 'x-forwarded-for': '203.0.113.1' }, []],
    ['everyone', {}, [everyone]],
    ['everyone', { 'x-forwarded-for': '203.0.113.1' }, [everyone]],
  ])('where it trusts %s and %j arrives, are %j', async (trust, headers, expected) => {
    const warnings: string[] = [];
    await using app = await startApp({ ...trusting(adapter, trust), warnings });
    await app.send('/limited');
    for (let i = 0; i < 3; i++) await app.send('/limited', { headers });
    expect(warnings).toEqual(expected);
  });
});

/** The statuses of requests through a Unix socket, which have no address. */
async function statusesWithoutAddress({ app, port }: TestApp, count: number): Promise<(number | undefined)[]> {
  const socketPath = join(tmpdir(), `sluice-${process.pid}-${port}.sock`);
  const server = http.createServer((request, response) => app.getHttpServer().emit('request', request, response));
  await once(server.listen(socketPath), 'listening');
  const statuses: (number | undefined)[] = [];
  for (let i = 0; i < count; i++) {
    const request = http.get({ socketPath, path: '/limited', agent: false });
    const [response]: http.IncomingMessage[] = await once(request, 'response');
    statuses.push(response?.resume().statusCode);
  }
  server.close();
  return statuses;
}

describe.each(adapters)('requests without an address on %s', (adapter) => {
  it('share one budget, with one warning', async () => {
    const warnings: string[] = [];
    await using app = await startApp({ ...trusting(adapter, 'nobody'), warnings });
    expect(await statusesWithoutAddress(app, 6)).toEqual([200, 200, 200, 200, 200, 429]);
    expect(await app.statuses('/limited', 6)).toEqual([200, 200, 200, 200, 200, 429]);
    expect(warnings).toEqual([
      'A request has no address (it may have come through a Unix socket). All such requests share one budget. ' +
        'If a proxy sends them, trust it, so that its forwarding header is used.',
    ]);
  });
});

describe('a number of proxies on fastify', () => {
  it('trusts none of them, with one warning', async () => {
    const warnings: string[] = [];
    const fastify = { trustProxy: JSON.parse('1') }; // its types rule a number out; settings from the environment do not
    await using app = await startApp({ adapter: 'fastify', controllers: [LimitedController], fastify, warnings });
    await app.send('/limited');
    expect(warnings).toEqual([]);
    expect(await passing(app, 30, () => [randomAddress(), randomAddress()])).toBe(4);
    expect(warnings).toEqual([
      expect.stringMatching(/^A forwarding header was ignored because it came from an address that is not trusted/),
    ]);
  });
});
