import { describe, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { defineStrategy, RedisBackend, ThrottleModule, ThrottleService } from '../../src/index.js';
import { createBackend } from '../../src/module/throttle-backend.js';
import { assertModuleOptions } from '../../src/module/validate-options.js';
import { startupError } from '../support/application.js';

const known =
  'backend, strategies, policies, default, plans, requests, runtimePolicies, mode, skip, onError, headers, errors, message, onDenied, functionTimeoutMs, retryJitter, ipv6Prefix, sockets';
const knownOptions = `Known: ${known}, guard, isGlobal.`;
const aMadeBackend = 'expected a backend, with spend, peek, settle and reset, such as new MemoryBackend()';
const aBackend =
  'expected a backend, with spend, peek, settle and reset, such as new MemoryBackend(), or a function that returns one';
const aText = 'expected a string, or a function that returns a string or an object';
const limits = 'expected a rate such as "1000/min", options with a rate, or a list of these';
const byName = 'expected an object of policies by name, such as { login: "5/min" }';
const aName =
  'expected a name of 1 to 64 letters, digits, "_", "." or "-" that begins with a letter and is not "unlimited"';
const reserved = (name: string) =>
  `"${name}" is reserved for unnamed limits. Choose another name. For a limit of all handlers, use the module option "default".`;
const later = 'Use forRootAsync({ useFactory: async () => ({ ... }) }) for options that are loaded asynchronously.';
const bits = 'expected a whole number of bits from 1 to 128';
const styles =
  'expected "standard", "legacy", "both", false, or a list of one of "draft-11", "draft-7" and "draft-6", and "legacy"';

const coin = { name: 'coin', step: () => ({ state: [], decision: {} }), amend: () => [] };
const strategyName = 'expected lower-case letters, digits and "-", at most 32, such as "coin-flip"';

/** Values that untyped code may pass. */
const untyped = (value: unknown) => value as never;

describe('forRoot stops startup', () => {
  it.each<readonly [options: unknown, message: string]>([
    [
      undefined,
      'ThrottleModule.forRoot: expected options such as { default: "1000/min" }, got undefined. ' +
        'Is an environment variable or a configuration value missing? Call forRoot() for no options.',
    ],
    [null, 'ThrottleModule.forRoot: expected options such as { default: "1000/min" }, got null'],
    ['5/min', 'ThrottleModule.forRoot: expected options such as { default: "1000/min" }, got "5/min"'],
    [['5/min'], 'ThrottleModule.forRoot: expected options such as { default: "1000/min" }, got ["5/min"]'],

    [
      async () => ({ default: '5/min' }),
      `ThrottleModule.forRoot: expected options such as { default: "1000/min" }, got a function. ${later}`,
    ],
    [
      Promise.resolve({ default: '5/min' }),
      `ThrottleModule.forRoot: expected options such as { default: "1000/min" }, got an instance of Promise. ${later}`,
    ],

    [
      { policies: { runtime: true } },
      'policies.runtime: expected a policy, got true. To follow changes at run time, set `runtimePolicies: true` beside `policies`.',
    ],
    [{ runtimePolicies: 'yes' }, 'ThrottleModule.runtimePolicies: expected true or false, got "yes"'],
    [
      { mode: 'dry-run' },
      'ThrottleModule.mode: expected "on", "off", "monitor", or a function of the call that returns one of them, got "dry-run"',
    ],
    [
      { mode: 'monitor', default: { rate: '5/min', strategy: 'fixed-window', lease: { batch: 2 } } },
      'default.lease: a lease needs the mode "on", but the mode here is "monitor". Leave the lease out, or set the mode "on".',
    ],
    [{ backend: {} }, `ThrottleModule.backend: ${aBackend}, got an object with no members`],
    [{ backend: new Map() }, `ThrottleModule.backend: ${aBackend}, got an instance of Map`],
    [
      { backend: 'redis://localhost' },
      `ThrottleModule.backend: ${aMadeBackend}, got the address of a server. Write new RedisBackend(client) with a client of ioredis or node-redis.`,
    ],
    [
      { backend: RedisBackend },
      `ThrottleModule.backend: ${aMadeBackend}, got the class RedisBackend. Write new RedisBackend(client).`,
    ],
    [
      { backend: async () => ({}) },
      'ThrottleModule.backend: the function: expected a backend, with spend, peek, settle and reset, such as new MemoryBackend(), got an object with no members',
    ],
    [
      { backend: { defineCommand() {}, duplicate() {}, sendCommand() {}, connect() {} } },
      `ThrottleModule.backend: ${aMadeBackend}, got a client of ioredis. Write new RedisBackend(client).`,
    ],
    [
      { backend: () => ({ sendCommand() {}, connect() {} }) },
      `ThrottleModule.backend: the function: ${aMadeBackend}, got a client of node-redis. Write new RedisBackend(client).`,
    ],
    [
      { backend: 'rediss://user:secret@redis' },
      `ThrottleModule.backend: ${aMadeBackend}, got the address of a server. Write new RedisBackend(client) with a client of ioredis or node-redis.`,
    ],
    [{ backend: null }, `ThrottleModule.backend: ${aBackend}, got null`],
    [
      { backend: { spend() {}, peek() {}, settle() {} } },
      `ThrottleModule.backend: ${aBackend}, got an object with spend, peek, settle`,
    ],

    [
      { strategies: coin },
      'ThrottleModule.strategies: expected a list of strategies, as defineStrategy() makes them, got an object with name, step, amend',
    ],
    [
      { strategies: ['gcra'] },
      'ThrottleModule.strategies[0]: expected an object with name, step and amend, got "gcra"',
    ],
    [
      { strategies: [coin, null] },
      'ThrottleModule.strategies[1]: expected an object with name, step and amend, got null',
    ],
    [{ strategies: [{}] }, `ThrottleModule.strategies[0]: name: ${strategyName}, got undefined`],
    [{ strategies: [{ ...coin, name: 'Coin' }] }, `ThrottleModule.strategies[0]: name: ${strategyName}, got "Coin"`],
    [{ strategies: [{ name: 'coin' }] }, 'ThrottleModule.strategies[0]: coin.step: expected a function, got undefined'],
    [
      { strategies: [{ ...coin, amend: 5 }] },
      'ThrottleModule.strategies[0]: coin.amend: expected a function, got 5 (number)',
    ],
    [
      { strategies: [{ ...coin, validate: true }] },
      'ThrottleModule.strategies[0]: coin.validate: expected a function, got true',
    ],
    [
      { strategies: [{ ...coin, lua: () => '' }] },
      'ThrottleModule.strategies[0]: coin.lua: expected Lua source as a string, got the function lua',
    ],
    [
      { strategies: [{ ...coin, name: 'gcra' }] },
      'ThrottleModule.strategies: two strategies are named "gcra". Rename yours.',
    ],
    [{ strategies: [coin, { ...coin }] }, 'ThrottleModule.strategies: two strategies are named "coin". Rename yours.'],

    [{ policies: '5/min' }, `ThrottleModule.policies: ${byName}, got "5/min"`],
    [{ policies: null }, `ThrottleModule.policies: ${byName}, got null`],
    [{ policies: new Map([['login', '5/min']]) }, `ThrottleModule.policies: ${byName}, got an instance of Map`],
    [{ policies: Promise.resolve({}) }, `ThrottleModule.policies: ${byName}, got an instance of Promise`],
    [{ policies: ['5/min'] }, `ThrottleModule.policies: ${byName}, got ["5/min"]`],
    [{ policies: { 'a b': '5/min' } }, `policies.a b: ${aName}, got "a b"`],
    [{ policies: { '5min': '5/min' } }, `policies.5min: ${aName}, got "5min"`],
    [{ policies: { '': '5/min' } }, `policies.: ${aName}, got ""`],
    [{ policies: { unlimited: '5/min' } }, `policies.unlimited: ${aName}, got "unlimited"`],
    [{ policies: { ['a'.repeat(65)]: '5/min' } }, `policies.${'a'.repeat(65)}: ${aName}, got "${'a'.repeat(65)}"`],
    [{ policies: { default: '5/min' } }, `policies.default: ${reserved('default')}`],
    [{ policies: { 'default-1s': '5/min' } }, `policies.default-1s: ${reserved('default-1s')}`],
    [
      { policies: { search: { rate: '5/min', name: 'other' } } },
      'policies.search.name: the policy is already named "search". Leave the name out.',
    ],
    [
      { policies: { search: '5/s; 9/min', 'search-1s': '5/s' } },
      'policies.search-1s: the name "search-1s" is already used by a rate of policies.search. Rename one of the two limits.',
    ],

    [{ default: 5 }, `ThrottleModule.default: ${limits}, got 5 (number)`],
    [{ default: null }, `ThrottleModule.default: ${limits}, got null`],
    [{ default: [] }, `ThrottleModule.default: ${limits}, got an empty list`],
    [
      { default: ['5/min', 5] },
      'default[1]: expected a rate such as "5/min", or an object with a rate, got 5 (number)',
    ],
    [
      { default: ['5/min', '9 per minute'] },
      'default[1]: two unnamed limits have the same period here, so both would be named "default-1m". Name one of them: { name: "..." }.',
    ],
    [
      { default: ['5/min', { rate: () => '5/s' }] },
      'default[1]: a rate that is a function needs a name if there is another limit. Add { name: "..." }.',
    ],
    [
      {
        default: [
          { rate: '5/min', name: 'site' },
          { rate: '9/hour', name: 'site' },
        ],
      },
      'default[0]: two policies are named "site" here. Rename one of them.',
    ],
    [
      { default: { rate: '5/min', name: 'search' }, policies: { search: '9/s' } },
      'default: two policies are named "search". Rename one of them.',
    ],

    [{ skip: true }, 'ThrottleModule.skip: expected a function of the call, got true'],
    [{ headers: true }, `ThrottleModule.headers: ${styles}, got true`],
    [{ headers: 'none' }, `ThrottleModule.headers: ${styles}, got "none"`],
    [{ headers: [] }, `ThrottleModule.headers: ${styles}, got an empty list`],
    [{ headers: ['draft-8'] }, `ThrottleModule.headers: ${styles}, got ["draft-8"]`],
    [
      { headers: ['draft-7', 'legacy', 'draft-11'] },
      'ThrottleModule.headers: "draft-7" and "draft-11" write the same headers. Leave one of them out; only "legacy" can be combined with another.',
    ],
    [
      { headers: ['draft-6', 'draft-7'] },
      'ThrottleModule.headers: "draft-6" and "draft-7" write the same headers. Leave one of them out; only "legacy" can be combined with another.',
    ],
    [
      { headers: ['legacy', 'legacy'] },
      'ThrottleModule.headers: "legacy" and "legacy" write the same headers. Leave one of them out; only "legacy" can be combined with another.',
    ],
    [{ errors: 'rfc9457' }, 'ThrottleModule.errors: expected "nest" or "problem", got "rfc9457"'],
    [{ message: '' }, `ThrottleModule.message: ${aText}, got ""`],
    [{ message: { code: 'X' } }, `ThrottleModule.message: ${aText}, got an object with code`],
    [{ onDenied: 'log' }, 'ThrottleModule.onDenied: expected a function of the call and its outcome, got "log"'],
    [{ ipv6Prefix: 0 }, `ThrottleModule.ipv6Prefix: ${bits}, got 0 (number)`],
    [{ ipv6Prefix: 129 }, `ThrottleModule.ipv6Prefix: ${bits}, got 129 (number)`],
    [{ ipv6Prefix: 63.5 }, `ThrottleModule.ipv6Prefix: ${bits}, got 63.5 (number)`],
    [{ ipv6Prefix: '64' }, `ThrottleModule.ipv6Prefix: ${bits}, got "64"`],
    [{ guard: 'no' }, 'ThrottleModule.guard: expected true or false, got "no"'],
    [{ guard: null }, 'ThrottleModule.guard: expected true or false, got null'],
    [{ isGlobal: 0 }, 'ThrottleModule.isGlobal: expected true or false, got 0 (number)'],

    [{ polices: {} }, `ThrottleModule: there is no option "polices". Did you mean "policies"? ${knownOptions}`],
    [{ gaurd: false }, `ThrottleModule: there is no option "gaurd". Did you mean "guard"? ${knownOptions}`],
    [
      { rate: '5/min' },
      'ThrottleModule: there is no option "rate" here. It belongs in a limit: { default: { rate: "1000/min" } } for all handlers, or in one of `policies`.',
    ],
    [
      { default: '5/min', burst: 3 },
      'ThrottleModule: there is no option "burst" here. It belongs in a limit: { default: { rate: "1000/min", burst } } for all handlers, or in one of `policies`.',
    ],
    [
      { closeAfter: 3 },
      'ThrottleModule: there is no option "closeAfter" here. It belongs in `sockets`: { sockets: { closeAfter } }.',
    ],
    [
      { tiers: {} },
      'ThrottleModule: there is no option "tiers" here. It belongs in `plans`: { plans: { of, default, tiers } }.',
    ],
    [
      { timeoutMs: 50 },
      'ThrottleModule: there is no option "timeoutMs" here. It belongs in the options of the backend: { backend: new RedisBackend(client, { timeoutMs }) }.',
    ],
    [
      { maxKeys: 50 },
      'ThrottleModule: there is no option "maxKeys" here. It belongs in the options of the backend: { backend: new MemoryBackend({ maxKeys }) }.',
    ],
    [
      { inject: [] },
      'ThrottleModule: there is no option "inject" here. It belongs in forRootAsync({ imports, inject, useFactory }).',
    ],
    [
      { onError: { local: { share: 1.5 } } },
      'ThrottleModule.onError: expected "local", "allow" or "deny", or { local: { share } } with a share above 0 and at most 1, got 1.5 (number)',
    ],
    [
      { onError: { local: {} } },
      'ThrottleModule.onError: expected "local", "allow" or "deny", or { local: { share } } with a share above 0 and at most 1, got an object with local',
    ],
    [
      { onError: 'open' },
      'ThrottleModule.onError: expected "local", "allow" or "deny", or { local: { share } } with a share above 0 and at most 1, got "open"',
    ],
  ])('with %j', async (options, message) => {
    expect(await startupError(() => ({ imports: [ThrottleModule.forRoot(untyped(options))] }))).toBe(message);
  });

  class WithTwo {
    constructor(
      readonly url: string,
      readonly prefix: string,
    ) {}
  }

  it.each([[{}], ['redis://localhost'], [RedisBackend], [WithTwo], [async () => ({})]])(
    'with the code and the fix of a backend for %p',
    async (backend) => {
      const options = { backend: untyped(backend) };
      const start = async () => {
        assertModuleOptions(options);
        await createBackend(options);
      };
      await expect(start()).rejects.toMatchObject({
        code: 'SLUICE_INVALID_BACKEND',
        problem: expect.stringContaining(', such as new MemoryBackend()'),
      });
      await expect(start()).rejects.not.toThrow('(call) => ...');
    },
  );

  it('if one module imports it twice, with its name', async () => {
    expect(await startupError(() => ({ options: {}, imports: [ThrottleModule.forRoot({ default: '5/min' })] }))).toBe(
      'ThrottleModule.forRoot: imported twice, by AppModule, which would charge each call twice. Import it once; use forFeature for the policies of other modules.',
    );
  });

  it('if two modules import it, with the names of both', async () => {
    @Module({ imports: [ThrottleModule.forRoot({ default: '10/min' })] })
    class SearchModule {}

    @Module({ imports: [ThrottleModule.forRoot({ default: '100/min' }), SearchModule] })
    class AppModule {}

    const start = NestFactory.create(AppModule, { logger: false, abortOnError: false });
    await expect(start.then((app) => app.init())).rejects.toMatchObject({
      code: 'SLUICE_DUPLICATE_MODULE',
      problem:
        'ThrottleModule.forRoot: imported twice, by AppModule and SearchModule, which would charge each call twice. Import it once; use forFeature for the policies of other modules.',
    });
  });

  it('if a dynamic module imports it again, without names, because it has no decorator that tells', async () => {
    class SearchModule {}
    const search = { module: SearchModule, imports: [ThrottleModule.forRoot({ default: '10/min' })] };
    expect(await startupError(() => ({ options: {}, imports: [search] }))).toBe(
      'ThrottleModule.forRoot: imported twice, which would charge each call twice. Import it once; use forFeature for the policies of other modules.',
    );
  });

  it('if the class is imported without it', async () => {
    expect(await startupError(() => ({ imports: [ThrottleModule] }))).toBe(
      'ThrottleModule: there are no options. Import ThrottleModule.forRoot(), not ThrottleModule alone. With forRootAsync, return an object from the factory.',
    );
  });
});

describe('the service as a provider of the application', () => {
  const message =
    'ThrottleService: only ThrottleModule.forRoot() provides it. Remove it from the `providers` of your modules; without isGlobal: false, all modules can inject it.';

  it.each([
    ['without the module', {}],
    ['next to the module', { options: {} }],
  ])('stops startup %s', async (_, parts) => {
    expect(await startupError(() => ({ ...parts, providers: [ThrottleService] }))).toBe(message);
  });
});

describe('forRoot starts', () => {
  it('with the getters of a class, and the members that it inherits', async () => {
    class BaseConfig {
      readonly policies = { search: '7/min' };
    }
    class Config extends BaseConfig {
      get default() {
        return '9/min';
      }
    }

    @Module({ imports: [ThrottleModule.forRoot(new Config())] })
    class AppModule {}

    const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
    const throttle = app.get(ThrottleService);
    const limitOf = async (policy: string) => (await throttle.stat(policy, { subject: 'ada' }))?.limit;
    expect([await limitOf('search'), await limitOf('default')]).toEqual([7, 9]);
    await app.close();
  });

  it.each<readonly [options: unknown]>([
    [{}],
    [{ headers: false, errors: 'problem', ipv6Prefix: 128, guard: false, isGlobal: true }],
    [{ strategies: [defineStrategy(untyped(coin))], policies: { luck: { rate: '5/min', strategy: 'coin' } } }],
    [{ policies: { 'a.b_c-1': 'unlimited', [`a${'b'.repeat(63)}`]: '5/min', defaults: '5/min' } }],
    [{ default: [{ rate: '5/min', name: 'default' }, '9/s'] }],
  ])('with %j', async (options) => {
    expect(await startupError(() => ({ imports: [ThrottleModule.forRoot(untyped(options))] }))).toBeNull();
  });
});
