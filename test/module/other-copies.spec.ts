import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get, Inject, Injectable, Scope, UseGuards } from '@nestjs/common';
import * as library from '../../src/index.js';
import { type StartupParts, startupError, startupFailure } from '../support/application.js';

const { ThrottleModule } = library;

/** The path of the copy, which is the same here for both: they are loaded from one folder. */
const path = new URL('../../src', import.meta.url).pathname;
const fix = 'Load nestjs-sluice in one way, by import or by require, and in one version ("npm ls nestjs-sluice").';
const refused = (name: string) =>
  `${name}: expected the class of the copy of nestjs-sluice whose ThrottleModule.forRoot is imported, ${path}, got that of another copy, ${path}. ${fix}`;

let copy: typeof library;

beforeAll(async () => {
  jest.resetModules();
  copy = await import('../../src/index.js');
});

describe('a class of another copy of the library stops startup', () => {
  const boots: Readonly<Record<string, readonly [name: string, make: () => StartupParts]>> = {
    'in a provider': [
      'ThrottleService',
      () => {
        @Injectable()
        class Jobs {
          constructor(@Inject(copy.ThrottleService) readonly throttle: library.ThrottleService) {}
        }
        return { options: {}, providers: [Jobs] };
      },
    ],
    'in a property': [
      'ThrottleService',
      () => {
        @Injectable()
        class Jobs {
          @Inject(copy.ThrottleService) readonly throttle: library.ThrottleService | undefined;
        }
        return { options: {}, providers: [Jobs] };
      },
    ],
    'in a factory': [
      'ThrottleService',
      () => ({
        options: {},
        providers: [{ provide: 'jobs', useFactory: () => ({}), inject: [copy.ThrottleService] }],
      }),
    ],
    'if the module is not global': [
      'ThrottleService',
      () => ({
        options: { isGlobal: false },
        providers: [{ provide: 'jobs', useFactory: () => ({}), inject: [copy.ThrottleService] }],
      }),
    ],
    'in a request-scoped controller, which Nest makes for each request': [
      'ThrottleService',
      () => {
        @Controller({ scope: Scope.REQUEST })
        class Reports {
          constructor(@Inject(copy.ThrottleService) readonly throttle: library.ThrottleService) {}
          @Get() list(): string {
            return '';
          }
        }
        return { options: {}, controllers: [Reports] };
      },
    ],
    'as a guard': [
      'HandlerLimiter',
      () => {
        @UseGuards(copy.ThrottleGuard)
        @Controller()
        class Reports {
          @Get() list(): string {
            return '';
          }
        }
        return { options: { guard: false }, controllers: [Reports] };
      },
    ],
  };

  it.each(Object.entries(boots))('%s', async (_, [name, make]) => {
    expect(await startupFailure(make)).toMatchObject({ code: 'SLUICE_TWO_COPIES', problem: refused(name) });
  });

  it('if it is loaded after forRoot was called', async () => {
    const root = ThrottleModule.forRoot();
    jest.resetModules();
    const { ThrottleService } = await import('../../src/index.js');
    const jobs = { provide: 'jobs', useFactory: () => ({}), inject: [ThrottleService] };
    expect(await startupError(() => ({ imports: [root], providers: [jobs] }))).toBe(refused('ThrottleService'));
  });

  it('as forFeature', async () => {
    const imports = [copy.ThrottleModule.forFeature({ policies: { search: '5/min' } })];
    expect(await startupError(() => ({ options: {}, imports }))).toContain(
      `ThrottleModule.forFeature: ThrottleModule.forRoot() is not imported. forFeature is that of ${path}, and another copy of nestjs-sluice is loaded: ${path}`,
    );
  });
});

describe('a copy that is loaded and not injected', () => {
  it('does not stop startup, and its decorators, functions and backends work', async () => {
    @copy.Throttle('5/min', { by: copy.by.user() })
    @Controller()
    class Reports {
      @Get() list(): string {
        return '';
      }
    }
    const options = { backend: new copy.MemoryBackend(), default: '10/min' };
    expect(await startupError(() => ({ options, controllers: [Reports] }), 'express')).toBeNull();
  });
});
