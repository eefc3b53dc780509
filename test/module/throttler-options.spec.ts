import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Injectable, type Type } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { SkipThrottle, Throttle, ThrottleGuard, ThrottleModule } from '../../src/index.js';
import { startupError } from '../support/application.js';
import { adapters } from '../support/http-app.js';

/** Values that untyped code may pass. */
const untyped = (value: unknown) => value as never;

const intro = 'these are options of @nestjs/throttler, which have another form here.';
const shared = (rate: string) =>
  `All handlers share that budget; { ${rate}, scope: "handler" } gives each its own, as @nestjs/throttler does.`;
const seconds = '(This reads ttl as milliseconds; before version 5 of @nestjs/throttler it was in seconds.)';
const skipIf = 'For skipIf write skip, a function of the call that returns true or false.';

/** Options of its module, and what to write. */
const moduleOptions: readonly (readonly [options: unknown, text: string])[] = [
  [[{ ttl: 60_000, limit: 10 }], `Write default: "10/min". ${shared('rate: "10/min"')}`],
  [{ throttlers: [{ ttl: 60_000, limit: 10 }] }, `Write default: "10/min". ${shared('rate: "10/min"')}`],
  [{ ttl: 60_000, limit: 10 }, `Write default: "10/min". ${shared('rate: "10/min"')}`],
  [[{ ttl: 60, limit: 10 }], `Write default: "10/60ms". ${seconds} ${shared('rate: "10/60ms"')}`],
  [[{ name: 'default', ttl: 1000, limit: 3 }], `Write default: "3/s". ${shared('rate: "3/s"')}`],
  [[{ name: 'short', ttl: 1500, limit: 3 }], `Write default: { rate: "3/1500ms", name: "short" }. ${shared('...')}`],
  [
    [
      { name: 'short', ttl: 1000, limit: 3 },
      { name: 'long', ttl: 86_400_000, limit: 100 },
    ],
    `Write default: [{ rate: "3/s", name: "short" }, { rate: "100/d", name: "long" }]. ${shared('...')}`,
  ],
  [
    { throttlers: [{ ttl: () => 60_000, limit: () => 10 }], skipIf: () => false },
    `Write default: "<limit>/<period>". ${shared('rate: "<limit>/<period>"')} ${skipIf}`,
  ],
  [
    [{ ttl: 60_000, limit: 10, blockDuration: 5000, ignoreUserAgents: [/bot/] }],
    `Write default: "10/min". ${shared('rate: "10/min"')} For blockDuration write block: { for: "5m" }, which blocks a client after denials, or nothing. ` +
      'For ignoreUserAgents write skip: ({ request }) => /bot/.test(String(request?.headers["user-agent"])).',
  ],
  [[{ ttl: 1000, limit: 3 }, undefined], `Write default: "3/s". ${shared('rate: "3/s"')}`],
  [{ throttlers: [null] }, `Write default: "10/min". ${shared('...')}`],
  [{ throttlers: [] }, `Write default: "10/min". ${shared('...')}`],
  [{ default: '5/min', skipIf: () => false }, skipIf],
  [{ storage: {} }, 'For storage write backend: new RedisBackend(client).'],
  [
    { getTracker: () => 'ada', generateKey: () => 'key' },
    'For getTracker write by, such as by.user(), or a function of the call that returns a string. ' +
      'For generateKey write by for who is charged, and scope for where the budget is shared.',
  ],
  [{ errorMessage: 'Slow down' }, 'For errorMessage write message, a string or a function of the call.'],
];

function limited(...args: readonly unknown[]): Type {
  @Controller('reports')
  class ReportsController {
    @(Reflect.apply(Throttle, undefined, args) as MethodDecorator) @Get() list() {}
  }
  return ReportsController;
}

function skipped(skip: unknown): Type {
  @Controller('reports')
  class ReportsController {
    @SkipThrottle(untyped(skip)) @Get() list() {}
  }
  return ReportsController;
}

describe.each(adapters)('on %s, options of @nestjs/throttler stop startup, with their replacement', (adapter) => {
  it.each(moduleOptions)('in forRoot: %j', async (options, text) => {
    const error = await startupError(() => ({ imports: [ThrottleModule.forRoot(untyped(options))] }), adapter);
    expect(error).toBe(`ThrottleModule.forRoot: ${intro} ${text}`);
  });

  it.each(moduleOptions)('in the result of a factory: %j', async (options, text) => {
    const useFactory = async () => untyped(options);
    const error = await startupError(() => ({ imports: [ThrottleModule.forRootAsync({ useFactory })] }), adapter);
    expect(error).toBe(`ThrottleModule: ${intro} ${text}`);
  });

  it.each<readonly [args: readonly unknown[], text: string]>([
    [[{ default: { limit: 3, ttl: 60_000 } }], 'Write @Throttle("3/min").'],
    [[{ long: { limit: 3, ttl: 604_800_000 } }], 'Write @Throttle({ rate: "3/w", name: "long" }).'],
    [
      [{ short: { limit: 3, ttl: 1000 }, long: { limit: 9, ttl: 60_000 } }],
      'Write @Throttle([{ rate: "3/s", name: "short" }, { rate: "9/min", name: "long" }]).',
    ],
    [[{ default: { limit: 3 } }], 'Write @Throttle("3/<period>").'],
    [[{ default: { limit: 3, ttl: 60 } }], `Write @Throttle("3/60ms"). ${seconds}`],
    [
      [{ default: { limit: 3, ttl: 60_000, getTracker: () => 'ada' } }],
      'Write @Throttle("3/min"). For getTracker write by, such as by.user(), or a function of the call that returns a string.',
    ],
    [[3, 60], 'Write @Throttle("3/min").'],
    [[{ limit: 3, ttl: 60_000 }], 'Write rate: "3/min".'],
    [[[{ limit: 3, ttl: 60_000 }]], 'Write rate: "3/min".'],
    [[{ rate: '3/min', skipIf: () => false }], skipIf],
  ])('in @Throttle: %j', async (args, text) => {
    const error = await startupError(() => ({ options: {}, controllers: [limited(...args)] }), adapter);
    expect(error).toBe(`@Throttle on ReportsController.list: ${intro} ${text}`);
  });

  it.each<readonly [skip: unknown, text: string]>([
    [{ default: true }, 'Write @SkipThrottle("default").'],
    [{ short: true, long: false, day: true }, 'Write @SkipThrottle("short", "day").'],
    [{ default: false }, 'Write @Throttle(...) on a method to limit it although its class is skipped.'],
    [true, 'Write @SkipThrottle("default").'],
    [false, 'Write @Throttle(...) on a method to limit it although its class is skipped.'],
  ])('in @SkipThrottle: %j', async (skip, text) => {
    const error = await startupError(() => ({ options: {}, controllers: [skipped(skip)] }), adapter);
    expect(error).toBe(`@SkipThrottle on ReportsController.list: ${intro} ${text}`);
  });

  it.each<readonly [place: string, options: object]>([
    ['default', { default: { limit: 5, ttl: 60_000 } }],
    ['policies.login', { policies: { login: { limit: 5, ttl: 60_000 } } }],
    ['ThrottleModule.sockets.connections', { sockets: { connections: { limit: 5, ttl: 60_000 } } }],
  ])('in %s', async (place, options) => {
    expect(await startupError(() => ({ options }), adapter)).toBe(`${place}: ${intro} Write rate: "5/min".`);
  });

  it('in a guard that overrides methods of ThrottlerGuard', async () => {
    @Injectable()
    class TenantGuard extends ThrottleGuard {
      shouldSkip() {}
    }
    class TrackerGuard extends TenantGuard {
      generateKey() {}
    }
    const problem = (name: string, fixes: string) =>
      `${name}: ThrottleGuard calls none of the methods of ThrottlerGuard of @nestjs/throttler. ${fixes}`;
    const skip = 'For shouldSkip write the option skip, a function of the call that returns true or false.';
    const key = 'For generateKey write the options by and scope of the limits.';
    const guardedBy = (guard: typeof ThrottleGuard) => () => ({
      options: {},
      providers: [{ provide: APP_GUARD, useClass: guard }],
    });
    expect(await startupError(guardedBy(TenantGuard), adapter)).toBe(problem('TenantGuard', skip));
    expect(await startupError(guardedBy(TrackerGuard), adapter)).toBe(problem('TrackerGuard', `${key} ${skip}`));
  });

  it('but not in a guard with other methods', async () => {
    class OwnGuard extends ThrottleGuard {
      tenantOf() {}
    }
    const providers = [{ provide: APP_GUARD, useClass: OwnGuard }];
    expect(await startupError(() => ({ options: {}, providers }), adapter)).toBeNull();
  });
});
