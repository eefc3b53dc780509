import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Injectable, Module, type Type } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import { by, definePolicy, MemoryBackend, SkipThrottle, Throttle, ThrottleModule } from '../../src/index.js';
import { type StartupParts, startupError } from '../support/application.js';
import { thrownProblem } from '../support/config-error.js';
import { adapters } from '../support/http-app.js';

/** Values that untyped code may pass. */
const untyped = (value: unknown) => value as never;

const QUESTION = 'Is an environment variable or a configuration value missing?';
const leftOut = (meaning: string) => `${QUESTION} Leave the option out to use its default: ${meaning}.`;
const aLimit = 'expected a rate such as "5/min", or an object with a rate, got undefined';
const limits = 'expected a rate such as "1000/min", options with a rate, or a list of these, got undefined';
const aRate = 'expected a rate such as "5/min", or a function of the call that returns one, got undefined';
const noDefault = leftOut('no limit for handlers without one of their own');
const byName = 'expected an object of policies by name, such as { login: "5/min" }, got undefined';
const addressed = leftOut('the connection on sockets, elsewhere the address');
const aBy = 'expected a function such as by.ip() or by.user(), got undefined';
const aCost =
  'expected a whole number of at least 1, or a function of the call (a cost of 0 would never limit), got undefined';
const socketLimit = 'expected a rate such as "10/min", or options with a rate, got undefined';

function limited(...args: readonly unknown[]): Type {
  @Controller('reports')
  class ReportsController {
    @(Reflect.apply(Throttle, undefined, args) as MethodDecorator) @Get() list() {}
  }
  return ReportsController;
}

function limitedGateway(...args: readonly unknown[]): Type {
  @(Reflect.apply(Throttle, undefined, args) as ClassDecorator)
  @WebSocketGateway()
  class ChatGateway {}
  return ChatGateway;
}

/** Places outside the module's options, and what is missing there. */
const places: readonly (readonly [missing: string, boot: () => StartupParts, message: string])[] = [
  [
    '@Throttle(undefined)',
    () => ({ options: {}, controllers: [limited(undefined)] }),
    `@Throttle on ReportsController.list: expected a rate such as "5/min", a policy's name, options with a rate, or a list of these, got undefined. ${QUESTION}`,
  ],
  [
    "@Throttle('10/min', undefined)",
    () => ({ options: {}, controllers: [limited('10/min', undefined)] }),
    '@Throttle on ReportsController.list, second argument: expected a cost (a whole number, or a function of the call) or options, got undefined. ' +
      `${QUESTION} Leave the argument out for a cost of 1.`,
  ],
  [
    "@Throttle('10/min', { cost: undefined })",
    () => ({ options: {}, controllers: [limited('10/min', { cost: undefined })] }),
    `@Throttle on ReportsController.list, cost: ${aCost}. ${leftOut('1')}`,
  ],
  [
    "@Throttle('10/min', { by: undefined })",
    () => ({ options: {}, controllers: [limited('10/min', { by: undefined })] }),
    `@Throttle on ReportsController.list, by: ${aBy}. ${addressed}`,
  ],
  [
    'a rate beside a rate',
    () => ({ options: {}, controllers: [limited('10/min', { rate: undefined })] }),
    `@Throttle on ReportsController.list, rate: ${aRate}. ${QUESTION}`,
  ],
  [
    'a value that the second argument has',
    () => ({ options: {}, controllers: [limited({ rate: '5/min', cost: undefined }, 2)] }),
    `@Throttle on ReportsController.list, cost: ${aCost}. ${leftOut('1')}`,
  ],
  [
    'a value in a list',
    () => ({ options: {}, controllers: [limited(['5/s', { rate: '5/min', by: undefined }])] }),
    `@Throttle on ReportsController.list, by: ${aBy}. ${addressed}`,
  ],
  [
    'a value beside the name of a policy',
    () => ({ options: { policies: { search: '5/min' } }, controllers: [limited('search', { by: undefined })] }),
    `@Throttle on ReportsController.list, by: ${aBy}. ${addressed}`,
  ],
  [
    'a limit of connections of a gateway',
    () => ({ options: {}, providers: [limitedGateway('5/min', { connections: undefined })] }),
    `@Throttle on ChatGateway, connections: ${socketLimit}. ${leftOut('the limit of the module, or none')}`,
  ],
  [
    'the only limit of a gateway',
    () => ({ options: {}, providers: [limitedGateway({ connections: undefined })] }),
    `@Throttle on ChatGateway, connections: ${socketLimit}. ${leftOut('the limit of the module, or none')}`,
  ],
  [
    'a policy of forFeature',
    () => ({ options: {}, imports: [ThrottleModule.forFeature({ policies: { x: untyped(undefined) } })] }),
    `policies.x: ${aLimit}. ${QUESTION}`,
  ],
  [
    'a rate of forFeature',
    () => ({ options: {}, imports: [ThrottleModule.forFeature({ policies: { x: { rate: untyped(undefined) } } })] }),
    `policies.x.rate: ${aRate}. ${QUESTION}`,
  ],
];

/** Options of the module, and what is missing in them. */
const moduleOptions: readonly (readonly [options: object, message: string])[] = [
  [{ default: process.env.SLUICE_NO_SUCH_VARIABLE }, `ThrottleModule.default: ${limits}. ${noDefault}`],
  [{ policies: undefined }, `ThrottleModule.policies: ${byName}. ${leftOut('no policies')}`],
  [
    { default: '5/min', onError: undefined },
    `ThrottleModule.onError: expected "local", "allow" or "deny", or { local: { share } } with a share above 0 and at most 1, got undefined. ${leftOut('that of the module, or "local"')}`,
  ],
  [{ default: ['5/min', undefined] }, `default[1]: ${aLimit}. ${QUESTION}`],
  [{ default: [undefined] }, `default: ${aLimit}. ${QUESTION}`],
  [{ default: new Array(1) }, `default: ${aLimit}. ${QUESTION}`],
  [{ default: { rate: undefined } }, `default.rate: ${aRate}. ${QUESTION}`],
  [{ default: { rate: '5/min', by: undefined } }, `default.by: ${aBy}. ${addressed}`],
  [{ policies: { api: undefined } }, `policies.api: ${aLimit}. ${QUESTION}`],
  [{ policies: { login: { rate: undefined } } }, `policies.login.rate: ${aRate}. ${QUESTION}`],
  [
    { sockets: { connections: undefined } },
    `ThrottleModule.sockets.connections: ${socketLimit}. ${leftOut('the limit of the module, or none')}`,
  ],
  [{ sockets: { frames: undefined } }, `ThrottleModule.sockets.frames: ${socketLimit}. ${leftOut('no limit')}`],
  [{ sockets: { frames: { rate: undefined } } }, `ThrottleModule.sockets.frames.rate: ${aRate}. ${QUESTION}`],
];

/** Values that are there and empty, as an environment variable that is set to nothing. */
const emptyOptions: readonly (readonly [options: object, message: RegExp])[] = [
  [{ default: '' }, /^default\.rate: expected "<count>\/<unit>" .*, got ""$/],
  [{ default: Number.NaN }, /^ThrottleModule\.default: expected a rate .*, got NaN \(number\)$/],
  [{ default: null }, /^ThrottleModule\.default: expected a rate .*, got null$/],
  [{ policies: { api: '' } }, /^policies\.api\.rate: expected "<count>\/<unit>" .*, got ""$/],
  [{ default: { rate: '5/min', cost: Number.NaN } }, /^default\.cost: expected a whole number .*, got NaN \(number\)$/],
  [{ default: { rate: '5/min', cost: '' } }, /^default\.cost: expected a whole number .*, got ""$/],
  [{ default: { rate: '5/min', by: null } }, /^default\.by: expected a function .*, got null$/],
  [{ default: { rate: '5/min', scope: null } }, /^default\.scope: expected "handler", .*, got null$/],
  [{ default: { rate: '5/min', strategy: '' } }, /^default\.strategy: expected a strategy's name, got ""\. Known: /],
  [{ default: { rate: '5/min', segments: Number.NaN } }, /^default\.segments: expected a whole number .*, got NaN/],
  [{ default: { rate: '5/min', lease: null } }, /^default\.lease: expected an object .*, got null$/],
  [{ default: Promise.resolve('5/min') }, /^default: expected a rate .*, got an instance of Promise$/],
  [{ sockets: { connections: '' } }, /^ThrottleModule\.sockets\.connections\.rate: expected .*, got ""$/],
  [{ sockets: { frames: null } }, /^ThrottleModule\.sockets\.frames: expected a rate .*, got null$/],
];

describe.each(adapters)('on %s, a missing value stops startup', (adapter) => {
  it.each(places)('%s', async (_, boot, message) => {
    expect(await startupError(boot, adapter)).toBe(message);
  });

  it.each(moduleOptions)('of forRoot: %j', async (options, message) => {
    expect(await startupError(() => ({ options }), adapter)).toBe(message);
  });

  it.each(moduleOptions)('in the result of a factory: %j', async (options, message) => {
    const useFactory = async () => options;
    expect(await startupError(() => ({ imports: [ThrottleModule.forRootAsync({ useFactory })] }), adapter)).toBe(
      message,
    );
  });

  it.each(['useClass', 'useExisting'] as const)('in the options that the class of %s creates', async (member) => {
    @Injectable()
    class Config {
      create() {
        return { default: untyped(process.env.SLUICE_NO_SUCH_VARIABLE) };
      }
    }

    @Module({ providers: [Config], exports: [Config] })
    class ConfigModule {}

    const boot = () => ({ imports: [ThrottleModule.forRootAsync({ imports: [ConfigModule], [member]: Config })] });
    expect(await startupError(boot, adapter)).toBe(`ThrottleModule.default: ${limits}. ${noDefault}`);
  });

  it.each(emptyOptions)('also if it is empty: %j', async (options, message) => {
    expect(await startupError(() => ({ options }), adapter)).toMatch(message);
  });

  it('which a getter of a class returns', async () => {
    class Config {
      get default() {
        return untyped(process.env.SLUICE_NO_SUCH_VARIABLE);
      }
    }
    expect(await startupError(() => ({ options: new Config() }), adapter)).toBe(
      `ThrottleModule.default: ${limits}. ${noDefault}`,
    );
  });
});

describe('a missing value of a function stops its call', () => {
  it.each<readonly [title: string, call: () => unknown, message: string]>([
    [
      'definePolicy, burst',
      () => definePolicy('x', { rate: '5/min', strategy: 'gcra', burst: untyped(undefined) }),
      `policies.x.burst: expected a whole number of units, at least 1, got undefined. ${leftOut('the limit; for "gcra" 1')}`,
    ],
    [
      'definePolicy, rate',
      () => definePolicy('x', { rate: untyped(undefined) }),
      `policies.x.rate: expected "<count>/<unit>" such as "5/min", got undefined. ${QUESTION}`,
    ],
    [
      'definePolicy, scope',
      () => definePolicy('x', { rate: '5/min', scope: untyped(undefined) }),
      `policies.x.scope: expected a string, got undefined. ${leftOut('where the limit is declared')}`,
    ],
    [
      'definePolicy, scope null',
      () => definePolicy('x', { rate: '5/min', scope: untyped(null) }),
      'policies.x.scope: expected a string, got null',
    ],
    [
      'by.user',
      () => by.user(process.env.SLUICE_NO_SUCH_VARIABLE),
      `by.user: expected the path of a member such as "user.id", got undefined. ${QUESTION} Leave the path out for "user.id".`,
    ],
    ['by.user, empty', () => by.user(''), 'by.user: expected the path of a member such as "user.id", got ""'],
    ['by.user, a dot', () => by.user('user.'), 'by.user: expected the path of a member such as "user.id", got "user."'],
    [
      'by.header',
      () => by.header(untyped(process.env.SLUICE_NO_SUCH_VARIABLE)),
      `by.header: expected the name of a header such as "x-api-key", got undefined. ${QUESTION}`,
    ],
    ['by.header, empty', () => by.header(''), 'by.header: expected the name of a header such as "x-api-key", got ""'],
    [
      'by.first',
      () => by.first(by.ip(), untyped(undefined)),
      `by.first: expected functions such as by.user() and by.ip(), got undefined. ${QUESTION}`,
    ],
    ['by.first, none', () => by.first(), 'by.first: expected functions such as by.user() and by.ip(), got none'],
    ['by.each, none', () => by.each(), 'by.each: expected functions such as by.user() and by.ip(), got none'],
    [
      'by.each, a string',
      () => by.each(untyped('ip')),
      'by.each: expected functions such as by.user() and by.ip(), got "ip"',
    ],
  ])('%s', (_, call, message) => {
    expect(thrownProblem(call)).toBe(message);
  });
});

it('@SkipThrottle(undefined) stops startup', async () => {
  @Controller()
  class OpenController {
    @SkipThrottle(untyped(undefined)) @Get() list() {}
  }
  const options = { default: '5/min', backend: new MemoryBackend() };
  expect(await startupError(() => ({ options, controllers: [OpenController] }))).toBe(
    `@SkipThrottle on OpenController.list: expected names of policies, or no arguments, got undefined. ${QUESTION}`,
  );
});
