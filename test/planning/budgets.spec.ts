import { describe, expect, it } from '@jest/globals';
import { Controller, Get, type Type } from '@nestjs/common';
import { type Limit, type PolicyOptions, Throttle, type ThrottleModuleOptions, type What } from '../../src/index.js';
import { adapters, startApp } from '../support/http-app.js';

const strategy = 'fixed-window';
const two: PolicyOptions = { rate: '2/min', strategy };

interface Written {
  readonly onClass?: What;
  readonly onFirst?: What;
  readonly onSecond?: What;
}

/** A controller of two handlers, `first` and `second`. */
function controllerAt(path: string, { onClass = [], onFirst = [], onSecond = [] }: Written): Type {
  const throttle = (what: What): MethodDecorator & ClassDecorator =>
    Array.isArray(what) && what.length === 0 ? () => {} : Throttle(what);

  @throttle(onClass)
  @Controller(path)
  class PairController {
    @throttle(onFirst) @Get('first') first() {}

    @throttle(onSecond) @Get('second') second() {}
  }
  return PairController;
}

describe.each(adapters)('a budget on %s', (adapter) => {
  /** The remaining units after each of these calls; -1 for a denied one. */
  const remaining = async (controllers: Type[], options: ThrottleModuleOptions, paths: readonly string[]) => {
    await using app = await startApp({ adapter, controllers, options });
    const left: number[] = [];
    for (const path of paths) {
      const { status, headers } = await app.send(path);
      left.push(status === 429 ? -1 : Number(/;r=(\d+)/.exec(String(headers.ratelimit))?.[1]));
    }
    return left;
  };
  const a = (written: Written) => controllerAt('a', written);
  const b = (written: Written) => controllerAt('b', written);
  const everywhere = ['/a/first', '/a/second', '/b/first', '/b/second'];

  it('of a limit on a method belongs to that handler', async () => {
    const left = await remaining([a({ onFirst: two, onSecond: two })], {}, [
      '/a/first',
      '/a/first',
      '/a/first',
      '/a/second',
    ]);
    expect(left).toEqual([1, 0, -1, 1]);
  });

  it('of a limit on a class is shared by its handlers', async () => {
    expect(await remaining([a({ onClass: two }), b({ onClass: two })], {}, everywhere)).toEqual([1, 0, 1, 0]);
  });

  it('of a limit on a class is not charged by a handler with a limit of its own', async () => {
    const left = await remaining([a({ onClass: two, onSecond: two })], {}, ['/a/first', '/a/first', '/a/second']);
    expect(left).toEqual([1, 0, 1]);
  });

  it.each<readonly [string, Written]>([
    ['methods', { onFirst: 'search', onSecond: 'search' }],
    ['classes', { onClass: 'search' }],
  ])('of a policy of the module is shared by all %s that name it', async (_, written) => {
    const options = { policies: { search: { rate: '3/min', strategy } } };
    expect(await remaining([a(written), b(written)], options, everywhere)).toEqual([2, 1, 0, -1]);
  });

  it.each<readonly [string, Limit | readonly Limit[]]>([
    ['default', { rate: '3/min', strategy }],
    ['default with a name', [{ rate: '3/min', strategy, name: 'site' }]],
  ])('of the %s of the module is shared by the application', async (_, limit) => {
    expect(await remaining([a({}), b({})], { default: limit }, everywhere)).toEqual([2, 1, 0, -1]);
  });

  it.each<readonly [string, PolicyOptions['scope'], readonly number[]]>([
    ['handler', 'handler', [2, 2, 2, 2]],
    ['class', 'class', [2, 1, 2, 1]],
    ['application', 'app', [2, 1, 0, -1]],
    ['group', { group: 'reports' }, [2, 1, 0, -1]],
  ])('may belong to each %s, wherever it is declared', async (_, scope = 'app', expected) => {
    const limit = { rate: '3/min', strategy, scope };
    const onClass = [a({ onClass: limit }), b({ onClass: limit })];
    const onMethods = [a({ onFirst: limit, onSecond: limit }), b({ onFirst: limit, onSecond: limit })];
    const byName = [a({ onClass: 'search' }), b({ onFirst: 'search', onSecond: 'search' })];
    expect(await remaining(onClass, {}, everywhere)).toEqual(expected);
    expect(await remaining(onMethods, {}, everywhere)).toEqual(expected);
    expect(await remaining([a({}), b({})], { default: limit }, everywhere)).toEqual(expected);
    expect(await remaining(byName, { policies: { search: limit } }, everywhere)).toEqual(expected);
  });

  it('of a group is separate from other groups, and from other names in the group', async () => {
    const grouped = (group: string, name?: string) => ({
      rate: '3/min',
      strategy,
      scope: { group },
      ...(name !== undefined && { name }),
    });
    const controllers = [
      a({ onFirst: grouped('one'), onSecond: grouped('two') }),
      b({ onFirst: grouped('one'), onSecond: grouped('one', 'other') }),
    ];
    expect(await remaining(controllers, {}, everywhere)).toEqual([2, 2, 1, 2]);
  });

  it.each([
    ['periods', ['3/min', '3/h'], [strategy, strategy]],
    ['strategies', ['3/min', '3/min'], [strategy, 'sliding-log']],
  ])('is separate for limits of one name and group that differ in their %s', async (_, rates, strategies) => {
    const grouped = (i: number) => ({
      rate: rates[i] ?? '',
      strategy: strategies[i] ?? strategy,
      scope: { group: 'reports' },
    });
    const controllers = [a({ onFirst: grouped(0), onSecond: grouped(1) })];
    const paths = ['/a/first', '/a/second', '/a/first', '/a/second', '/a/first', '/a/first', '/a/second', '/a/second'];
    expect(await remaining(controllers, {}, paths)).toEqual([2, 2, 1, 1, 0, -1, 0, -1]);
  });

  it('is one count for limits of different rates that share it', async () => {
    const grouped = (rate: string) => ({ rate, strategy, scope: { group: 'reports' } });
    const controllers = [a({ onFirst: grouped('2/min'), onSecond: grouped('5/min') })];
    const paths = ['/a/second', '/a/second', '/a/first', '/a/second'];
    expect(await remaining(controllers, {}, paths)).toEqual([4, 3, -1, 2]);
  });
});

@Throttle(two)
class BaseController {
  @Get('base') base() {}

  @Throttle(two) @Get('own') own() {}
}

@Controller('plain')
class PlainController extends BaseController {}

@Throttle({ rate: '7/min', strategy })
@Throttle({ rate: '9/s', strategy, name: 'burst' })
@Controller('changed')
class ChangedController extends BaseController {
  @Throttle({ rate: '5/min', strategy }) @Get('own') override own() {}
}

@Controller('itself')
class ItselfController extends BaseController {
  @Get('other') other() {}
}

describe.each(adapters)('a class that extends another, on %s', (adapter) => {
  const start = (controllers: Type[]) => startApp({ adapter, controllers });

  it("inherits the other's limits, with budgets of its own", async () => {
    await using app = await start([PlainController, ItselfController]);
    expect(await app.statuses('/plain/base', 3)).toEqual([200, 200, 429]);
    expect(await app.statuses('/plain/own', 3)).toEqual([200, 200, 429]);
    expect(await app.statuses('/itself/base', 2)).toEqual([200, 200]);
    expect(await app.statuses('/itself/other', 1)).toEqual([429]);
    expect(await app.statuses('/itself/own', 3)).toEqual([200, 200, 429]);
  });

  it("replaces the other's limits for itself only", async () => {
    await using app = await start([ChangedController, PlainController]);
    const shown = async (path: string) => (await app.send(path)).headers['ratelimit-policy'];
    expect(await shown('/changed/base')).toBe('"default";q=7;w=60, "burst";q=9;w=1');
    expect(await shown('/changed/own')).toBe('"burst";q=9;w=1, "default";q=5;w=60');
    expect(await shown('/plain/base')).toBe('"default";q=2;w=60');
    expect(await shown('/plain/own')).toBe('"default";q=2;w=60');
  });
});
