import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Scope, type Type } from '@nestjs/common';
import { SkipThrottle, Throttle } from '../../src/index.js';
import { deniedHandlers } from '../support/denied-handlers.js';
import { type AppOptions, adapters, startApp, type TestApp } from '../support/http-app.js';
import { anonymous, recognizable, WrappedHandlers, wrapMethods } from '../support/wrapped-handlers.js';

/** Handlers that are to be told apart by their limits; `one` and `two` have none of their own. */
function reportsController(scope: Scope): Type {
  @Controller({ path: 'reports', scope })
  class ReportsController {
    @Throttle('2/min')
    @Get('list')
    list(): string {
      return 'list';
    }

    @SkipThrottle()
    @Get('health')
    health(): string {
      return 'health';
    }

    @Get('one')
    one(): string {
      return 'one';
    }

    @Get('two')
    two(): string {
      return 'two';
    }

    @Throttle('each')
    @Get('first')
    first(): string {
      return 'first';
    }

    @Throttle('each')
    @Get('second')
    second(): string {
      return 'second';
    }
  }
  return ReportsController;
}

/** Limits of a class, and handlers that replace and skip them. */
function classController(scope: Scope): Type {
  @Throttle('3/min')
  @Controller({ path: 'class', scope })
  class ClassController {
    @Get('one')
    one(): string {
      return 'one';
    }

    @Get('two')
    two(): string {
      return 'two';
    }

    @Throttle('1/min')
    @Get('tight')
    tight(): string {
      return 'tight';
    }

    @SkipThrottle()
    @Get('free')
    free(): string {
      return 'free';
    }
  }
  return ClassController;
}

/** A class with a budget for each of its handlers, on which nothing is written. */
function eachController(scope: Scope): Type {
  @Throttle('2/min', { scope: 'handler' })
  @Controller({ path: 'each', scope })
  class EachController {
    @Get('one')
    one(): string {
      return 'one';
    }

    @Get('two')
    two(): string {
      return 'two';
    }
  }
  return EachController;
}

/** Two classes that inherit one limited handler; the first overrides another. */
function derivedControllers(scope: Scope): readonly [Type, Type] {
  class BaseController {
    @Throttle('2/min')
    @Get('list')
    list(): string {
      return 'list';
    }

    @Throttle('1/min')
    @Get('find')
    find(): string {
      return 'find';
    }
  }

  @Controller({ path: 'derived', scope })
  class DerivedController extends BaseController {
    @Throttle('2/min')
    @Get('find')
    override find(): string {
      return super.find();
    }
  }

  @Controller({ path: 'sibling', scope })
  class SiblingController extends BaseController {}
  return [DerivedController, SiblingController];
}

/** A controller without limits on its class. */
function methodsOnlyController(scope: Scope): Type {
  @Controller({ path: 'methods', scope })
  class MethodsOnlyController {
    @Throttle('1/min')
    @Get('list')
    list(): string {
      return 'list';
    }

    @Get('plain')
    plain(): string {
      return 'plain';
    }
  }
  return MethodsOnlyController;
}

const policies = { each: { rate: '2/min', scope: 'handler' } } as const;
const withDefault = { default: '3/min', policies };
const scopes = [
  ['singletons', Scope.DEFAULT],
  ['request-scoped', Scope.REQUEST],
] as const;

/** The statuses of requests to paths, one after the other. */
async function statusesOf(app: TestApp, paths: readonly string[]): Promise<number[]> {
  const statuses: number[] = [];
  for (const path of paths) statuses.push((await app.send(path)).status);
  return statuses;
}

describe.each(adapters)('wrapped handlers on %s', (adapter) => {
  describe.each(scopes)('of controllers that are %s', (_scope, scope) => {
    async function start(options: Partial<AppOptions> = {}): Promise<TestApp> {
      const controllers = [
        reportsController(scope),
        classController(scope),
        eachController(scope),
        ...derivedControllers(scope),
      ];
      return startApp({ adapter, controllers, options: withDefault, ...options });
    }

    describe.each(recognizable)('%s', (_how, wrapper) => {
      it('keep the limits of their methods, and labels in events', async () => {
        using wrapped = new WrappedHandlers(wrapper);
        await using app = await start();
        const denied = deniedHandlers(app);
        expect(await app.statuses('/reports/list', 3)).toEqual([200, 200, 429]);
        expect(await app.statuses('/reports/health', 5)).toEqual([200, 200, 200, 200, 200]);
        expect(await statusesOf(app, ['/reports/one', '/reports/two', '/reports/one', '/reports/two'])).toEqual([
          200, 200, 200, 429,
        ]);
        expect(denied).toEqual(['ReportsController.list', 'ReportsController.two']);
        expect(wrapped.names).toEqual(expect.arrayContaining(['list', 'health', 'one', 'two']));
      });

      it('have a budget each under a policy of the module with the scope "handler"', async () => {
        using _ = new WrappedHandlers(wrapper);
        await using app = await start({ options: { policies } });
        const denied = deniedHandlers(app);
        expect(await app.statuses('/reports/first', 3)).toEqual([200, 200, 429]);
        expect(await app.statuses('/reports/second', 3)).toEqual([200, 200, 429]);
        expect(denied).toEqual(['ReportsController.first', 'ReportsController.second']);
      });

      it('have a budget each if their class has the scope "handler"', async () => {
        using _ = new WrappedHandlers(wrapper);
        await using app = await start();
        const denied = deniedHandlers(app);
        expect(await app.statuses('/each/one', 3)).toEqual([200, 200, 429]);
        expect(await app.statuses('/each/two', 3)).toEqual([200, 200, 429]);
        expect(denied).toEqual(['EachController.one', 'EachController.two']);
      });

      it('share the limits of their class, and replace and skip them', async () => {
        using _ = new WrappedHandlers(wrapper);
        await using app = await start();
        const denied = deniedHandlers(app);
        expect(await app.statuses('/class/tight', 2)).toEqual([200, 429]);
        expect(await statusesOf(app, ['/class/one', '/class/two', '/class/one', '/class/two'])).toEqual([
          200, 200, 200, 429,
        ]);
        expect(await app.statuses('/class/free', 4)).toEqual([200, 200, 200, 200]);
        expect(denied).toEqual(['ClassController.tight', 'ClassController.two']);
      });

      it('keep inherited limits, and those of a method that overrides another', async () => {
        using _ = new WrappedHandlers(wrapper);
        await using app = await start();
        const denied = deniedHandlers(app);
        expect(await app.statuses('/derived/list', 3)).toEqual([200, 200, 429]);
        expect(await app.statuses('/sibling/list', 3)).toEqual([200, 200, 429]);
        expect(await app.statuses('/derived/find', 3)).toEqual([200, 200, 429]);
        expect(await app.statuses('/sibling/find', 2)).toEqual([200, 429]);
        expect(denied).toEqual([
          'DerivedController.list',
          'SiblingController.list',
          'DerivedController.find',
          'SiblingController.find',
        ]);
      });

      it('cause no warning', async () => {
        using _ = new WrappedHandlers(wrapper);
        const warnings: string[] = [];
        await using app = await start({ warnings });
        const paths = ['/reports/list', '/reports/one', '/class/one', '/class/tight', '/derived/list'];
        expect(await statusesOf(app, paths)).toEqual([200, 200, 200, 200, 200]);
        expect(warnings).toEqual([]);
      });
    });

    describe('with neither name nor metadata', () => {
      it('have the limits of their class, and one warning for each class', async () => {
        using _ = new WrappedHandlers(anonymous);
        const warnings: string[] = [];
        const controllers = [classController(scope)];
        await using app = await start({ controllers, warnings });
        expect(await statusesOf(app, ['/class/one', '/class/two', '/class/tight', '/class/free'])).toEqual([
          200, 200, 200, 429,
        ]);
        expect(warnings).toEqual([expect.stringContaining('ClassController')]);
      });

      it('have the default of the module if their class declares nothing', async () => {
        using _ = new WrappedHandlers(anonymous);
        const warnings: string[] = [];
        const controllers = [methodsOnlyController(scope)];
        await using app = await start({ controllers, warnings });
        expect(await statusesOf(app, ['/methods/list', '/methods/plain', '/methods/list', '/methods/plain'])).toEqual([
          200, 200, 200, 429,
        ]);
        expect(warnings).toEqual([expect.stringContaining('MethodsOnlyController')]);
      });

      it('pass if neither class nor module limit them', async () => {
        using _ = new WrappedHandlers(anonymous);
        const warnings: string[] = [];
        const controllers = [methodsOnlyController(scope)];
        await using app = await start({ controllers, warnings, options: { policies } });
        expect(await app.statuses('/methods/list', 3)).toEqual([200, 200, 200]);
        expect(warnings).toEqual([expect.stringContaining('MethodsOnlyController')]);
      });
    });
  });

  describe.each(scopes)('of an instanceDecorator, of controllers that are %s', (_scope, scope) => {
    const start = (options: AppOptions['options']) =>
      startApp({
        adapter,
        controllers: [reportsController(scope)],
        instrument: { instanceDecorator: wrapMethods },
        ...(options && { options }),
      });

    it('keep the limits of their methods, and labels in events', async () => {
      await using app = await start(withDefault);
      const denied = deniedHandlers(app);
      expect(await app.statuses('/reports/list', 3)).toEqual([200, 200, 429]);
      expect(await app.statuses('/reports/health', 5)).toEqual([200, 200, 200, 200, 200]);
      expect(await statusesOf(app, ['/reports/one', '/reports/two', '/reports/one', '/reports/two'])).toEqual([
        200, 200, 200, 429,
      ]);
      expect(denied).toEqual(['ReportsController.list', 'ReportsController.two']);
    });

    it('have a budget each under a policy of the module with the scope "handler"', async () => {
      await using app = await start({ policies });
      expect(await app.statuses('/reports/first', 3)).toEqual([200, 200, 429]);
      expect(await app.statuses('/reports/second', 3)).toEqual([200, 200, 429]);
    });
  });
});
