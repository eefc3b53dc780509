import { describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import {
  ManualClock,
  MemoryBackend,
  type PolicyUpdate,
  subjectOf,
  Throttle,
  ThrottleConfigError,
  ThrottleModule,
  type ThrottleModuleOptions,
  ThrottleService,
} from '../../../src/index.js';
import { CountedBackend } from '../../support/counted-backend.js';
import { eventsOf } from '../../support/events.js';
import { limitHeaders } from '../../support/header-fields.js';
import { adapters, startApp } from '../../support/http-app.js';
import { startContext } from '../../support/service-app.js';
import { START } from '../../support/start-time.js';

const strategy = 'fixed-window';
const minute = 60_000;
const ada = { subject: subjectOf.user('ada') };
const policies = {
  api: { rate: '3/min', strategy },
  bucket: { rate: '10/min', strategy: 'token-bucket', burst: 4 },
  several: '10/s; 100/min',
  free: 'unlimited',
  leased: { rate: '10/min', strategy, lease: { batch: 5 } },
  watched: { rate: '1/min', strategy, mode: 'monitor' },
  asked: { rate: () => '5/min', mode: () => 'on' },
  heavy: { rate: '10/min', strategy, cost: 5 },
} as const satisfies ThrottleModuleOptions['policies'];
const stored = (limit: number, periodMs: number) => ({ strategy, limit, periodMs, burst: limit, segments: 1 });

@Controller()
class ApiController {
  @Throttle('api')
  @Get('one')
  one(): string {
    return 'ok';
  }

  @Throttle('api', { mode: 'monitor' })
  @Get('two')
  two(): string {
    return 'ok';
  }
}

describe('throttle.policies.update', () => {
  it('changes the rate at once; a new limit keeps the usage', async () => {
    await using context = await startContext({ policies });
    const { throttle, clock } = context;
    const events = eventsOf({ get: () => throttle });
    await throttle.hit('api', 2, ada);
    const state = await throttle.policies.update('api', { rate: '5/min' });
    expect(state).toEqual({
      policy: 'api',
      configured: [stored(3, minute)],
      effective: [stored(5, minute)],
      mode: 'on',
      changedAt: clock.now(),
    });
    expect(await throttle.stat('api', ada)).toMatchObject({ limit: 5, remaining: 3 });
    expect(events).toEqual([
      {
        type: 'policy-changed',
        policy: 'api',
        change: { policy: 'api', rate: stored(5, minute), changedAt: clock.now() },
      },
    ]);
  });

  it('starts a new count with another period, and continues the old one after a reset', async () => {
    await using context = await startContext({ policies });
    const { throttle } = context;
    await throttle.hit('api', 3, ada);
    await throttle.policies.update('api', { rate: '3/h' });
    expect(await throttle.stat('api', ada)).toMatchObject({ windowMs: 60 * minute, remaining: 3 });
    await throttle.policies.reset('api');
    expect(await throttle.stat('api', ada)).toMatchObject({ windowMs: minute, remaining: 0 });
  });

  it('changes members one after another: omitted members stay', async () => {
    await using context = await startContext({ policies });
    const { throttle } = context;
    await throttle.policies.update('api', { rate: '1/min' });
    await throttle.policies.update('api', { mode: 'monitor' });
    expect(await throttle.policies.update('api', { rate: '2/min' })).toMatchObject({ mode: 'monitor' });
    const [state] = await throttle.policies.list();
    expect(state).toMatchObject({ policy: 'api', effective: [stored(2, minute)], mode: 'monitor' });
  });

  it('changes the burst with the rate or alone', async () => {
    await using context = await startContext({ policies });
    const { throttle } = context;
    const effective = async (update: PolicyUpdate) => {
      const [rate] = (await throttle.policies.update('bucket', update)).effective ?? [];
      return [rate?.limit, rate?.periodMs, rate?.burst];
    };
    // A burst that the code sets stays.
    expect(await effective({ rate: '20/min' })).toEqual([20, minute, 4]);
    expect(await effective({ burst: 8 })).toEqual([20, minute, 8]);
    expect(await effective({ rate: '30/min', burst: 9 })).toEqual([30, minute, 9]);
  });

  it('keeps the segments of a window if they divide the period, and else uses the default', async () => {
    const api = { rate: '10/min', segments: 6 } as const;
    await using context = await startContext({ policies: { api } });
    const segments = async (rate: string) =>
      (await context.throttle.policies.update('api', { rate })).effective?.map((one) => one.segments);
    expect([await segments('10/h'), await segments('10/7s')]).toEqual([[6], [10]]);
    await context.throttle.hit('api', 10, ada);
    expect(await context.throttle.check('api', 1, ada)).toBe(false);
  });

  it('sets the mode, which takes precedence over that in the code', async () => {
    const backend = new CountedBackend();
    await using context = await startContext({ policies, backend });
    const { throttle } = context;
    const allowed = async () => (await throttle.consume('watched', 1, ada)).allowed;
    expect([await allowed(), await allowed()]).toEqual([true, true]);
    await throttle.policies.update('watched', { mode: 'on' });
    expect(await allowed()).toBe(false);
    backend.asked.length = 0;
    await throttle.policies.update('watched', { mode: 'off' });
    expect([await allowed(), backend.asked]).toEqual([true, []]);
    await throttle.policies.update('asked', { mode: 'off', rate: '1/min' });
    expect(await throttle.check('asked', 100, ada)).toBe(true);
    await throttle.policies.update('asked', { mode: 'on' });
    expect(await throttle.check('asked', 2, ada)).toBe(false);
  });

  it('lists the policies in the code and in force', async () => {
    await using context = await startContext({ policies });
    const { throttle, clock } = context;
    clock.advance(5);
    await throttle.policies.update('several', { mode: 'monitor' });
    const states = await throttle.policies.list();
    expect(states.map(({ policy }) => policy)).toEqual(Object.keys(policies));
    expect(states.find(({ policy }) => policy === 'several')).toMatchObject({
      configured: [{ limit: 10 }, { limit: 100 }],
      effective: [{ limit: 10 }, { limit: 100 }],
      mode: 'monitor',
      changedAt: START + 5,
    });
    expect(states.find(({ policy }) => policy === 'asked')).toEqual({
      policy: 'asked',
      configured: undefined,
      effective: undefined,
      mode: undefined,
    });
    expect(states.find(({ policy }) => policy === 'free')).toMatchObject({ configured: [], mode: 'on' });
  });

  it.each<readonly [name: string, update: unknown, message: string]>([
    ['apu', { rate: '5/min' }, 'policies.update("apu"): no policy has this name. Did you mean "api"? Known:'],
    ['constructor', { mode: 'off' }, 'policies.update("constructor"): no policy has this name. Known:'],
    ['default', { mode: 'off' }, 'policies.update("default"): no policy has this name. Known:'],
    ['api', {}, 'policies.update("api"): expected a change such as { rate: "500/min" } or { mode: "monitor" }, got'],
    ['api', { mode: undefined }, 'policies.update("api"): expected a change such as'],
    ['api', '5/min', 'policies.update("api"): expected a change such as'],
    ['api', { rate: undefined }, 'policies.update("api").rate: expected a rate such as "5/min", got undefined.'],
    ['api', { rate: '5/fortnight' }, 'policies.update("api").rate: expected "<count>/<unit>" such as "5/min"'],
    ['api', { rate: 5 }, 'policies.update("api").rate: expected a rate such as "5/min", got 5 (number)'],
    [
      'api',
      { rate: 'unlimited' },
      'policies.update("api").rate: expected a rate such as "5/min" (for no limit, set the mode "off"), got "unlimited"',
    ],
    ['api', { rate: '5/s; 50/min' }, 'policies.update("api").rate: expected one rate such as "500/min"'],
    ['api', { burst: 5 }, 'policies.update("api").burst: "fixed-window" has no burst.'],
    [
      'bucket',
      { burst: 0 },
      'policies.update("bucket").burst: expected a whole number of units, at least 1, got 0 (number)',
    ],
    ['api', { mode: 'watch' }, 'policies.update("api").mode: expected "on", "off" or "monitor", got "watch"'],
    ['api', { rates: '5/min' }, 'policies.update("api"): there is no option "rates". Did you mean "rate"?'],
    [
      'heavy',
      { rate: '4/min' },
      'policies.update("heavy").rate: this rate grants at most 4 at once, but a call costs 5.',
    ],
    [
      'asked',
      { burst: 5 },
      'policies.update("asked").burst: the rate of the policy is a function of the call, so a burst needs a rate.',
    ],
    ['several', { rate: '5/min' }, 'policies.several: has 2 rates, so a new rate would be ambiguous.'],
    ['free', { mode: 'off' }, 'policies.free: an "unlimited" policy cannot be changed at run time.'],
    [
      'leased',
      { mode: 'off' },
      'policies.leased: a policy with a `lease` cannot be changed at run time, because leased units are spent at the rate in the code.',
    ],
  ])('refuses, and stores nothing: %s %j', async (name, update, message) => {
    const backend = new CountedBackend();
    await using context = await startContext({ policies, backend });
    const error: unknown = await context.throttle.policies
      .update(name, update as PolicyUpdate)
      .catch((thrown) => thrown);
    expect(error).toBeInstanceOf(ThrottleConfigError);
    expect(String(error)).toContain(message);
    expect(await backend.settings.listPolicyChanges()).toEqual([]);
    expect(await backend.settings.version()).toBe(0);
  });

  it('refuses to reset a policy that is neither in the code nor changed', async () => {
    await using context = await startContext({ policies });
    await expect(context.throttle.policies.reset('apu')).rejects.toThrow(
      'policies.reset("apu"): no policy has this name. Did you mean "api"?',
    );
  });

  it('is refused by a backend that stores no settings', async () => {
    const { spend, peek, settle, reset } = new MemoryBackend();
    const backend = { spend, peek, settle, reset };
    const text = 'needs a backend that stores limits that change at run time, and Object has no `settings`.';
    await using context = await startContext({ policies, backend });
    await expect(context.throttle.policies.update('api', { mode: 'off' })).rejects.toThrow(text);
    await expect(startContext({ policies, backend, runtimePolicies: true })).rejects.toThrow(
      `ThrottleModule.runtimePolicies: ${text}`,
    );
  });
});

describe.each(adapters)('a change to a policy on %s', (adapter) => {
  it('is in force for all handlers that use the policy, even in another mode', async () => {
    const clock = new ManualClock(START);
    const backend = new MemoryBackend({ clock });
    await using app = await startApp({
      adapter,
      controllers: [ApiController],
      imports: [ThrottleModule.forFeature({ policies: { extra: '9/min' } })],
      options: { policies: { api: { ...policies.api, scope: 'handler' } }, backend },
    });
    const throttle = app.app.get(ThrottleService);
    expect(await app.statuses('/one', 4)).toEqual([200, 200, 200, 429]);
    expect(await app.statuses('/two', 4)).toEqual([200, 200, 200, 200]);
    await throttle.policies.update('api', { rate: '4/min', mode: 'on' });
    expect(await app.statuses('/one', 2)).toEqual([200, 429]);
    expect(await app.statuses('/two', 2)).toEqual([200, 429]);
    await throttle.policies.update('api', { mode: 'off' });
    expect([limitHeaders(await app.send('/one')), limitHeaders(await app.send('/two'))]).toEqual([{}, {}]);
    await throttle.policies.reset('api');
    expect((await app.send('/one')).headers['ratelimit-policy']).toBe('"api";q=3;w=60');
    expect(await app.statuses('/two', 2)).toEqual([200, 200]);
    expect(await throttle.policies.update('extra', { rate: '8/min' })).toMatchObject({ effective: [{ limit: 8 }] });
  });
});
