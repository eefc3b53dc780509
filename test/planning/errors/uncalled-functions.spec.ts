import { describe, expect, it } from '@jest/globals';
import { Controller, Get, type Type } from '@nestjs/common';
import { by, Throttle, ThrottleModule } from '../../../src/index.js';
import { type StartupParts, startupError } from '../../support/application.js';
import { adapters } from '../../support/http-app.js';

/** Values that untyped code may pass. */
const untyped = (value: unknown) => value as never;

const makers = Object.keys(by) as (keyof typeof by)[];
const uncalled = (name: string) => `by.${name} was passed without being called. Write by.${name}().`;

function limited(...args: readonly unknown[]): Type {
  @Controller('reports')
  class ReportsController {
    @(Reflect.apply(Throttle, undefined, args) as MethodDecorator) @Get() list() {}
  }
  return ReportsController;
}

class Config {
  readonly values: Readonly<Record<string, string>> = { RATE: '5/min' };

  get(key: string, fallback: string, _options: object): string {
    return this.values[key] ?? fallback;
  }
}
const config = new Config();
const unfit = 'the function get, which takes 3 arguments but would get only the call. Wrap it: (call) => ...';

describe.each(adapters)('on %s', (adapter) => {
  const on = (boot: () => StartupParts) => startupError(boot, adapter);

  it.each(makers)('by: by.%s, not called, stops startup', async (name) => {
    const options = { default: { rate: '5/min', by: untyped(by[name]) } };
    expect(await on(() => ({ options }))).toBe(`default.by: ${uncalled(name)}`);
  });

  it.each<readonly [title: string, boot: () => StartupParts, place: string]>([
    [
      'in @Throttle',
      () => ({ options: {}, controllers: [limited('5/min', { by: by.user })] }),
      '@Throttle on ReportsController.list, by',
    ],
    [
      'beside the name of a policy',
      () => ({ options: { policies: { search: '5/min' } }, controllers: [limited('search', { by: by.user })] }),
      '@Throttle("search") on ReportsController.list, by',
    ],
    [
      'in policies',
      () => ({ options: { policies: { login: { rate: '5/min', by: untyped(by.user) } } } }),
      'policies.login.by',
    ],
    [
      'in forFeature',
      () => ({
        options: {},
        imports: [ThrottleModule.forFeature({ policies: { login: { rate: '5/min', by: untyped(by.user) } } })],
      }),
      'policies.login.by',
    ],
    [
      'in a limit of connections',
      () => ({ options: { sockets: { connections: { rate: '5/min', by: untyped(by.user) } } } }),
      'ThrottleModule.sockets.connections.by',
    ],
    [
      'in what a factory returns',
      () => ({
        imports: [
          ThrottleModule.forRootAsync({ useFactory: () => ({ default: { rate: '5/min', by: untyped(by.user) } }) }),
        ],
      }),
      'default.by',
    ],
    [
      'in the place of another function',
      () => ({ options: {}, controllers: [limited('5/min', by.user)] }),
      '@Throttle on ReportsController.list, cost',
    ],
    [
      'in by.first',
      () => ({ options: { default: { rate: '5/min', by: by.first(untyped(by.user), by.ip()) } } }),
      'by.first',
    ],
    [
      'in by.each',
      () => ({ options: { default: { rate: '5/min', by: by.each(by.ip(), untyped(by.user)) } } }),
      'by.each',
    ],
    [
      'in by.first within by.each',
      () => ({ options: { default: { rate: '5/min', by: by.each(by.first(by.ip(), untyped(by.user))) } } }),
      'by.first',
    ],
  ])('by.user, not called, stops startup %s', async (_, boot, place) => {
    expect(await on(boot)).toBe(`${place}: ${uncalled('user')}`);
  });

  it.each<readonly [option: string, expected: string]>([
    ['rate', 'a rate such as "5/min", or a function of the call that returns one'],
    ['cost', 'a whole number of at least 1, or a function of the call (a cost of 0 would never limit)'],
    ['by', 'a function such as by.ip() or by.user()'],
    ['skip', 'a function of the call'],
  ])('a method of something else stops startup as %s', async (option, expected) => {
    const options = { default: untyped({ rate: '5/min', [option]: config.get }) };
    expect(await on(() => ({ options }))).toBe(`default.${option}: expected ${expected}, got ${unfit}`);
  });

  it('a method of something else stops startup as the skip of the module', async () => {
    const options = { default: '5/min', skip: untyped(config.get) };
    expect(await on(() => ({ options }))).toBe(`ThrottleModule.skip: expected a function of the call, got ${unfit}`);
  });

  it('a function of the call starts, bound, with no parameter, or with one', async () => {
    const options = {
      default: [
        { name: 'bound', rate: config.get.bind(config, 'RATE', '', {}) },
        { name: 'none', rate: () => '5/min' },
        {
          name: 'one',
          rate: '5/min',
          cost: (call: object) => Object.keys(call).length,
          by: by.first(by.user(), by.ip()),
        },
      ],
    };
    expect(await on(() => ({ options }))).toBeNull();
  });
});
