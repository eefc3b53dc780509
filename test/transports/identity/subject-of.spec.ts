import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject } from '@nestjs/common';
import type { Redis } from 'ioredis';
import {
  type Backend,
  by,
  type Call,
  MemoryBackend,
  RedisBackend,
  subjectOf,
  Throttle,
  type ThrottleEvent,
  type ThrottleModuleOptions,
  ThrottleService,
} from '../../../src/index.js';
import { type AdapterName, adapters, startApp } from '../../support/http-app.js';
import { PATIENT_MS } from '../../support/redis/faults.js';
import { connect, RedisServer } from '../../support/redis/redis.js';
import { freshPrefix } from '../../support/redis/redis-shared.js';

const strategy = 'fixed-window';

@Controller()
class LoginController {
  constructor(@Inject(ThrottleService) readonly throttle: ThrottleService) {}

  @Throttle('login') @Get('login') login() {}

  @Throttle('key') @Get('key') key() {}

  @Throttle('tenant') @Get('tenant') tenant() {}
}

const policies = {
  login: { rate: '1/min', strategy, by: by.ip() },
  key: { rate: '1/min', strategy, by: by.header('X-Api-Key') },
  tenant: { rate: '1/min', strategy, by: by.header('X-Tenant', { clear: true }) },
};

/** An application behind a proxy, so that requests choose their address. */
function start(adapter: AdapterName, options: ThrottleModuleOptions = {}) {
  return startApp({
    adapter,
    controllers: [LoginController],
    options: { policies, ...options },
    fastify: { trustProxy: true },
    prepare: (app) => adapter === 'express' && app.getHttpAdapter().getInstance().set('trust proxy', true),
  });
}

const from = (address: string) => ({ headers: { 'x-forwarded-for': address } });

/** Forms of two addresses of one /64 and one /56, and of an IPv4 address. */
const forms = [
  '2001:db8:0:1::7',
  '2001:0DB8:0000:0001:0000:0000:0000:0007',
  '2001:db8:0:1:2:3:4:5',
  'fe80::1%eth0',
  '::1',
  '192.0.2.1',
  '::ffff:192.0.2.1',
  '::ffff:c000:201',
  '64:ff9b::192.0.2.1',
  '[2001:db8:0:1::7]:4711',
];

describe.each(adapters)('subjectOf.ip on %s', (adapter) => {
  it.each([undefined, 48, 56, 64, 127, 128])(
    'resets what by.ip() charged, for every form of the address (prefix %s)',
    async (ipv6Prefix) => {
      await using app = await start(adapter, ipv6Prefix === undefined ? {} : { ipv6Prefix });
      const throttle = app.app.get(ThrottleService);
      for (const form of forms) {
        for (const { ip } of [subjectOf, throttle.subjectOf]) {
          expect((await app.send('/login', from(form))).status).toBe(200);
          expect((await app.send('/login', from(form))).status).toBe(429);
          await throttle.reset('login', { subject: ip(form) });
        }
      }
    },
  );

  it('accepts the address of the framework and of the call', async () => {
    const seen: string[] = [];
    const login = {
      ...policies.login,
      skip: ({ request, address }: Call) => {
        seen.push(subjectOf.ip(String(request?.ip)), subjectOf.ip(String(address)));
        return false;
      },
    };
    await using app = await start(adapter, { policies: { ...policies, login } });
    await app.send('/login', from('2001:db8::1:0:0:1'));
    expect(seen).toEqual(['ip:2001:db8::/64', 'ip:2001:db8::/64']);
  });
});

describe('subjectOf.ip', () => {
  it.each([
    ['192.0.2.1', 'ip:192.0.2.1'],
    ['2001:db8:1:2:3::4', 'ip:2001:db8:1:2::/64'],
    ['2001:db8:1:2::/64', 'ip:2001:db8:1:2::/64'],
    ['unknown', 'ip:unknown'],
    [undefined, 'ip:unknown'],
    ['', 'ip:unknown'],
  ])('returns %s', (address, subject) => {
    expect(subjectOf.ip(address)).toBe(subject);
  });

  it('has the prefix of the running application, and throws if there are two prefixes', async () => {
    const address = '2001:db8:1:2ff::1';
    {
      await using wide = await start('express', { ipv6Prefix: 56 });
      expect(subjectOf.ip(address)).toBe('ip:2001:db8:1:200::/56');
      await using same = await start('express', { ipv6Prefix: 56 });
      expect(subjectOf.ip(address)).toBe('ip:2001:db8:1:200::/56');
      await using narrow = await start('fastify', { ipv6Prefix: 128 });
      expect(() => subjectOf.ip(address)).toThrow(
        'subjectOf.ip(): the applications of this process have an ipv6Prefix of 56 and of 128. ' +
          'Write throttle.subjectOf.ip(address), with the ThrottleService of the application that is meant.',
      );
      expect(subjectOf.ip('192.0.2.1')).toBe('ip:192.0.2.1');
      const told = [wide, same, narrow].map(({ app }) => app.get(ThrottleService).subjectOf.ip(address));
      expect(told).toEqual(['ip:2001:db8:1:200::/56', 'ip:2001:db8:1:200::/56', 'ip:2001:db8:1:2ff::1/128']);
    }
    expect(subjectOf.ip(address)).toBe('ip:2001:db8:1:2ff::/64');
  });
});

const untyped = (value: unknown) => value as never;

describe('subjectOf', () => {
  it.each<[string, () => string, string]>([
    ['ip of null', () => subjectOf.ip(untyped(null)), 'subjectOf.ip(): expected an address, a string, got null'],
    ['ip of a number', () => subjectOf.ip(untyped(1)), 'subjectOf.ip(): expected an address, a string, got 1 (number)'],
    [
      'user of undefined',
      () => subjectOf.user(untyped(undefined)),
      'subjectOf.user(): expected the id of a user, a string that is not empty or a whole number, got undefined',
    ],
    [
      'user of an object',
      () => subjectOf.user(untyped({ id: 1 })),
      'subjectOf.user(): expected the id of a user, a string that is not empty or a whole number, got an object with id',
    ],
    [
      'user of a fraction',
      () => subjectOf.user(1.5),
      'subjectOf.user(): expected the id of a user, a string that is not empty or a whole number, got 1.5 (number)',
    ],
    [
      'header without a value',
      () => subjectOf.header('x-api-key', untyped(undefined)),
      'subjectOf.header("x-api-key"): expected the value of the header, a string that is not empty, got undefined',
    ],
    [
      'header without a name',
      () => subjectOf.header('', 'a'),
      'subjectOf.header(): expected the name of a header, got ""',
    ],
  ])('throws for a value that by would not charge: %s', (_, write, message) => {
    expect(write).toThrow(new TypeError(message));
  });

  it('returns users like by.user(): strings, whole numbers, ids of a database', () => {
    const objectId = { toString: () => '65f0' };
    expect([subjectOf.user('ada'), subjectOf.user(42), subjectOf.user(42n), subjectOf.user(untyped(objectId))]).toEqual(
      ['user:ada', 'user:42', 'user:42', 'user:65f0'],
    );
  });

  it('returns 128 bits of the SHA-256 of a header, or its value with clear: true', () => {
    const hash = createHash('sha256').update('secret', 'utf8').digest('hex').slice(0, 32);
    expect(subjectOf.header('X-Api-Key', 'secret')).toBe(`header:x-api-key:#${hash}`);
    expect(subjectOf.header('X-Api-Key', ['a', 'b'])).toBe(subjectOf.header('x-api-key', 'a,b'));
    expect(subjectOf.header('X-Tenant', 'acme', { clear: true })).toBe('header:x-tenant:acme');
  });
});

describe('a secret in a header', () => {
  let server: RedisServer;
  let client: Redis;

  beforeAll(async () => {
    server = await RedisServer.start();
    client = await connect(server);
  });

  afterAll(async () => {
    client.disconnect();
    await server[Symbol.asyncDispose]();
  });

  const SECRET = 'sk-live-5ecret';
  const backends: Record<string, () => Backend> = {
    memory: () => new MemoryBackend(),
    redis: () => new RedisBackend(client, { prefix: freshPrefix(), timeoutMs: PATIENT_MS }),
  };

  it.each(adapters.flatMap((adapter) => Object.keys(backends).map((kind) => [adapter, kind] as const)))(
    'does not appear in events and keys, and subjectOf resets it (%s, %s)',
    async (adapter, kind) => {
      const backend = backends[kind]?.();
      await using app = await start(adapter, backend === undefined ? {} : { backend });
      const throttle = app.app.get(ThrottleService);
      const events: ThrottleEvent[] = [];
      throttle.events$.subscribe((event) => events.push(event));
      const headers = { 'x-api-key': SECRET };
      expect(await app.statuses('/key', 2, { headers })).toEqual([200, 429]);
      const subject = subjectOf.header('X-API-KEY', SECRET);
      expect(events).toMatchObject([{ type: 'denied', charges: [{ subject }] }]);
      expect(JSON.stringify(events)).not.toContain(SECRET);
      if (kind === 'redis') expect((await client.keys('*')).join()).not.toContain(SECRET);
      await throttle.reset('key', { subject });
      expect(await app.statuses('/key', 1, { headers })).toEqual([200]);
    },
  );

  it.each(adapters)('appears in clear with clear: true, in by and subjectOf (%s)', async (adapter) => {
    await using app = await start(adapter);
    const throttle = app.app.get(ThrottleService);
    const headers = { 'x-tenant': 'acme' };
    expect(await app.statuses('/tenant', 2, { headers })).toEqual([200, 429]);
    await throttle.reset('tenant', { subject: throttle.subjectOf.header('x-tenant', 'acme', { clear: true }) });
    expect(await app.statuses('/tenant', 1, { headers })).toEqual([200]);
  });
});
