import { describe, expect, it } from '@jest/globals';
import { subjectOf, type ThrottleModuleOptions, type ThrottleService } from '../../../src/index.js';
import { CountedBackend } from '../../support/counted-backend.js';
import { startContext } from '../../support/service-app.js';

const strategy = 'fixed-window';
const options = {
  policies: { api: { rate: '10/min', strategy }, export: { rate: '5/min', strategy, mode: 'monitor' } },
  plans: {
    of: ({ context }) => String(context.plan),
    default: 'free',
    tiers: { free: {}, pro: { api: '20/min', export: '1/min' }, best: { api: 'unlimited' } },
  },
} as const satisfies ThrottleModuleOptions;

const on = (plan: string) => ({ subject: subjectOf.user(plan), context: { plan } });
const limits = async (throttle: ThrottleService) => [
  (await throttle.stat('api', on('free')))?.limit,
  (await throttle.stat('api', on('pro')))?.limit,
];

describe('a change at run time with plans', () => {
  it('applies to plans that do not name the policy: the rate of a plan takes precedence', async () => {
    await using context = await startContext(options);
    const { throttle } = context;
    expect(await limits(throttle)).toEqual([10, 20]);
    await throttle.policies.update('api', { rate: '7/min' });
    expect(await limits(throttle)).toEqual([7, 20]);
    await throttle.policies.reset('api');
    expect(await limits(throttle)).toEqual([10, 20]);
  });

  it('sets the mode under every plan', async () => {
    const backend = new CountedBackend();
    await using context = await startContext({ ...options, backend });
    const { throttle } = context;
    await throttle.policies.update('api', { mode: 'off' });
    for (const plan of ['free', 'pro', 'best']) {
      expect(await throttle.hit('api', 100, on(plan))).toEqual({ allowed: true, decisions: [], binding: null });
    }
    expect(backend.asked).toEqual([]);
  });
});

describe('a monitored policy with plans', () => {
  it('counts at the rate of the plan, and denies nothing', async () => {
    await using context = await startContext(options);
    const { throttle } = context;
    const outcomes = [await throttle.hit('export', 1, on('pro')), await throttle.hit('export', 1, on('pro'))];
    expect(outcomes.map(({ allowed, decisions }) => [allowed, decisions[0]?.allowed, decisions[0]?.limit])).toEqual([
      [true, true, 1],
      [true, false, 1],
    ]);
    await throttle.policies.update('api', { mode: 'monitor' });
    const { decisions } = await throttle.hit('api', 1, on('best'));
    expect(decisions).toMatchObject([{ policy: 'api', allowed: true, unlimited: true }]);
  });
});
