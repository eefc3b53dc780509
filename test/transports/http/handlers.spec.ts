import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject, Injectable, Module, Scope, SetMetadata, type Type } from '@nestjs/common';
import { SkipThrottle, Throttle } from '../../../src/index.js';
import { adapters, startApp } from '../../support/http-app.js';

/** Controllers of one class name at different paths. */
function reportsAt(path: string): Type {
  @Controller(path)
  class ReportsController {
    @Throttle('1/min')
    @Get()
    list(): string {
      return path;
    }
  }
  return ReportsController;
}

/** Replaces the function of a method, as decorators that log or trace do. */
function wrapped(target: object, name: string, descriptor: PropertyDescriptor): void {
  const original: (...args: unknown[]) => unknown = descriptor.value;
  descriptor.value = function (this: unknown, ...args: unknown[]): unknown {
    return `wrapped ${original.apply(this, args)}`;
  };
  for (const key of Reflect.getMetadataKeys(original)) {
    Reflect.defineMetadata(key, Reflect.getMetadata(key, original), descriptor.value);
  }
  SetMetadata('wrapped', name)(target, name, descriptor);
}

describe.each(adapters)('handlers on %s', (adapter) => {
  it('of two controllers with one class name in one module have two budgets', async () => {
    await using app = await startApp({ adapter, controllers: [reportsAt('a'), reportsAt('b')] });
    expect(await app.statuses('/a', 2)).toEqual([200, 429]);
    expect(await app.statuses('/b', 2)).toEqual([200, 429]);
  });

  it('of two controllers with one class name in two modules of one name have two budgets', async () => {
    const imports = ['a', 'b'].map((path) => {
      @Module({ controllers: [reportsAt(path)] })
      class ReportsModule {}
      return ReportsModule;
    });
    await using app = await startApp({ adapter, imports });
    expect(await app.statuses('/a', 2)).toEqual([200, 429]);
    expect(await app.statuses('/b', 2)).toEqual([200, 429]);
  });

  it('share the budget of their class, but not with another class of that name', async () => {
    const classes = ['a', 'b'].map((path) => {
      @Throttle('2/min')
      @Controller(path)
      class ReportsController {
        @Get('one')
        one(): string {
          return 'one';
        }

        @Get('two')
        two(): string {
          return 'two';
        }
      }
      return ReportsController;
    });
    await using app = await startApp({ adapter, controllers: classes });
    expect([await app.statuses('/a/one', 1), await app.statuses('/a/two', 2)]).toEqual([[200], [200, 429]]);
    expect(await app.statuses('/b/two', 3)).toEqual([200, 200, 429]);
  });

  it('that are inherited have the limits of their base, with a budget for each class', async () => {
    @Throttle('2/min', { name: 'base', strategy: 'fixed-window' })
    abstract class BaseController {
      @Throttle('1/min')
      @Get('list')
      list(): string {
        return 'list';
      }

      @Get('more')
      more(): string {
        return 'more';
      }
    }

    @Controller('a')
    class AController extends BaseController {}

    @Controller('b')
    class BController extends BaseController {
      @SkipThrottle()
      @Get('free')
      free(): string {
        return 'free';
      }
    }
    await using app = await startApp({ adapter, controllers: [AController, BController] });
    const first = await app.send('/a/list');
    expect([first.status, first.headers['ratelimit-policy']]).toEqual([200, '"base";q=2;w=60, "default";q=1;w=60']);
    expect(await app.statuses('/a/list', 1)).toEqual([429]);
    expect(await app.statuses('/a/more', 2)).toEqual([200, 429]);
    expect(await app.statuses('/b/more', 3)).toEqual([200, 200, 429]);
    expect((await app.send('/b/list')).body).toEqual({
      statusCode: 429,
      error: 'Too Many Requests',
      message: 'Too many requests. Retry in 60 seconds.',
      policy: 'base',
      reason: 'rate',
      retryAfter: 60,
    });
    expect(await app.statuses('/b/free', 4)).toEqual([200, 200, 200, 200]);
  });

  it('that override one of their base have their own limit', async () => {
    class BaseController {
      @Throttle('1/min')
      @Get()
      list(): string {
        return 'base';
      }
    }

    @Controller('a')
    class AController extends BaseController {
      @Throttle('3/min')
      @Get()
      override list(): string {
        return 'own';
      }
    }
    await using app = await startApp({ adapter, controllers: [AController] });
    expect(await app.statuses('/a', 4)).toEqual([200, 200, 200, 429]);
  });

  it('keep their limit when a decorator above or below replaces the function', async () => {
    @Controller()
    class WrappedController {
      @wrapped
      @Throttle('1/min')
      @Get('above')
      above(): string {
        return 'above';
      }

      @Throttle('1/min')
      @wrapped
      @Get('below')
      below(): string {
        return 'below';
      }
    }
    await using app = await startApp({ adapter, controllers: [WrappedController] });
    for (const name of ['above', 'below']) {
      expect(await app.send(`/${name}`)).toMatchObject({ status: 200, text: `wrapped ${name}` });
      expect((await app.send(`/${name}`)).status).toBe(429);
    }
  });

  it('of a request-scoped controller are limited', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Counter {
      static made = 0;
      readonly number = ++Counter.made;
    }

    @Controller('scoped')
    class ScopedController {
      constructor(@Inject(Counter) private readonly counter: Counter) {}

      @Throttle('2/min')
      @Get()
      count(): string {
        return String(this.counter.number);
      }
    }
    await using app = await startApp({ adapter, controllers: [ScopedController], providers: [Counter] });
    expect(await app.send('/scoped')).toMatchObject({ status: 200, text: '1' });
    expect(await app.send('/scoped')).toMatchObject({ status: 200, text: '2' });
    expect((await app.send('/scoped')).status).toBe(429);
  });
});
