import { describe, expect, it } from '@jest/globals';
import { Controller, Get, type Type } from '@nestjs/common';
import { type Call, EXEMPT, SkipThrottle, Throttle, type ThrottleModuleOptions } from '../../src/index.js';
import { adapters, startApp } from '../support/http-app.js';

@SkipThrottle()
@Controller('open')
class OpenController {
  @Get('nothing') nothing() {}

  @Throttle('5/min') @Get('limited') limited() {}

  @Throttle('search') @Get('search') search() {}
}

@Throttle('50/min')
@Throttle({ rate: '9/s', name: 'burst' })
@Controller('limited')
class LimitedController {
  @SkipThrottle() @Get('all') all() {}

  @SkipThrottle('burst') @Get('burst') burst() {}

  @SkipThrottle('burst', 'default') @Get('both') both() {}

  @SkipThrottle('burst') @SkipThrottle('default') @Get('stacked') stacked() {}

  @SkipThrottle('default') @Throttle({ rate: '3/s', name: 'burst' }) @Get('beside') beside() {}

  @SkipThrottle('site') @Get('site') site() {}

  @SkipThrottle('search') @Get('not-there') notThere() {}
}

@SkipThrottle('default', 'search')
@Controller('partly')
class PartlyController {
  @Get('nothing') nothing() {}

  @Throttle('5/min') @Get('limited') limited() {}

  @Throttle('search') @Get('search') search() {}
}

class BaseController {
  @SkipThrottle() @Get('up') up() {}

  @Get('nothing') nothing() {}
}

@Throttle('50/min')
@Controller('derived')
class DerivedController extends BaseController {}

const controllers = [OpenController, LimitedController, PartlyController, DerivedController];

describe.each(adapters)('@SkipThrottle on %s', (adapter) => {
  it.each([
    ['all on a class', '/open/nothing', undefined],
    ["all on a class, and not the method's own limit", '/open/limited', '"default";q=5;w=60'],
    ["all on a class, and not the method's own policy of the module", '/open/search', '"search";q=30;w=60'],
    ['all on a method', '/limited/all', undefined],
    ['one by name', '/limited/burst', '"site";q=5000;w=60, "default";q=50;w=60'],
    ['two by name', '/limited/both', '"site";q=5000;w=60'],
    ['two by name, stacked', '/limited/stacked', '"site";q=5000;w=60'],
    ['one beside a limit of another name', '/limited/beside', '"site";q=5000;w=60, "burst";q=3;w=1'],
    ['a named default of the module', '/limited/site', '"default";q=50;w=60, "burst";q=9;w=1'],
    [
      'a policy that is not charged there, which is nothing',
      '/limited/not-there',
      '"site";q=5000;w=60, "default";q=50;w=60, "burst";q=9;w=1',
    ],
    ['the default of the module on a class', '/partly/nothing', '"site";q=5000;w=60'],
    ["what a class names, and not the method's own", '/partly/limited', '"site";q=5000;w=60, "default";q=5;w=60'],
    [
      "a policy that a class names, and not the method's own",
      '/partly/search',
      '"site";q=5000;w=60, "search";q=30;w=60',
    ],
    ['an inherited method of a limited class', '/derived/up', undefined],
    ['no other inherited method', '/derived/nothing', '"site";q=5000;w=60, "default";q=50;w=60'],
  ])('skips %s', async (_, path, expected) => {
    const options = { default: ['1000/min', { rate: '5000/min', name: 'site' }], policies: { search: '30/min' } };
    await using app = await startApp({ adapter, controllers, options });
    const { status, headers } = await app.send(path);
    expect({ status, shown: headers['ratelimit-policy'] }).toEqual({ status: 200, shown: expected });
  });

  it('never denies, and charges nothing under the limits that it skips', async () => {
    @Throttle({ rate: '2/min', strategy: 'fixed-window' })
    @Controller()
    class MixedController {
      @Get('limited') limited() {}

      @SkipThrottle() @Get('open') open() {}
    }
    await using app = await startApp({ adapter, controllers: [MixedController] });
    expect(await app.statuses('/open', 3)).toEqual([200, 200, 200]);
    expect(await app.statuses('/limited', 3)).toEqual([200, 200, 429]);
    expect(await app.statuses('/open', 1)).toEqual([200]);
  });
});

describe.each(adapters)('a policy whose skip returns true, on %s', (adapter) => {
  const isInternal = ({ request }: Call) => request?.headers['x-internal'] === 'yes';
  const internal = { headers: { 'x-internal': 'yes' } };

  const start = (controller: Type, options: ThrottleModuleOptions = {}) =>
    startApp({ adapter, controllers: [controller], options });

  it('is not charged, and the other policies are', async () => {
    @Controller()
    class SomeController {
      @Throttle({ rate: '1/min', strategy: 'fixed-window', name: 'outer', skip: isInternal })
      @Throttle({ rate: '3/min', strategy: 'fixed-window', name: 'inner', skip: async () => false })
      @Get()
      list() {}
    }
    await using app = await start(SomeController);
    expect((await app.send('/')).headers.ratelimit).toBe('"outer";r=0;t=60, "inner";r=2;t=60');
    expect((await app.send('/', internal)).headers.ratelimit).toBe('"inner";r=1;t=60');
    expect((await app.send('/')).headers.ratelimit).toBe('"outer";r=0;t=60, "inner";r=1;t=60');
    expect(await app.statuses('/', 2, internal)).toEqual([200, 429]);
  });

  it('is not charged either if its by returns EXEMPT', async () => {
    @Controller()
    class SomeController {
      @Throttle({ rate: '1/min', name: 'outer', by: (call) => (isInternal(call) ? EXEMPT : 'all') })
      @Throttle({ rate: '3/min', strategy: 'fixed-window', name: 'inner' })
      @Get()
      list() {}
    }
    await using app = await start(SomeController);
    expect((await app.send('/', internal)).headers.ratelimit).toBe('"inner";r=2;t=60');
  });
});
