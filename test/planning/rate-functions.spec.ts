import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { by, type Call, type PolicyOptions, Throttle } from '../../src/index.js';
import { limitHeaders } from '../support/header-fields.js';
import { adapters, startApp } from '../support/http-app.js';

const plans: Readonly<Record<string, string>> = {
  free: '2/min',
  pro: '5/min',
  team: '5/min; 100/hour',
  whole: 'unlimited',
};
const planOf = ({ request }: Call) => plans[String(request?.headers['x-plan'])] ?? '1/min';
const onPlan = (plan: string, user = plan) => ({ headers: { 'x-plan': plan, 'x-user': user } });

const strategy = 'fixed-window';
const byUser = by.header('x-user');
const form = 'expected "<count>/<unit>" such as "5/min", "10 per 30 seconds", "10/s; 200/hour" or "unlimited"';

function controllerWith(options: PolicyOptions) {
  @Controller('reports')
  class ReportsController {
    @Throttle(options) @Get() list() {}
  }
  return ReportsController;
}

describe.each(adapters)('a rate that is a function, on %s', (adapter) => {
  const start = (
    rate: Exclude<PolicyOptions['rate'], undefined>,
    more: Partial<PolicyOptions> = {},
    errors?: string[],
  ) =>
    startApp({
      adapter,
      controllers: [controllerWith({ rate, strategy, by: byUser, ...more })],
      ...(errors && { errors }),
    });

  it.each<readonly [string, Exclude<PolicyOptions['rate'], undefined>]>([
    ['at once', planOf],
    ['later', async (call) => setImmediate(planOf(call))],
  ])('is called for each call, and may return %s', async (_, rate) => {
    await using app = await start(rate);
    const { status, headers } = await app.send('/reports', onPlan('free'));
    expect([status, headers['ratelimit-policy'], headers.ratelimit]).toEqual([
      200,
      '"default";q=2;w=60',
      '"default";r=1;t=60',
    ]);
    expect(await app.statuses('/reports', 2, onPlan('free'))).toEqual([200, 429]);
    expect((await app.send('/reports', onPlan('pro'))).headers.ratelimit).toBe('"default";r=4;t=60');
  });

  it('keeps the usage of a caller whose rate changes within one period', async () => {
    await using app = await start(planOf);
    expect(await app.statuses('/reports', 3, onPlan('free', 'ada'))).toEqual([200, 200, 429]);
    expect((await app.send('/reports', onPlan('pro', 'ada'))).headers.ratelimit).toBe('"default";r=2;t=60');
    expect(await app.statuses('/reports', 1, onPlan('free', 'ada'))).toEqual([429]);
  });

  it('may return several rates, which are charged all or none', async () => {
    await using app = await start(planOf);
    const { headers } = await app.send('/reports', onPlan('team'));
    expect(headers.ratelimit).toBe('"default-1m";r=4;t=60, "default-1h";r=99;t=3600');
    expect(await app.statuses('/reports', 5, onPlan('team'))).toEqual([200, 200, 200, 200, 429]);
    app.clock.advance(60_000);
    const { headers: next } = await app.send('/reports', onPlan('team'));
    expect(next.ratelimit).toBe('"default-1m";r=4;t=60, "default-1h";r=94;t=3540');
  });

  it('may return "unlimited"', async () => {
    await using app = await start(planOf);
    expect(await app.statuses('/reports', 3, onPlan('whole'))).toEqual([200, 200, 200]);
    expect(limitHeaders(await app.send('/reports', onPlan('whole')))).toEqual({});
  });

  it('uses the name and the context of its policy', async () => {
    const rate = ({ context }: Call) => String(context.rate);
    await using app = await start(rate, { name: 'report', context: { rate: '7/min' } });
    expect((await app.send('/reports')).headers['ratelimit-policy']).toBe('"report";q=7;w=60');
  });

  it('may be the rate of a policy of the module, and of its default', async () => {
    @Controller()
    class SomeController {
      @Throttle('search') @Get('search') search() {}
    }
    const options = {
      default: { rate: planOf, strategy },
      policies: { search: { rate: async () => '8/s', strategy } },
    };
    await using app = await startApp({ adapter, controllers: [SomeController], options });
    const { headers } = await app.send('/search', onPlan('pro'));
    expect(headers.ratelimit).toBe('"default";r=4;t=60, "search";r=7;t=1');
  });

  it.each<readonly [string, unknown, string]>([
    ['no rate', 'lots', `${form}, got "lots"`],
    ['no text', 5, 'expected the function to return a rate such as "5/min", got 5 (number)'],
    ['nothing', undefined, 'expected the function to return a rate such as "5/min", got undefined'],
    ['an empty text', '', `${form}, got ""`],
    ['a rate of 0', '0/min', `${form}, got "0/min": counts and periods are at least 1`],
  ])('fails the call with an error that names the place if it returns %s', async (_, answer, message) => {
    const errors: string[] = [];
    for (const rate of [() => answer as string, async () => answer as string]) {
      await using app = await start(rate, {}, errors);
      expect(await app.statuses('/reports', 2)).toEqual([500, 500]);
    }
    const expected = `@Throttle on ReportsController.list, rate: ${message}`;
    expect(errors).toEqual([expected, expected, expected, expected]);
  });

  it('fails the call with an error if it throws', async () => {
    const errors: string[] = [];
    const fail = () => {
      throw new Error('no plan');
    };
    for (const rate of [fail, async () => fail()]) {
      await using app = await start(rate, {}, errors);
      expect(await app.statuses('/reports', 1)).toEqual([500]);
    }
    expect(errors).toEqual(['no plan', 'no plan']);
  });
});
