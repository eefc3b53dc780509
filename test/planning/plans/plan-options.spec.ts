import { describe, expect, it } from '@jest/globals';
import { Controller, Get, type Type } from '@nestjs/common';
import {
  type ModulePolicy,
  type PlanOptions,
  Throttle,
  ThrottleModule,
  type ThrottleModuleOptions,
} from '../../../src/index.js';
import { startupError } from '../../support/application.js';

/** Values that untyped code may pass. */
const untyped = (value: unknown) => value as never;

const missing = 'Is an environment variable or a configuration value missing?';
const policies = { api: '100/min', bucket: { rate: '5/min', strategy: 'token-bucket', burst: 9 } } as const;
const of = () => undefined;
const valid: PlanOptions = { of, default: 'free', tiers: { free: {} } };

const bootWith = (plans: unknown, more: ThrottleModuleOptions = {}, controllers: Type[] = []) =>
  startupError(() => ({ options: { policies, ...more, plans: untyped(plans) }, controllers }));
const withTier = (tier: unknown) => ({ ...valid, tiers: { free: {}, pro: tier } });

const aFunction = 'plans.of: expected a function of the call that returns the name of a plan';
const anEntry = 'expected a rate such as "100/h", "unlimited", or options { rate, burst? }';
const aTier = 'expected an object of rates by the names of policies, such as { api: "100/h" }';
const form = 'expected "<count>/<unit>" such as "5/min", "10 per 30 seconds", "10/s; 200/hour" or "unlimited"';

describe('plans stop startup', () => {
  it.each<readonly [plans: unknown, message: string]>([
    [
      undefined,
      `ThrottleModule.plans: expected options { of, default, tiers, cacheMs? }, got undefined. ${missing} Leave the option out to use its default: no plans.`,
    ],
    ['free', 'ThrottleModule.plans: expected options { of, default, tiers, cacheMs? }, got "free"'],
    [
      { ...valid, cache: 5 },
      'plans: there is no option "cache". Did you mean "cacheMs"? Known: of, default, tiers, cacheMs.',
    ],
    [{ ...valid, of: undefined }, `${aFunction}, got undefined. ${missing}`],
    [{ ...valid, of: 'pro' }, `${aFunction}, got "pro"`],
    [
      { ...valid, of: (_a: unknown, _b: unknown, _c: unknown) => 'pro' },
      `${aFunction}, got one that takes 3 arguments but would get only the call and a subject. Wrap it: (call) => ...`,
    ],
    [
      { ...valid, tiers: undefined },
      `plans.tiers: expected plans by name, such as { free: { api: "100/h" } }, got undefined. ${missing}`,
    ],
    [{ ...valid, tiers: [] }, 'plans.tiers: expected an object of plans by name, got an empty list'],
    [{ ...valid, tiers: new Map() }, 'plans.tiers: expected an object of plans by name, got an instance of Map'],
    [
      { ...valid, default: undefined },
      `plans.default: expected the name of one of the plans in tiers, got undefined. ${missing}`,
    ],
    [{ ...valid, default: 5 }, 'plans.default: expected the name of one of the plans in tiers, got 5 (number)'],
    [{ ...valid, default: 'fre' }, 'plans.default: there is no plan "fre". Did you mean "free"? Known: free.'],
    [{ ...valid, default: 'constructor' }, 'plans.default: there is no plan "constructor". Known: free.'],
    [{ ...valid, default: '__proto__' }, 'plans.default: there is no plan "__proto__". Known: free.'],
    [{ ...valid, cacheMs: -1 }, 'plans.cacheMs: expected a whole number of milliseconds, at least 0, got -1 (number)'],
    [{ ...valid, cacheMs: '30s' }, 'plans.cacheMs: expected a whole number of milliseconds, at least 0, got "30s"'],
    [
      withTier(undefined),
      `plans.tiers.pro: ${aTier}, got undefined. ${missing} Write {} for a plan that changes no policy.`,
    ],
    [withTier('100/h'), `plans.tiers.pro: ${aTier}, got "100/h"`],
    [
      withTier({ api: undefined }),
      `plans.tiers.pro.api: ${anEntry}, got undefined. ${missing} Leave it out to keep the policy's own rate.`,
    ],
    [withTier({ api: 5 }), `plans.tiers.pro.api: ${anEntry}, got 5 (number)`],
    [withTier({ api: ['100/h'] }), `plans.tiers.pro.api: ${anEntry}, got ["100/h"]`],
    [
      withTier({ api: () => '100/h' }),
      `plans.tiers.pro.api: ${anEntry}, got a function. A plan has a fixed rate; a policy's own rate may be a function.`,
    ],
    [
      withTier({ api: {} }),
      `plans.tiers.pro.api.rate: expected a rate such as "100/h", or "unlimited", got undefined. ${missing}`,
    ],
    [
      withTier({ api: { rate: 5 } }),
      'plans.tiers.pro.api.rate: expected a rate such as "100/h", or "unlimited", got 5 (number)',
    ],
    [withTier({ api: '100/fortnight' }), `plans.tiers.pro.api.rate: ${form}, got "100/fortnight"`],
    [
      withTier({ api: { rate: '100/h', burst: 5 } }),
      'plans.tiers.pro.api.burst: "sliding-window" has no burst. Leave it out, or use one of token-bucket, gcra, leaky-bucket.',
    ],
    [
      withTier({ bucket: { rate: '100/h', burst: 0 } }),
      'plans.tiers.pro.bucket.burst: expected a whole number of units, at least 1, got 0 (number)',
    ],
    ...['by', 'scope', 'strategy', 'segments', 'cost', 'lease', 'name', 'brust'].map(
      (member) =>
        [
          withTier({ api: { rate: '100/h', [member]: 'x' } }),
          `plans.tiers.pro.api.${member}: a plan changes only the rate and the burst of a policy. Set it in the policy, for all plans, or give the plan a separate policy.`,
        ] as const,
    ),
    ...['aip', '__proto__', 'constructor'].map(
      (name) =>
        [
          withTier({ [name]: '100/h' }),
          `plans.tiers.pro.${name}: no policy has this name.${name === 'aip' ? ' Did you mean "api"?' : ''} Known: api, bucket. ` +
            `A plan changes the rate of a policy of the module. Add policies.${name}, with the rate for all other plans.`,
        ] as const,
    ),
  ])('with %j', async (plans, message) => {
    expect(await bootWith(plans)).toBe(message);
  });

  it('with a lease', async () => {
    const leased = { api: { rate: '100/min', strategy: 'fixed-window', lease: { batch: 5 } } } as const;
    expect(await bootWith(withTier({ api: '100/h' }), { policies: leased })).toBe(
      'policies.api.lease: units are leased at one rate for all clients, but plans.tiers.pro.api has another. Leave out the lease, or the rate of the plan.',
    );
    expect(await bootWith(withTier({}), { policies: leased })).toBeNull();
  });

  it('with segments of the policy that do not fit the period of the plan', async () => {
    const segmented = { api: { rate: '100/min', segments: 60 } } as const;
    expect(await bootWith(withTier({ api: '100/7s' }), { policies: segmented })).toBe(
      'plans.tiers.pro.api.segments: expected a whole number from 1 to 1000 that divides the period of 7000 ms, got 60 (number)',
    );
  });

  it.each<readonly [policy: ModulePolicy, tier: string, message: string | null]>([
    [
      '3/month',
      '10/min',
      '"10/min" is not a rate of the calendar, but the policy "api" ("3/month") is a quota. Write a rate per hour, day, week, month or year, or a separate policy.',
    ],
    [
      { rate: '3/day', strategy: 'calendar' },
      '10/month; 5/s',
      '"10/month; 5/s" is not a rate of the calendar, but the policy "api" ("3/day") is a quota. Write a rate per hour, day, week, month or year, or a separate policy.',
    ],
    [
      '3/day',
      '10/month',
      '"10/month" is a quota of the calendar, but the policy "api" ("3/day") is not. Write a period of fixed length such as 30 days, or make the policy a quota, { strategy: "calendar" }.',
    ],
    [
      { rate: () => '3/day', strategy: 'fixed-window' },
      '10/year',
      '"10/year" is a quota of the calendar, but the policy "api" is not. Write a period of fixed length such as 30 days, or make the policy a quota, { strategy: "calendar" }.',
    ],
    [{ rate: '3/month', timeZone: 'Europe/Berlin' }, '10/day', null],
    ['3/month', 'unlimited', null],
    ['unlimited', '3/month', null],
    ['10/min; 100/month', '20/min; 200/month', null],
    [{ rate: () => '3/month' }, '10/day', null],
  ])('with a rate of another kind than that of the policy: %j with %j', async (api, tier, message) => {
    expect(await bootWith(withTier({ api: tier }), { policies: { api } })).toBe(
      message === null ? null : `plans.tiers.pro.api: ${message}`,
    );
  });

  it('if a call costs more than the plan grants at once', async () => {
    @Controller()
    class ApiController {
      @Throttle('api', 60)
      @Get()
      api(): void {}
    }
    expect(await bootWith(withTier({ api: '50/min' }), {}, [ApiController])).toBe(
      '@Throttle("api") on ApiController.api, cost: a cost of 60 can never pass, because the limit grants at most 50 at once under the plan "pro". Lower the cost, or raise the rate.',
    );
  });

  it('if a plan gives a rate the name of another policy', async () => {
    expect(await bootWith(withTier({ api: '5/s; 50/h' }), { policies: { ...policies, 'api-1s': '9/s' } })).toBe(
      'policies.api-1s: the name "api-1s" is already used by a rate of policies.api. Rename one of the two limits.',
    );
  });

  it('if a plan names several limits', async () => {
    expect(await bootWith(withTier({ default: '5/h' }), { default: ['5/s', '100/h'] })).toBe(
      'plans.tiers.pro.default: the `default` of the module has several unnamed limits, so "default" is ambiguous. Name one of them, and use that name here.',
    );
  });
});

describe('plans may name', () => {
  const tiers = withTier({ api: '9/min' });

  it('policies of forFeature', async () => {
    const boot = (rate: string) =>
      startupError(() => ({
        options: { plans: untyped(withTier({ mail: rate })) },
        imports: [ThrottleModule.forFeature({ policies: { mail: '5/min' } })],
      }));
    expect(await boot('9/min')).toBeNull();
    expect(await boot('nine')).toBe(`plans.tiers.pro.mail.rate: ${form}, got "nine"`);
  });

  it('limits of the default of the module', async () => {
    expect(await bootWith(withTier({ default: '9/min' }), { default: '5/min' })).toBeNull();
    expect(
      await bootWith(withTier({ site: '9/min' }), { default: [{ rate: '5/min', name: 'site' }, '5/h'] }),
    ).toBeNull();
  });

  it('policies whose own rate is a function, or unlimited', async () => {
    expect(await bootWith(tiers, { policies: { api: { rate: () => '5/min' } } })).toBeNull();
    expect(await bootWith(tiers, { policies: { api: 'unlimited' } })).toBeNull();
  });
});
