import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject, Module, type Type } from '@nestjs/common';
import { type Call, type PolicyOptions, Throttle, ThrottleModule, ThrottleService } from '../../src/index.js';
import { adapters, startApp } from '../support/http-app.js';

const strategy = 'fixed-window';
const policies = { search: { rate: '10/min', strategy, cost: 2 } };

const costHeader = ({ request }: Call) => Number(request?.headers['x-cost']);
const costing = (units: number) => ({ headers: { 'x-cost': units } });

const preset: PolicyOptions = { rate: '20/min', strategy, cost: 4 };

@Controller()
class CostsController {
  @Throttle({ rate: '10/min', strategy }) @Get('one') one() {}

  @Throttle({ rate: '10/min', strategy }, 5) @Get('number') number() {}

  @Throttle({ rate: '10/min', strategy }, costHeader) @Get('function') function() {}

  @Throttle({ rate: '10/min', strategy }, async (call) => costHeader(call)) @Get('later') later() {}

  @Throttle('10/min', { strategy, cost: 3 }) @Get('options') options() {}

  @Throttle(preset, 6) @Get('preset') preset() {}

  @Throttle([preset, { rate: '30/hour', strategy }], 6) @Get('list') list() {}

  @Throttle('search') @Get('search') search() {}

  @Throttle('search', 3) @Get('search-number') searchNumber() {}

  @Throttle('search', costHeader) @Get('search-function') searchFunction() {}

  @Throttle('search', { cost: 4, context: { scope: 'apart' } }) @Get('search-options') searchOptions() {}
}

describe.each(adapters)('a call on %s', (adapter) => {
  const start = (controllers: Type[] = [CostsController]) => startApp({ adapter, controllers, options: { policies } });

  it.each([
    ['1', 'one', '"default";r=9;t=60'],
    ['what stands beside the rate', 'number', '"default";r=5;t=60'],
    ['what a function says', 'function', '"default";r=3;t=60'],
    ['what a function says later', 'later', '"default";r=3;t=60'],
    ['what the options beside the rate say', 'options', '"default";r=7;t=60'],
    ['what stands beside a preset', 'preset', '"default";r=14;t=60'],
    ['what stands beside a list, of each', 'list', '"default-1m";r=14;t=60, "default-1h";r=24;t=3600'],
    ['what the policy of the module says', 'search', '"search";r=8;t=60'],
    ['what stands beside the name of a policy', 'search-number', '"search";r=7;t=60'],
    ['what a function beside the name of a policy says', 'search-function', '"search";r=3;t=60'],
    ['what the options beside the name of a policy say', 'search-options', '"search";r=6;t=60'],
  ])('costs %s', async (_, path, expected) => {
    await using app = await start();
    expect((await app.send(`/${path}`, costing(7))).headers.ratelimit).toBe(expected);
  });

  it('is charged to one budget of a policy by handlers with different costs', async () => {
    await using app = await start();
    expect((await app.send('/search')).headers.ratelimit).toBe('"search";r=8;t=60');
    expect((await app.send('/search-number')).headers.ratelimit).toBe('"search";r=5;t=60');
    expect((await app.send('/search-function', costing(5))).headers.ratelimit).toBe('"search";r=0;t=60');
    expect((await app.send('/search')).status).toBe(429);
    expect((await app.send('/search-options')).headers.ratelimit).toBe('"search";r=6;t=60');
  });

  it('is charged under no policy if one of them denies', async () => {
    @Throttle({ rate: '5/min', strategy, name: 'wide' })
    @Controller()
    class SomeController {
      @Throttle({ rate: '1/s', strategy, name: 'narrow' }) @Get('narrow') narrow() {}

      @Get('wide') wide() {}
    }
    await using app = await start([SomeController]);
    expect((await app.send('/narrow')).headers.ratelimit).toBe('"wide";r=4;t=60, "narrow";r=0;t=1');
    for (let i = 0; i < 10; i++) {
      const { status, headers } = await app.send('/narrow');
      expect({ status, ratelimit: headers.ratelimit }).toEqual({
        status: 429,
        ratelimit: '"wide";r=4;t=60, "narrow";r=0;t=1',
      });
    }
    expect((await app.send('/wide')).headers.ratelimit).toBe('"wide";r=3;t=60');
    app.clock.advance(1000);
    expect((await app.send('/narrow')).headers.ratelimit).toBe('"wide";r=2;t=59, "narrow";r=0;t=1');
  });

  it("passes the policy's context, overridden by the handler's, to functions", async () => {
    const find = ({ context }: Call) => `${context.tenant} ${context.region}`;
    const mail: PolicyOptions = { rate: '5/min', strategy, by: find, context: { tenant: 'acme', region: 'eu' } };

    @Controller()
    class MailController {
      @Throttle('mail') @Get('eu') eu() {}

      @Throttle('mail', { context: { region: 'us' } }) @Get('us') us() {}
    }
    await using app = await startApp({ adapter, controllers: [MailController], options: { policies: { mail } } });
    expect([...(await app.statuses('/eu', 1)), ...(await app.statuses('/us', 2))]).toEqual([200, 200, 200]);
    const left = async (subject: string) => (await app.app.get(ThrottleService).stat('mail', { subject }))?.remaining;
    expect([await left('acme eu'), await left('acme us')]).toEqual([4, 3]);
  });

  it('is not charged by the guard under a manual limit', async () => {
    @Throttle({ rate: '5/min', strategy, name: 'wide' })
    @Controller()
    class LazyController {
      constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

      @Throttle({ rate: '10/min', strategy, manual: true }) @Get('never') never() {}

      @Throttle({ rate: '10/min', strategy, manual: true })
      @Get('by-hand')
      async byHand() {
        await this.throttle.hit(4);
      }

      @Throttle('search', { manual: true }) @Get('search') search() {}
    }
    await using app = await start([LazyController]);
    expect((await app.send('/never')).headers.ratelimit).toBe('"wide";r=4;t=60');
    expect((await app.send('/by-hand')).headers.ratelimit).toBe('"wide";r=3;t=60, "default";r=6;t=60');
    expect((await app.send('/search')).headers.ratelimit).toBe('"wide";r=2;t=60');
  });
});

describe.each(adapters)('the policies of a feature module, on %s', (adapter) => {
  it('can be used in the whole application, with one budget', async () => {
    @Controller('feature')
    class FeatureController {
      @Throttle('mail') @Get() list() {}
    }

    @Controller('other')
    class OtherController {
      constructor(@Inject(ThrottleService) private readonly throttle: ThrottleService) {}

      @Throttle('mail') @Get() list() {}

      @Get('left')
      async left() {
        return { remaining: (await this.throttle.stat('mail'))?.remaining };
      }
    }
    const feature = ThrottleModule.forFeature({ policies: { mail: { rate: '2/min', strategy } } });

    @Module({ imports: [feature], controllers: [FeatureController] })
    class FeatureModule {}

    const more = ThrottleModule.forFeature({ policies: { post: '5/min' } });
    const imports = [FeatureModule, more];
    await using app = await startApp({ adapter, controllers: [OtherController], imports, options: { policies } });
    expect((await app.send('/feature')).headers.ratelimit).toBe('"mail";r=1;t=60');
    expect((await app.send('/other')).headers.ratelimit).toBe('"mail";r=0;t=60');
    expect((await app.send('/feature')).status).toBe(429);
    expect((await app.send('/other/left')).body).toEqual({ remaining: 0 });
  });
});
