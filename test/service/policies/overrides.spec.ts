import { describe, expect, it } from '@jest/globals';
import { subjectOf, type ThrottleModuleOptions, type ThrottleService } from '../../../src/index.js';
import { CountedBackend } from '../../support/counted-backend.js';
import { startContext } from '../../support/service-app.js';
import { backends, useBackends } from '../handler-phase/backends.js';

const strategy = 'sliding-log';
const options = {
  policies: {
    api: { rate: '10/day', strategy, overrides: true },
    watched: { rate: '5/day', strategy, overrides: true, mode: 'monitor' },
  },
} as const satisfies ThrottleModuleOptions;
const user = (name: string) => ({ subject: subjectOf.user(name) });
const [ada, bob] = [user('ada'), user('bob')];

const limits = async (throttle: ThrottleService) => [
  (await throttle.stat('api', ada))?.limit,
  (await throttle.stat('api', bob))?.limit,
];

describe.each(backends)('overrides and changes at run time on %s', (name) => {
  const redis = useBackends();
  const start = () => startContext({ ...options, backend: redis.make(name) });

  it('take precedence over the changed rate of a policy', async () => {
    await using context = await start();
    const { throttle } = context;
    await throttle.overrides.set('api', ada.subject, '50/day');
    expect(await limits(throttle)).toEqual([50, 10]);
    await throttle.policies.update('api', { rate: '7/day' });
    expect(await limits(throttle)).toEqual([50, 7]);
    await throttle.policies.update('api', { rate: '7/h' });
    expect(await limits(throttle)).toEqual([50, 7]);
    await throttle.overrides.delete('api', ada.subject);
    expect(await limits(throttle)).toEqual([7, 7]);
    await throttle.policies.reset('api');
    expect(await limits(throttle)).toEqual([10, 10]);
  });

  it('are the rates at which a monitored policy counts', async () => {
    await using context = await start();
    const { throttle } = context;
    await throttle.overrides.set('watched', ada.subject, '1/day');
    const outcomes = [await throttle.hit('watched', 1, ada), await throttle.hit('watched', 1, ada)];
    expect(outcomes.map(({ allowed, decisions }) => [allowed, decisions[0]?.allowed, decisions[0]?.limit])).toEqual([
      [true, true, 1],
      [true, false, 1],
    ]);
    expect((await throttle.hit('watched', 1, bob)).decisions).toMatchObject([{ limit: 5, remaining: 4 }]);
    expect(throttle.violations.get('watched')).toBe(1);
  });
});

describe('a policy that is off', () => {
  it('does not call the backend, even with an override', async () => {
    const backend = new CountedBackend();
    await using context = await startContext({ ...options, backend });
    const { throttle } = context;
    await throttle.overrides.set('api', ada.subject, '1/day');
    await throttle.policies.update('api', { mode: 'off' });
    expect(await throttle.hit('api', 100, ada)).toEqual({ allowed: true, decisions: [], binding: null });
    expect(backend.asked).toEqual([]);
  });
});
