import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject, Req } from '@nestjs/common';
import { type HttpRequest, SkipThrottle, Throttle, ThrottleService } from '../../src/index.js';
import { adapters, startApp } from '../support/http-app.js';
import { acting } from '../support/scripted-handler.js';

const strategy = 'fixed-window';
const rate = (text: string, more = {}) => ({ rate: text, strategy, ...more });

@Throttle(rate('50/min'))
@Controller('class')
class ClassController {
  constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

  @Get('nothing') nothing() {
    return this.throttle.hit(3);
  }

  @Throttle(rate('20/min', { cost: 2 })) @Get('cost') cost() {
    return this.throttle.hit();
  }

  @Throttle(rate('20/min', { cost: async () => 4 })) @Get('dynamic') dynamic() {
    return this.throttle.hit();
  }

  @Throttle(rate('20/min')) @Get('one') one() {
    return this.throttle.hit(3);
  }

  @Throttle([rate('20/min'), rate('40/hour')]) @Get('several') several() {
    return this.throttle.hit(3);
  }

  @Throttle(rate('20/min', { name: 'report' })) @Get('named') named() {
    return this.throttle.hit(3);
  }

  @Throttle([rate('20/min'), rate('9/min', { name: 'lazy', manual: true })]) @Get('manual') manual() {
    return this.throttle.hit(3);
  }

  @Throttle('search') @Get('by-name') byName() {
    return this.throttle.hit(3);
  }

  @Throttle('unlimited') @Get('unlimited') unlimited() {
    return this.throttle.hit(3);
  }

  @Throttle([rate('20/min'), rate('4/hour')]) @Get('too-much') tooMuch() {
    return this.throttle.hit(4);
  }
}

@Throttle(rate('50/min', { manual: true }))
@Throttle(rate('7/min', { name: 'guarded' }))
@Controller('lazy')
class LazyController {
  constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

  @Get('nothing') nothing() {
    return this.throttle.hit(3);
  }

  @SkipThrottle('default') @Get('skipped') skipped() {
    return this.throttle.hit(3);
  }
}

const controllers = [ClassController, LazyController];
const options = { default: rate('1000/min'), policies: { search: rate('30/min') } };

describe.each(adapters)('hit without a policy, on %s', (adapter) => {
  it.each([
    ['those of the class where the method has none', '/class/nothing', '"default";r=46;t=60'],
    ['the cost of the limit where none is given', '/class/cost', '"default";r=16;t=60'],
    ['the cost that a function of the limit says', '/class/dynamic', '"default";r=12;t=60'],
    ["the method's, and not the class's", '/class/one', '"default";r=16;t=60'],
    ['all of the method', '/class/several', '"default-1m";r=16;t=60, "default-1h";r=36;t=3600'],
    ["a named one of the method, and not the class's", '/class/named', '"default";r=49;t=60, "report";r=16;t=60'],
    ['the manual ones only, where there are any', '/class/manual', '"default";r=19;t=60, "lazy";r=6;t=60'],
    ['the policies that the method names', '/class/by-name', '"default";r=49;t=60, "search";r=26;t=60'],
    ['nothing where the method is unlimited', '/class/unlimited', undefined],
    ['the manual ones of the class only', '/lazy/nothing', '"guarded";r=6;t=60, "default";r=47;t=60'],
    ['what is left after a skip', '/lazy/skipped', '"guarded";r=3;t=60'],
  ])('charges %s', async (_, path, expected) => {
    await using app = await startApp({ adapter, controllers, options });
    const { status, headers } = await app.send(path);
    expect({ status, ratelimit: headers.ratelimit }).toEqual({ status: 200, ratelimit: expected });
  });

  it('charges all of them or none', async () => {
    await using app = await startApp({ adapter, controllers, options });
    const { status, headers } = await app.send('/class/too-much');
    expect(status).toBe(429);
    expect(headers.ratelimit).toBe('"default-1m";r=19;t=60, "default-1h";r=3;t=3600');
  });

  it('never charges the default of the module: a handler without limits of its own is an error that says so', async () => {
    const errors: string[] = [];
    const plain = [acting((throttle) => throttle.hit(3))];
    await using app = await startApp({ adapter, controllers: plain, options, errors });
    expect((await app.send('/act')).status).toBe(500);
    expect(errors).toEqual([
      'hit() in ActController.run: no limit of the method or its class applies. ' +
        'Add @Throttle("60/min", { manual: true }), or name a policy. Known: search.',
    ]);
  });

  it('is an error if all limits of the handler are skipped', async () => {
    @Throttle('50/min')
    @Controller()
    class OpenController {
      constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

      @SkipThrottle() @Get() list() {
        return this.throttle.hit();
      }
    }
    const errors: string[] = [];
    await using app = await startApp({ adapter, controllers: [OpenController], errors });
    expect((await app.send('/')).status).toBe(500);
    expect(errors).toEqual([
      'hit() in OpenController.list: no limit of the method or its class applies. ' +
        'Add @Throttle("60/min", { manual: true }), or name a policy.',
    ]);
  });

  it('charges a named limit of the handler, and the default of the module before it', async () => {
    @Throttle(rate('40/min', { name: 'own' }))
    @Controller('own')
    class OwnController {
      constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

      @Throttle([rate('20/min'), rate('9/min', { name: 'report' })]) @Get('method') method() {
        return this.throttle.hit('report', 3);
      }

      @Throttle(rate('20/min')) @Get('class') class() {
        return this.throttle.hit('own', 3);
      }

      @Throttle(rate('20/min')) @Get('module') module() {
        return this.throttle.hit('default', 3);
      }

      @Get('elsewhere') elsewhere() {
        return this.throttle.hit('report', 3);
      }
    }
    const errors: string[] = [];
    await using app = await startApp({
      adapter,
      controllers: [OwnController],
      options,
      errors,
    });
    const own = async (path: string) => (await app.send(`/own/${path}`)).headers.ratelimit;
    expect(await own('method')).toBe('"own";r=39;t=60, "default";r=19;t=60, "report";r=5;t=60');
    expect(await own('class')).toBe('"own";r=35;t=60, "default";r=19;t=60');
    expect(await own('module')).toBe('"own";r=34;t=60, "default";r=19;t=60, "default";r=997;t=60');
    await app.send('/own/elsewhere');
    expect(errors).toEqual([
      'hit("report") in OwnController.elsewhere: no policy or limit has this name. Known: search, own, default.',
    ]);
  });

  it('charges the named default of the module', async () => {
    await using app = await startApp({
      adapter,
      controllers: [acting((throttle) => throttle.hit('default', 5))],
      options,
    });
    expect((await app.send('/act')).headers.ratelimit).toBe('"default";r=994;t=60');
  });
});

@Controller()
class AskingController {
  constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

  @Throttle(rate('20/min')) @Get('own') async own(@Req() request: HttpRequest) {
    const consumed = await this.throttle.consume(2);
    const fits = [await this.throttle.check(17), await this.throttle.check(18)];
    const remaining = [(await this.throttle.stat())?.remaining];
    await this.throttle.reset();
    remaining.push((await this.throttle.stat(undefined, { on: request }))?.remaining);
    return { consumed: consumed.binding?.remaining, fits, remaining };
  }
}

describe.each(adapters)('the other methods without a policy, on %s', (adapter) => {
  it("use the handler's own limits", async () => {
    await using app = await startApp({ adapter, controllers: [AskingController], options });
    expect((await app.send('/own')).body).toEqual({ consumed: 17, fits: [true, false], remaining: [17, 20] });
  });
});
