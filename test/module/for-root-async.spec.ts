import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject, Injectable, Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Throttle, ThrottleConfigError, ThrottleGuard, ThrottleModule, ThrottleService } from '../../src/index.js';
import { startupError } from '../support/application.js';
import { adapters, startApp } from '../support/http-app.js';

/** Values that untyped code may pass. */
const untyped = <T = never>(value: unknown) => value as T;
const factory = 'ThrottleModule.forRootAsync: useFactory';

@Injectable()
class ConfigService {
  readonly rate = '7/min';
}

@Module({ providers: [ConfigService], exports: [ConfigService] })
class ConfigModule {}

@Injectable()
class ThrottleConfig {
  constructor(@Inject(ConfigService) private readonly config: ConfigService) {}

  async create() {
    return { policies: { search: this.config.rate } };
  }
}

@Injectable()
class PlainConfig {
  create() {
    return { policies: { search: '7/min' } };
  }
}

@Module({ providers: [PlainConfig], exports: [PlainConfig] })
class PlainConfigModule {}

type AsyncOptions = Parameters<typeof ThrottleModule.forRootAsync>[0];

describe('forRootAsync', () => {
  const fromConfig = (config: ConfigService) => ({ policies: { search: config.rate } });

  it.each<readonly [string, AsyncOptions]>([
    ['a factory', { useFactory: () => ({ policies: { search: '7/min' } }) }],
    ['a factory with what it needs', { imports: [ConfigModule], inject: [ConfigService], useFactory: fromConfig }],
    ['a factory that promises', { useFactory: async () => ({ policies: { search: '7/min' } }) }],
    ['a class', { useClass: PlainConfig }],
    ['a class with what it needs', { imports: [ConfigModule], useClass: ThrottleConfig }],
    ['a provider of another module', { imports: [PlainConfigModule], useExisting: PlainConfig }],
    [
      'a factory, and what shapes the module',
      { useFactory: () => ({ policies: { search: '7/min' } }), guard: false, isGlobal: true },
    ],
  ])('takes its options from %s', async (_, options) => {
    @Module({ imports: [ThrottleModule.forRootAsync(options)] })
    class AppModule {}

    const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
    expect((await app.get(ThrottleService).stat('search', { subject: 'ada' }))?.limit).toBe(7);
    await app.close();
  });

  it.each<readonly [options: unknown, message: string]>([
    [
      undefined,
      'ThrottleModule.forRootAsync: expected options with useFactory, useClass or useExisting, got undefined',
    ],
    [
      {},
      'ThrottleModule.forRootAsync: expected options with useFactory, useClass or useExisting, got an object with no members',
    ],
    [
      { useFactory: () => ({}), default: '5/min' },
      'ThrottleModule.forRootAsync: "default" has no effect here. Move it into the object that the factory returns.',
    ],
    [
      { useFactory: () => ({}), useFactroy: 1 },
      'ThrottleModule.forRootAsync: there is no option "useFactroy". Did you mean "useFactory"? Known: useFactory, useClass, useExisting, inject, imports, provideInjectionTokensFrom, guard, isGlobal.',
    ],
    [{ useFactory: () => ({}), guard: 'no' }, 'ThrottleModule.guard: expected true or false, got "no"'],
    [{ useFactory: () => ({}), isGlobal: 1 }, 'ThrottleModule.isGlobal: expected true or false, got 1 (number)'],
    [
      { useFactory: () => ({ guard: false }) },
      'ThrottleModule: "guard" is an option of the module itself. Move it beside the factory, out of the object that the factory returns.',
    ],
    [
      { useFactory: async () => ({ isGlobal: false }) },
      'ThrottleModule: "isGlobal" is an option of the module itself. Move it beside the factory, out of the object that the factory returns.',
    ],
    [
      { useFactory: () => undefined },
      'ThrottleModule: there are no options. Import ThrottleModule.forRoot(), not ThrottleModule alone. With forRootAsync, return an object from the factory.',
    ],
    [{ useFactory: async () => '5/min' }, 'ThrottleModule: expected an object of options, got "5/min"'],
    [{ useFactory: () => null }, 'ThrottleModule: expected an object of options, got null'],
    [
      { useFactory: () => ({ headers: 'all' }) },
      'ThrottleModule.headers: expected "standard", "legacy", "both", false, or a list of one of "draft-11", "draft-7" and "draft-6", and "legacy", got "all"',
    ],
  ])('stops startup with %j', async (options, message) => {
    expect(await startupError(() => ({ imports: [ThrottleModule.forRootAsync(untyped(options))] }))).toBe(message);
  });

  it.each<readonly [title: string, options: unknown, message: string]>([
    [
      'a factory that takes an argument, without inject',
      { useFactory: fromConfig },
      `${factory}: takes 1 argument, but "inject" lists none, so the rest would be undefined. List a provider for each argument: inject: [ConfigService].`,
    ],
    [
      'a factory that takes more arguments than inject has',
      { useFactory: (config: object, other: object) => ({ ...config, ...other }), inject: [ConfigService] },
      `${factory}: takes 2 arguments, but "inject" lists 1, so the rest would be undefined. List a provider for each argument: inject: [ConfigService].`,
    ],
    [
      'options in place of a factory',
      { useFactory: {} },
      `${factory}: expected a function that returns options, got an object with no members`,
    ],
    [
      'a factory that returns a module',
      { useFactory: () => ThrottleModule.forRoot({ default: '5/min' }) },
      'ThrottleModule: expected options, got a module. The factory of forRootAsync returns what forRoot takes: { default: "1000/min" }.',
    ],
    [
      'a factory that promises a module',
      { useFactory: async () => ThrottleModule.forRoot({ default: '5/min' }) },
      'ThrottleModule: expected options, got a module. The factory of forRootAsync returns what forRoot takes: { default: "1000/min" }.',
    ],
    [
      'a factory that returns a map',
      { useFactory: () => new Map() },
      'ThrottleModule: expected an object of options, got an instance of Map',
    ],
  ])('stops startup with %s', async (_, options, message) => {
    const imports = () => [ThrottleModule.forRootAsync({ imports: [ConfigModule], ...untyped<object>(options) })];
    for (const adapter of adapters) expect(await startupError(() => ({ imports: imports() }), adapter)).toBe(message);
  });

  it('passes on the error of a factory that fails', async () => {
    const useFactory = () => Promise.reject(new Error('no configuration'));
    const boot = () => ({ imports: [ThrottleModule.forRootAsync({ useFactory })] });
    await expect(startupError(boot)).rejects.toThrow(new Error('no configuration'));
  });
});

@Controller()
class SomeController {
  @Throttle({ rate: '1/min', strategy: 'fixed-window' }) @Get('limited') limited() {}

  @Throttle({ rate: '1/min', strategy: 'fixed-window' }) @UseGuards(ThrottleGuard) @Get('guarded') guarded() {}

  @Get('plain') plain() {}
}

describe.each(adapters)('on %s', (adapter) => {
  it('forRoot without options limits only handlers with @Throttle', async () => {
    @Module({ imports: [ThrottleModule.forRoot()], controllers: [SomeController] })
    class AppModule {}

    const app =
      adapter === 'express'
        ? await NestFactory.create(AppModule, { logger: false })
        : await NestFactory.create(AppModule, new FastifyAdapter(), { logger: false });
    await app.listen(0, '127.0.0.1');
    const url = await app.getUrl();
    const statuses = async (path: string) => [(await fetch(url + path)).status, (await fetch(url + path)).status];
    expect([await statuses('/limited'), await statuses('/plain')]).toEqual([
      [200, 429],
      [200, 200],
    ]);
    await app.close();
  });

  it('the guard is bound by default, and charges once even if it is bound several times', async () => {
    await using app = await startApp({ adapter, controllers: [SomeController] });
    expect(await app.statuses('/limited', 2)).toEqual([200, 429]);
    expect(await app.statuses('/guarded', 2)).toEqual([200, 429]);
  });

  it('the guard runs only where it is bound, with guard: false', async () => {
    const options = { guard: false, default: '1/min' };
    await using app = await startApp({ adapter, controllers: [SomeController], options });
    expect(await app.statuses('/limited', 2)).toEqual([200, 200]);
    expect(await app.statuses('/plain', 2)).toEqual([200, 200]);
    expect(await app.statuses('/guarded', 2)).toEqual([200, 429]);
  });

  it('a mistake stops the application before it listens', async () => {
    @Controller()
    class WrongController {
      @Throttle('serach') @Get() list() {}
    }
    const options = { policies: { search: '5/min' } };
    await expect(startApp({ adapter, controllers: [WrongController], options })).rejects.toThrow(
      new ThrottleConfigError(
        'SLUICE_UNKNOWN_POLICY',
        '@Throttle("serach") on WrongController.list: no policy has this name. Did you mean "search"? Known: search.',
      ),
    );
  });
});
