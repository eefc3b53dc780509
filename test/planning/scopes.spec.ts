import { describe, expect, it } from '@jest/globals';
import { Controller, Get, type Type } from '@nestjs/common';
import { by, type PolicyOptions, SkipThrottle, Throttle, type What } from '../../src/index.js';
import { adapters, startApp, type TestApp } from '../support/http-app.js';

/** Makes a controller at a path, with handlers `one` and `two` and the given limits. */
function controllerAt(path: string, { onClass, onMethod }: { onClass?: What; onMethod?: What }): Type {
  const decorators = (what: What | undefined) => (what === undefined ? [] : [Throttle(what)]);

  @Controller(path)
  class ScopedController {
    @Get('one')
    one(): string {
      return 'one';
    }

    @Get('two')
    two(): string {
      return 'two';
    }
  }
  for (const method of ['one', 'two']) {
    const descriptor = Object.getOwnPropertyDescriptor(ScopedController.prototype, method);
    for (const decorate of decorators(onMethod)) decorate(ScopedController.prototype, method, descriptor ?? {});
  }
  for (const decorate of decorators(onClass)) decorate(ScopedController);
  return ScopedController;
}

const PATHS = ['/a/one', '/a/two', '/b/one', '/b/two'];

/** Counts the requests that pass on each path if four are sent to each, one path after the other. */
async function passing(app: TestApp): Promise<number[]> {
  const counts: number[] = [];
  for (const path of PATHS) {
    const statuses = await app.statuses(path, 4);
    counts.push(statuses.filter((status) => status === 200).length);
  }
  return counts;
}

const rate = '3/min';
const where: readonly (readonly [string, { onClass?: What; onMethod?: What }, number[]])[] = [
  ['on a method is that handler’s', { onMethod: rate }, [3, 3, 3, 3]],
  ['on a class is shared by its handlers', { onClass: rate }, [3, 0, 3, 0]],
  ['on a class for each handler is the handler’s', { onClass: { rate, scope: 'handler' } }, [3, 3, 3, 3]],
  ['on a method for the class is shared by its handlers', { onMethod: { rate, scope: 'class' } }, [3, 0, 3, 0]],
  ['on a method for the application is shared by all', { onMethod: { rate, scope: 'app' } }, [3, 0, 0, 0]],
  ['on a class for the application is shared by all', { onClass: { rate, scope: 'app' } }, [3, 0, 0, 0]],
  ['on a method for a group is the group’s', { onMethod: { rate, scope: { group: 'g' } } }, [3, 0, 0, 0]],
  ['in the module and used by its name is shared by all', { onMethod: 'shared' }, [3, 0, 0, 0]],
  ['in the module and used on a class is shared by all', { onClass: 'shared' }, [3, 0, 0, 0]],
  ['in the module for each handler is that handler’s', { onMethod: 'each' }, [3, 3, 3, 3]],
];

describe.each(adapters)('a budget on %s', (adapter) => {
  const policies: Record<string, PolicyOptions> = { shared: { rate }, each: { rate, scope: 'handler' } };

  it.each(where)('declared %s', async (_where, written, expected) => {
    const controllers = [controllerAt('a', written), controllerAt('b', written)];
    await using app = await startApp({ adapter, controllers, options: { policies } });
    expect(await passing(app)).toEqual(expected);
  });

  it('of the module’s default is shared by all handlers without a limit of their own', async () => {
    const controllers = [controllerAt('a', {}), controllerAt('b', { onMethod: '2/min' })];
    await using app = await startApp({ adapter, controllers, options: { default: rate } });
    expect(await passing(app)).toEqual([3, 0, 2, 2]);
  });

  it('of a group is separate from that of another group or another name', async () => {
    const inGroup = (group: string, name?: string) => ({ rate, scope: { group }, ...(name !== undefined && { name }) });
    const of = (what: What) =>
      startApp({
        adapter,
        controllers: [controllerAt('a', { onClass: inGroup('g') }), controllerAt('b', { onClass: what })],
      });
    await using sameGroup = await of(inGroup('g'));
    expect(await passing(sameGroup)).toEqual([3, 0, 0, 0]);
    await using otherGroup = await of(inGroup('h'));
    expect(await passing(otherGroup)).toEqual([3, 0, 3, 0]);
    await using otherName = await of(inGroup('g', 'other'));
    expect(await passing(otherName)).toEqual([3, 0, 3, 0]);
  });

  it('of a group is separate from that of a class with the group’s name', async () => {
    const group = 'class:AppModule/ScopedController';
    const controllers = [
      controllerAt('a', { onClass: rate }),
      controllerAt('b', { onClass: { rate, scope: { group } } }),
    ];
    await using app = await startApp({ adapter, controllers });
    expect(await passing(app)).toEqual([3, 0, 3, 0]);
  });

  it('is separate for each context.scope, of a policy or of its use', async () => {
    const scoped = (scope: string) => ({ name: 'scoped', rate, scope: 'app', context: { scope } }) as const;
    const controllers = [controllerAt('a', { onClass: scoped('x') }), controllerAt('b', { onClass: scoped('y') })];
    await using app = await startApp({ adapter, controllers });
    expect(await passing(app)).toEqual([3, 0, 3, 0]);

    @Controller()
    class UsesController {
      @Throttle('shared', { context: { scope: 'x' } })
      @Get('a/one')
      one(): string {
        return 'one';
      }

      @Throttle('shared', { context: { scope: 'y' } })
      @Get('a/two')
      two(): string {
        return 'two';
      }

      @Throttle('shared', { context: { scope: 'x' } })
      @Get('b/one')
      three(): string {
        return 'three';
      }

      @Throttle('shared')
      @Get('b/two')
      four(): string {
        return 'four';
      }
    }
    const shared = { rate, context: { scope: 'z' } };
    await using uses = await startApp({ adapter, controllers: [UsesController], options: { policies: { shared } } });
    expect(await passing(uses)).toEqual([3, 3, 0, 3]);
  });

  it('of a context.scope is separate from that of a subject that looks like it', async () => {
    @Controller()
    class LookalikesController {
      @Throttle('shared', { by: () => 'x', context: { scope: 'a' } })
      @Get('a/one')
      one(): string {
        return 'one';
      }

      @Throttle('shared', { by: () => 'scope:1:a:x' })
      @Get('a/two')
      two(): string {
        return 'two';
      }

      @Throttle('shared', { by: () => 'x', context: { scope: '' } })
      @Get('b/one')
      three(): string {
        return 'three';
      }

      @Throttle('shared', { by: () => 'x' })
      @Get('b/two')
      four(): string {
        return 'four';
      }
    }
    await using app = await startApp({ adapter, controllers: [LookalikesController], options: { policies } });
    expect(await passing(app)).toEqual([3, 3, 3, 3]);
  });

  it('of a class is not charged by a handler that skips it', async () => {
    @Throttle(rate, { by: by.all() })
    @Controller('a')
    class SkippingController {
      @SkipThrottle()
      @Get('one')
      one(): string {
        return 'one';
      }

      @Get('two')
      two(): string {
        return 'two';
      }
    }
    await using app = await startApp({ adapter, controllers: [SkippingController, controllerAt('b', {})] });
    expect(await passing(app)).toEqual([4, 3, 4, 4]);
  });
});
