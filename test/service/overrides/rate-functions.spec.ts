import { describe, expect, it } from '@jest/globals';
import { type By, by, type Call, type PolicyOptions, ThrottleService } from '../../../src/index.js';
import { startApp } from '../../support/http-app.js';
import { startContext } from '../../support/service-app.js';
import { backends, useBackends } from '../handler-phase/backends.js';
import { as, type UserRequest } from '../handler-phase/guards.js';
import { NotesController } from './notes-controller.js';

const strategy = 'fixed-window';
const roleOf = ({ request }: Call) => {
  const { user }: Partial<UserRequest> = Object(request);
  return user?.role;
};
/** Gold users are not limited by the code. */
const rate = (call: Call) => (roleOf(call) === 'gold' ? 'unlimited' : '2/h');
const byRole: By = (call) => {
  const role = roleOf(call);
  return role && `role:${role}`;
};

describe.each(backends)('overrides of a rate that is a function and returns "unlimited", on %s', (name) => {
  const redis = useBackends();
  const ann = as('ann', { 'x-role': 'gold' });
  const two = as('ann', { 'x-role': 'silver' });

  const start = (overrides: PolicyOptions['overrides'], plan?: string) =>
    startApp({
      adapter: 'express',
      controllers: [NotesController],
      options: {
        backend: redis.make(name),
        policies: { api: { rate, strategy, by: by.user(), overrides } as PolicyOptions },
        ...(plan !== undefined && {
          plans: {
            of: () => plan,
            default: 'free',
            tiers: { free: {}, pro: { api: '3/h' }, all: { api: 'unlimited' } },
          },
        }),
      },
    });

  it.each<readonly [whose: string, subject: string, overrides: PolicyOptions['overrides']]>([
    ['the charged subject', 'user:ann', true],
    ['whom functions find', 'role:gold', [() => null, byRole]],
  ])('limit a call, of %s', async (_, subject, overrides) => {
    await using app = await start(overrides);
    const throttle = app.app.get(ThrottleService);
    expect(await app.statuses('/notes', 5, ann)).toEqual(new Array(5).fill(200));
    await throttle.overrides.set('api', subject, '3/h');
    expect(await app.statuses('/notes', 4, ann)).toEqual([200, 200, 200, 429]);
    await throttle.overrides.set('api', subject, '4/day');
    expect((await app.statuses('/notes', 5, ann)).filter((status) => status === 200)).toHaveLength(4);
    await throttle.overrides.delete('api', subject);
    expect(await app.statuses('/notes', 5, ann)).toEqual(new Array(5).fill(200));
    expect(await app.statuses('/notes', 3, two)).toEqual([200, 200, 429]);
  });

  it.each([
    ['a plan that leaves the policy as it is', 'free'],
    ['an unlimited plan', 'all'],
  ])('limit a call under %s', async (_, plan) => {
    await using app = await start(true, plan);
    const { overrides } = app.app.get(ThrottleService);
    expect(await app.statuses('/notes', 5, ann)).toEqual(new Array(5).fill(200));
    await overrides.set('api', 'user:ann', '3/h');
    expect(await app.statuses('/notes', 4, ann)).toEqual([200, 200, 200, 429]);
    await overrides.set('api', 'user:ann', 'unlimited');
    expect(await app.statuses('/notes', 5, ann)).toEqual(new Array(5).fill(200));
  });

  it('take precedence over a plan that sets a rate', async () => {
    await using app = await start(true, 'pro');
    expect(await app.statuses('/notes', 4, ann)).toEqual([200, 200, 200, 429]);
    await app.app.get(ThrottleService).overrides.set('api', 'user:ann', '5/h');
    expect(await app.statuses('/notes', 3, ann)).toEqual([200, 200, 429]);
  });
});

describe('a call by hand under a rate that is a function and returns "unlimited"', () => {
  const ada = { subject: 'user:ada' };

  it('has the override of its subject, whose budget can be read, refunded and reset', async () => {
    await using context = await startContext({
      policies: { api: { rate: () => 'unlimited', strategy, overrides: true } },
    });
    const { throttle } = context;
    expect(await throttle.hit('api', 100, ada)).toMatchObject({ allowed: true, binding: null });
    expect(await throttle.stat('api', ada)).toBeNull();
    await throttle.overrides.set('api', 'user:ada', '5/min');
    const outcome = await throttle.hit('api', 4, ada);
    expect(outcome.binding).toMatchObject({ limit: 5, remaining: 1 });
    await throttle.refund(outcome, 2);
    expect(await throttle.stat('api', ada)).toMatchObject({ limit: 5, remaining: 3, windowMs: 60_000 });
    await throttle.reset('api', ada);
    expect(await throttle.stat('api', ada)).toMatchObject({ remaining: 5 });
    await throttle.policies.update('api', { rate: '7/h' });
    await throttle.overrides.delete('api', 'user:ada');
    expect(await throttle.stat('api', ada)).toMatchObject({ limit: 7 });
  });

  it('is charged nothing if no subject with an override is found', async () => {
    await using context = await startContext({
      policies: { api: { rate: () => 'unlimited', strategy, overrides: () => null } },
    });
    expect(await context.throttle.hit('api', 100, ada)).toEqual({ allowed: true, decisions: [], binding: null });
  });
});
