import { describe, expect, it } from '@jest/globals';
import {
  All,
  Controller,
  Delete,
  Get,
  Head,
  type INestApplication,
  Inject,
  Module,
  Post,
  Scope,
  type Type,
  VersioningType,
} from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import { ManualClock, MemoryBackend, SkipThrottle, Throttle, ThrottleService } from '../../src/index.js';
import { type AppOptions, adapters, startApp, type TestApp } from '../support/http-app.js';
import { START } from '../support/start-time.js';

/** Makes a controller with a class-wide budget and one for its handler, as code that generates controllers does. */
function crudController(path: string, rate = '2/min'): Type {
  @Throttle('4/min')
  @Controller(path)
  class CrudController {
    @Get('all')
    all(): string {
      return path;
    }

    @Throttle({ rate, name: 'list' })
    @Get()
    list(): string {
      return path;
    }
  }
  return CrudController;
}

/** Makes a module of one controller. */
function moduleOf(...controllers: Type[]): Type {
  @Module({ controllers })
  class GeneratedModule {}
  return GeneratedModule;
}

/** Names a class as a minifier does. */
function named<T extends object>(name: string, type: T): T {
  Object.defineProperty(type, 'name', { value: name });
  return type;
}

/** Counts requests to each path until the first denial. */
async function passing(app: TestApp, paths: readonly string[], options = {}): Promise<number[]> {
  const counts: number[] = [];
  for (const path of paths) {
    let count = 0;
    while ((await app.send(path, options)).status < 400) {
      count += 1;
      if (count > 20) throw new Error(`${path} is not limited`);
    }
    counts.push(count);
  }
  return counts;
}

describe.each(adapters)('budgets of routes on %s', (adapter) => {
  /** Starts applications that share what is counted, as processes on one Redis do. */
  function fleet() {
    const backend = new MemoryBackend({ clock: new ManualClock(START) });
    return (options: Omit<AppOptions, 'adapter'>) =>
      startApp({ adapter, ...options, options: { backend, ...options.options } });
  }

  it('are separate for generated controllers of one name, with any modules in any order', async () => {
    const start = fleet();
    const users = () => moduleOf(crudController('users'));
    const reports = () => moduleOf(crudController('reports'));
    await using first = await start({ imports: [users(), reports()] });
    expect(await passing(first, ['/users'])).toEqual([2]);
    await using turned = await start({ imports: [reports(), users()] });
    expect(await passing(turned, ['/users', '/reports'])).toEqual([0, 2]);
    await using alone = await start({ imports: [moduleOf(crudController('exports')), reports()] });
    expect(await passing(alone, ['/reports', '/exports', '/exports/all'])).toEqual([0, 2, 2]);
    expect(await passing(first, ['/users/all', '/reports/all'])).toEqual([2, 2]);
  });

  it('do not depend on the names of classes, which minifiers change', async () => {
    const start = fleet();
    await using before = await start({
      controllers: [named('a', crudController('users')), named('b', crudController('reports'))],
    });
    expect(await passing(before, ['/users'])).toEqual([2]);
    await using after = await start({
      controllers: [named('b', crudController('users')), named('a', crudController('reports'))],
    });
    expect(await passing(after, ['/users', '/reports', '/users/all'])).toEqual([0, 2, 2]);
  });

  it('are separate for routes whose paths differ by prefix, version, host or module', async () => {
    const start = fleet();
    const app = (more: Omit<AppOptions, 'adapter'>) => start({ controllers: [crudController('users')], ...more });
    await using plain = await app({});
    expect(await passing(plain, ['/users'])).toEqual([2]);
    await using prefixed = await app({ prepare: (nest) => nest.setGlobalPrefix('api') });
    expect(await passing(prefixed, ['/api/users'])).toEqual([2]);
    const versions = (nest: INestApplication) =>
      nest.enableVersioning({ type: VersioningType.HEADER, header: 'x-version', defaultVersion: '1' });
    await using versioned = await app({ prepare: versions });
    expect(await passing(versioned, ['/users'], { headers: { 'x-version': '1' } })).toEqual([2]);
    const inModule = moduleOf(crudController('users'));
    const imports = [inModule, RouterModule.register([{ path: 'm', module: inModule }])];
    await using moved = await app({ controllers: [], imports });
    expect(await passing(moved, ['/m/users'])).toEqual([2]);
    await using again = await app({});
    expect(await passing(again, ['/users'])).toEqual([0]);
  });

  it('are shared by all paths of a handler, and that of its class stays when a later path is added', async () => {
    const start = fleet();
    @Throttle('3/min')
    @Controller(['reports', 'papers'])
    class ReportsController {
      @Get(['list', 'all'])
      list(): string {
        return 'list';
      }
    }

    @Throttle('3/min')
    @Controller(['papers', 'reports'])
    class LaterController {
      @Post('new')
      create(): string {
        return 'created';
      }

      @Get(['all', 'list'])
      index(): string {
        return 'list';
      }
    }
    await using before = await start({ controllers: [ReportsController] });
    expect(await passing(before, ['/reports/list'])).toEqual([3]);
    await using after = await start({ controllers: [LaterController] });
    expect(await passing(after, ['/papers/all', '/reports/list'])).toEqual([0, 0]);
    expect(await passing(after, ['/papers/new'], { method: 'POST' })).toEqual([0]);
  });

  it('are one for GET and HEAD of a route, and separate for other methods of its path', async () => {
    @Controller('reports')
    class MethodsController {
      @Throttle('2/min')
      @Get()
      read(): string {
        return 'read';
      }

      @Throttle('2/min')
      @Delete()
      remove(): string {
        return 'removed';
      }

      @Throttle('2/min')
      @All('any')
      any(): string {
        return 'any';
      }
    }

    @Controller('head')
    class HeadController {
      @Throttle('2/min')
      @Head()
      head(): string {
        return 'head';
      }

      @Throttle('2/min')
      @Get()
      read(): string {
        return 'read';
      }
    }
    await using app = await startApp({ adapter, controllers: [MethodsController, HeadController] });
    expect(await app.statuses('/reports', 1, { method: 'HEAD' })).toEqual([200]);
    expect(await passing(app, ['/reports'])).toEqual([1]);
    expect(await passing(app, ['/reports'], { method: 'DELETE' })).toEqual([2]);
    expect(await app.statuses('/reports/any', 1, { method: 'DELETE' })).toEqual([200]);
    expect(await passing(app, ['/reports/any'])).toEqual([1]);
    expect(await passing(app, ['/head'], { method: 'HEAD' })).toEqual([2]);
    expect(await passing(app, ['/head'])).toEqual([2]);
  });

  it('are one for a class that two modules register', async () => {
    const controller = crudController('users');
    const modules = [moduleOf(controller), moduleOf(controller)] as const;
    const paths = RouterModule.register([
      { path: 'b', module: modules[0] },
      { path: 'a', module: modules[1] },
    ]);
    const warnings: string[] = [];
    await using app = await startApp({ adapter, imports: [...modules, paths], warnings });
    expect(await passing(app, ['/b/users', '/a/users'])).toEqual([2, 0]);
    expect(warnings).toEqual([]);
  });

  it('are the same for controllers of each scope', async () => {
    const start = fleet();
    const controllerOf = (scope: Scope): Type => {
      @Controller({ path: 'users', scope })
      class UsersController {
        @Throttle('2/min')
        @Get()
        list(): string {
          return 'list';
        }
      }
      return UsersController;
    };
    await using singleton = await start({ controllers: [controllerOf(Scope.DEFAULT)] });
    await using scoped = await start({ controllers: [controllerOf(Scope.REQUEST)] });
    expect(await passing(singleton, ['/users'])).toEqual([2]);
    expect(await passing(scoped, ['/users'])).toEqual([0]);
  });

  describe('of two routes with one address', () => {
    /** Fastify refuses two routes of one address, but not two versions of a path. */
    const prepare = (nest: INestApplication) =>
      nest.enableVersioning({ type: VersioningType.HEADER, header: 'x-version' });

    function controllersOf(first: MethodDecorator, second: MethodDecorator): Type[] {
      @Controller({ path: 'users', version: '1' })
      class FirstController {
        @first
        @Get()
        list(): string {
          return 'first';
        }
      }

      @Controller({ path: 'users', version: ['1', '2'] })
      class SecondController {
        @second
        @Get()
        index(): string {
          return 'second';
        }
      }
      return [FirstController, SecondController];
    }
    const requestOf = (version: string) => ({ headers: { 'x-version': version } });

    it('are one', async () => {
      const warnings: string[] = [];
      const controllers = controllersOf(Throttle('2/min'), Throttle('2/min'));
      await using app = await startApp({ adapter, controllers, prepare, warnings });
      // If two handlers have the same version, Express calls the first and Fastify the last.
      expect((await app.send('/users', requestOf('1'))).status).toBe(200);
      expect((await app.send('/users', requestOf('2'))).text).toBe('second');
      expect(await passing(app, ['/users'], requestOf('1'))).toEqual([0]);
      expect(warnings).toEqual([]);
    });

    it.each([
      ['rates', Throttle('5/min'), 'default 2 in 60000 ms', 'default 5 in 60000 ms'],
      ['names', Throttle({ rate: '2/min', name: 'list' }), 'default 2 in 60000 ms', 'list 2 in 60000 ms'],
      ['exemptions', SkipThrottle(), 'default 2 in 60000 ms', 'none'],
      ['functions', Throttle({ rate: () => '2/min' }), 'default 2 in 60000 ms', 'default by a function'],
    ])('cause a warning if their limits differ: %s', async (_what, second, here, there) => {
      const warnings: string[] = [];
      const controllers = controllersOf(Throttle('2/min'), second);
      await using _ = await startApp({ adapter, controllers, prepare, warnings });
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toContain(
        'FirstController.list and SecondController.index have the same address, "GET /users v=1"',
      );
      expect(warnings[0]).toContain(`FirstController.list: ${here}`);
      expect(warnings[0]).toContain(`SecondController.index: ${there}`);
    });

    it('cause a warning if the limits of their classes differ', async () => {
      const warnings: string[] = [];
      const [first, second] = controllersOf(SkipThrottle('default'), SkipThrottle('default'));
      for (const [type, rate] of [
        [first, '2/min'],
        [second, '3/min'],
      ] as const) {
        if (type !== undefined) Throttle({ rate, name: 'wide' })(type);
      }
      await using _ = await startApp({
        adapter,
        controllers: [first, second].flatMap((type) => type ?? []),
        prepare,
        warnings,
      });
      expect(warnings).toEqual([
        expect.stringContaining('FirstController.list and SecondController.index have the same address'),
        expect.stringContaining(
          'FirstController and SecondController have the same smallest address, "GET /users v=1"',
        ),
      ]);
    });
  });

  describe('with an id', () => {
    it('stay when routes move, and are shared by limits of one name and id', async () => {
      const start = fleet();
      const controllerAt = (path: string): Type => {
        @Throttle('5/min', { id: 'catalogue', name: 'wide' })
        @Controller(path)
        class MovedController {
          @Throttle('2/min', { id: 'list' })
          @Get('list')
          list(): string {
            return 'list';
          }

          @Throttle('2/min', { id: 'list' })
          @Get('same')
          same(): string {
            return 'same';
          }

          @Throttle('2/min', { id: 'other' })
          @Get('other')
          other(): string {
            return 'other';
          }
        }
        return MovedController;
      };
      await using before = await start({ controllers: [controllerAt('old')] });
      expect(await passing(before, ['/old/list', '/old/same', '/old/other'])).toEqual([2, 0, 2]);
      await using after = await start({ controllers: [controllerAt('new')] });
      expect(await passing(after, ['/new/list', '/new/other'])).toEqual([0, 0]);
    });

    it('are those of a class limit, of a policy and of the use of a policy, and hit() charges the same', async () => {
      @Controller('orders')
      class OrdersController {
        constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

        @Throttle('each', { id: 'orders', manual: true })
        @Get('manual')
        async manual(): Promise<string> {
          await this.throttle.hit('each');
          return 'charged';
        }

        @Throttle('each', { id: 'orders' })
        @Get('guarded')
        guarded(): string {
          return 'guarded';
        }

        @Throttle('each')
        @Get('plain')
        plain(): string {
          return 'plain';
        }

        @Throttle('named')
        @Get('one')
        one(): string {
          return 'one';
        }

        @Throttle('named')
        @Get('two')
        two(): string {
          return 'two';
        }
      }
      const policies = {
        each: { rate: '2/min', scope: 'handler' },
        named: { rate: '2/min', scope: 'class', id: 'together' },
      } as const;
      await using app = await startApp({ adapter, controllers: [OrdersController], options: { policies } });
      expect(await app.statuses('/orders/manual', 1)).toEqual([200]);
      expect(await passing(app, ['/orders/guarded', '/orders/manual', '/orders/plain'])).toEqual([1, 0, 2]);
      expect(await passing(app, ['/orders/one', '/orders/two'])).toEqual([2, 0]);
    });

    it('are separate from those of groups, and of addresses that look like it', async () => {
      @Controller()
      class LookalikesController {
        @Throttle('2/min', { id: 'x' })
        @Get('a')
        byId(): string {
          return 'a';
        }

        @Throttle('2/min', { scope: { group: 'x' } })
        @Get('b')
        byGroup(): string {
          return 'b';
        }

        @Throttle('2/min', { id: 'GET /d' })
        @Get('c')
        byAddress(): string {
          return 'c';
        }

        @Throttle('2/min')
        @Get('d')
        plain(): string {
          return 'd';
        }
      }
      await using app = await startApp({ adapter, controllers: [LookalikesController] });
      expect(await passing(app, ['/a', '/b', '/c', '/d'])).toEqual([2, 2, 2, 2]);
    });
  });
});
