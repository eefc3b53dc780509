import { describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import {
  BackendError,
  by,
  type Call,
  definePolicy,
  ManualClock,
  MemoryBackend,
  subjectOf,
  Throttle,
  type ThrottleEvent,
  ThrottleService,
} from '../../src/index.js';
import { startupError } from '../support/application.js';
import { adapters, startApp } from '../support/http-app.js';
import { startContext } from '../support/service-app.js';

/** The clock of the applications starts at 2026-01-01T00:00Z: there it is 01:00 in Berlin, and still 2025 in New York. */
const [JANUARY, FEBRUARY] = [Date.UTC(2026, 0, 1), Date.UTC(2026, 1, 1)];
const DAY_MS = 86_400_000;
const ada = { subject: subjectOf.user('ada') };

describe('a quota', () => {
  it('reports its usage, its limit and its window', async () => {
    await using context = await startContext({ policies: { exports: { rate: '1000/month', rollover: 200 } } });
    const { throttle } = context;
    await throttle.hit('exports', 300, ada);
    expect(await throttle.stat('exports', ada)).toEqual({
      policy: 'exports',
      allowed: true,
      limit: 1200,
      remaining: 900,
      resetMs: FEBRUARY - JANUARY,
      retryAfterMs: 0,
      delayMs: 0,
      windowMs: FEBRUARY - JANUARY,
      window: { startMs: JANUARY, endMs: FEBRUARY, used: 300 },
    });
  });

  it('is a quota under every plan', async () => {
    await using context = await startContext({
      policies: { api: { rate: '3/month', timeZone: 'Europe/Berlin' }, sliding: '3/day' },
      plans: { of: () => 'pro', default: 'pro', tiers: { pro: { api: '10/day', sliding: '50/week' } } },
    });
    const { throttle } = context;
    const hour = 3_600_000;
    expect(await throttle.hit('api', 10, ada)).toMatchObject({
      binding: { limit: 10, remaining: 0, window: { startMs: JANUARY - hour, endMs: JANUARY + 23 * hour } },
    });
    const { binding } = await throttle.hit('sliding', 1, ada);
    expect(binding).toMatchObject({ limit: 50, windowMs: 7 * DAY_MS });
    expect(binding).not.toHaveProperty('window');
  });

  it('has its window in the time zone of the policy, by the clock of the backend', async () => {
    const policies = {
      berlin: { rate: '10/day', strategy: 'calendar', timeZone: 'Europe/Berlin' },
      newYork: { rate: '10/year', timeZone: 'America/New_York' },
    };
    await using context = await startContext({ policies });
    const { throttle, clock } = context;
    const hour = 3_600_000;
    expect(await throttle.hit('berlin', 10, ada)).toMatchObject({
      binding: { resetMs: 23 * hour, window: { startMs: JANUARY - hour, endMs: JANUARY + 23 * hour } },
    });
    expect(await throttle.hit('newYork', 10, ada)).toMatchObject({ binding: { resetMs: 5 * hour } });
    clock.advance(23 * hour);
    expect(await throttle.check('berlin', 10, ada)).toBe(true);
    expect(await throttle.consume('newYork', 1, ada)).toMatchObject({
      allowed: true,
      binding: { windowMs: 365 * DAY_MS },
    });
  });

  it('can be charged through a policy of definePolicy, refunded and reset', async () => {
    await using context = await startContext({});
    const { throttle } = context;
    const exports = definePolicy('exports', '10/month');
    const outcome = await throttle.hit(exports, 10, ada);
    await throttle.refund(outcome, 4);
    expect(await throttle.stat(exports, ada)).toMatchObject({ remaining: 4, window: { used: 6 } });
    await throttle.reset(exports, ada);
    expect(await throttle.stat(exports, ada)).toMatchObject({ remaining: 10, window: { used: 0 } });
  });

  it('may be combined with other limits, decided together, and be a rate that depends on the call', async () => {
    const policies = {
      api: { rate: '5/s; 8/month' },
      plan: { rate: ({ context }: Call) => (context.isPro === true ? '100/month' : '2/min') },
    };
    await using context = await startContext({ policies });
    const { throttle, clock } = context;
    await throttle.hit('api', 5, ada);
    clock.advance(10_000);
    const { allowed, decisions } = await throttle.consume('api', 4, ada);
    expect([allowed, decisions.map(({ policy, remaining }) => [policy, remaining])]).toEqual([
      false,
      [
        ['api-1s', 5],
        ['api-1month', 3],
      ],
    ]);
    expect(await throttle.stat('plan', { ...ada, context: { isPro: true } })).toMatchObject({ limit: 100 });
    expect(await throttle.stat('plan', ada)).toMatchObject({ limit: 2, windowMs: 60_000 });
  });

  it('has the override of a rate that is a function only while the function returns its unit', async () => {
    const rate = ({ context: { isDaily } }: Call) => (isDaily === true ? '10/day' : '10/month');
    await using context = await startContext({
      policies: { exports: { rate, strategy: 'calendar', overrides: true } },
    });
    const { throttle } = context;
    await throttle.overrides.set('exports', 'user:ada', '900/month');
    expect(await throttle.stat('exports', ada)).toMatchObject({ limit: 900 });
    expect(await throttle.stat('exports', { ...ada, context: { isDaily: true } })).toMatchObject({ limit: 10 });
  });

  it('keeps its unit and its rollover under an override', async () => {
    const policies = {
      exports: { rate: '10/month', rollover: 4, overrides: true },
      api: { rate: '5/day', overrides: true },
    } as const;
    await using context = await startContext({ policies });
    const { throttle } = context;
    await throttle.hit('exports', 10, ada);
    await throttle.overrides.set('exports', 'user:ada', '3/month');
    expect(await throttle.stat('exports', ada)).toMatchObject({ limit: 6, remaining: 0, window: { used: 10 } });
    await throttle.overrides.set('exports', 'user:ada', '20/month');
    expect(await throttle.stat('exports', ada)).toMatchObject({ limit: 24, remaining: 14, window: { used: 10 } });
    await expect(throttle.overrides.set('exports', 'user:ada', '3/day')).rejects.toThrow(
      'expected the same unit as the rate of the policy, "10/month", got "3/day"',
    );
    await expect(throttle.overrides.set('api', 'user:ada', '30/month')).rejects.toThrow(
      'expected a period of fixed length, because the policy is not a calendar quota, got "30/month"',
    );
  });

  it('may change its limit at run time, and keeps its unit', async () => {
    const policies = { exports: { rate: '10/month', strategy: 'calendar', rollover: 4 } };
    await using context = await startContext({ policies });
    const { throttle } = context;
    await throttle.hit('exports', 10, ada);
    await throttle.policies.update('exports', { rate: '20/month' });
    expect(await throttle.stat('exports', ada)).toMatchObject({ limit: 24, remaining: 14 });
    await expect(throttle.policies.update('exports', { rate: '6/day' })).rejects.toThrow(
      'expected the same unit as the rate of the policy, "10/month", got "6/day"',
    );
    await throttle.policies.reset('exports');
    expect(await throttle.stat('exports', ada)).toMatchObject({ limit: 14, remaining: 4, window: { used: 10 } });
  });

  it('may be the rate of a plan', async () => {
    const of = ({ context }: Call) => (context.isPro === true ? 'pro' : undefined);
    const plans = { of, default: 'free', tiers: { free: {}, pro: { exports: '50/month' } } };
    const policies = { exports: { rate: '5/day', strategy: 'calendar' } };
    await using context = await startContext({ policies, plans });
    const { throttle } = context;
    await throttle.hit('exports', 1, { ...ada, context: { isPro: true } });
    expect(await throttle.stat('exports', { ...ada, context: { isPro: true } })).toMatchObject({
      limit: 50,
      window: { startMs: JANUARY, endMs: FEBRUARY, used: 1 },
    });
    expect(await throttle.stat('exports', ada)).toMatchObject({ limit: 5, windowMs: DAY_MS });
  });

  it('carries up to the limit of a plan, or of a function, that is lower than the rollover', async () => {
    const of = ({ context }: Call) => (context.isFree === true ? 'free' : undefined);
    const plans = { of, default: 'pro', tiers: { pro: {}, free: { exports: '100/month' } } };
    const policies = {
      exports: { rate: '1000/month', rollover: 200 },
      mails: { rate: ({ context }: Call) => (context.isFree === true ? '3/day' : '50/day'), ...daily },
    };
    await using context = await startContext({ policies, plans });
    const { throttle } = context;
    const free = { ...ada, context: { isFree: true } };
    expect(await throttle.stat('exports', ada)).toMatchObject({ limit: 1200 });
    expect(await throttle.stat('exports', free)).toMatchObject({ limit: 200 });
    expect(await throttle.stat('mails', ada)).toMatchObject({ limit: 60 });
    expect(await throttle.stat('mails', free)).toMatchObject({ limit: 6 });
  });

  const daily = { strategy: 'calendar', rollover: 10 } as const;
  const since = (day: number) => new Date(Date.UTC(2025, 11, day));

  it('begins at the anchor that a function returns for each call, synchronously or not; without one with the calendar', async () => {
    const anchors = new Map<unknown, Date>([
      ['ada', since(15)],
      ['bob', since(20)],
    ]);
    for (const anchor of [
      ({ context }: Call) => anchors.get(context.user),
      async ({ context }: Call) => anchors.get(context.user),
    ]) {
      await using app = await startContext({ policies: { plan: { rate: '10/month', anchor } } });
      const { throttle } = app;
      const windowOf = async (user: string) => {
        const { binding } = await throttle.consume('plan', 1, { subject: user, context: { user } });
        return [binding?.window?.startMs, binding?.window?.endMs];
      };
      expect(await windowOf('ada')).toEqual([Date.UTC(2025, 11, 15), Date.UTC(2026, 0, 15)]);
      expect(await windowOf('bob')).toEqual([Date.UTC(2025, 11, 20), Date.UTC(2026, 0, 20)]);
      expect(await windowOf('eve')).toEqual([JANUARY, FEBRUARY]);
    }
  });

  it('fails a call whose anchor is not a Date, and names the policy', async () => {
    const anchor = (): Date => JSON.parse('"2026-01-01"');
    await using context = await startContext({ policies: { plan: { rate: '10/month', anchor } } });
    await expect(context.throttle.hit('plan', 1, ada)).rejects.toThrow(
      'policies.plan.anchor: expected a valid Date from 1900 to 2200, got "2026-01-01"',
    );
  });

  it.each<readonly [options: object, message: string]>([
    [{ rate: '10/month', timeZone: 'Mars/Base' }, 'policies.plan.timeZone: expected the IANA name of a time zone'],
    [{ rate: '10/month', anchor: 5 }, 'policies.plan.anchor: expected a valid Date, or a function of the call'],
    [{ rate: '10/day', anchor: () => since(1) }, 'policies.plan.anchor: "sliding-window" does not have this option.'],
    [{ rate: () => '10/day', rollover: 5 }, 'policies.plan.rollover: "sliding-window" does not have this option.'],
    [{ rate: () => '10/day', strategy: 'calendar', thresholds: [2] }, 'policies.plan.thresholds: expected a list'],
    [{ rate: '10/month', rollover: 5, cost: 16 }, 'policies.plan.cost: a cost of 16 can never pass'],
  ])('of %j stops startup', async (plan, message) => {
    expect(await startupError(() => ({ options: { policies: { plan } } as never }))).toContain(message);
  });
});

describe('the event of a threshold', () => {
  function thresholdsOf(throttle: ThrottleService): ThrottleEvent[] {
    const seen: ThrottleEvent[] = [];
    throttle.events$.subscribe((event) => event.type === 'threshold' && seen.push(event));
    return seen;
  }
  const policies = { exports: { rate: '10/month', thresholds: [0.8, 1] } };

  it('is emitted once per window and subject, for the charge that reaches it', async () => {
    await using context = await startContext({ policies });
    const { throttle, clock } = context;
    const events = thresholdsOf(throttle);
    await throttle.hit('exports', 7, ada);
    await throttle.check('exports', 1, ada);
    expect(events).toEqual([]);
    const outcome = await throttle.hit('exports', 3, ada);
    const [decision] = outcome.decisions;
    const told = { type: 'threshold', policy: 'exports', subject: 'user:ada', decision };
    expect(events).toEqual([
      { ...told, threshold: 0.8 },
      { ...told, threshold: 1 },
    ]);
    expect(decision?.window).toEqual({ startMs: JANUARY, endMs: FEBRUARY, used: 10 });
    await throttle.refund(outcome);
    await throttle.hit('exports', 3, ada);
    await throttle.consume('exports', 1, ada);
    expect(events.length).toBe(2);
    await throttle.hit('exports', 8, { subject: subjectOf.user('bob') });
    clock.set(FEBRUARY);
    await throttle.hit('exports', 8, ada);
    expect(events.slice(2)).toMatchObject([
      { subject: 'user:bob', threshold: 0.8 },
      { subject: 'user:ada', threshold: 0.8, decision: { window: { startMs: FEBRUARY } } },
    ]);
  });

  it('is emitted by the fallback, too, which counts separately', async () => {
    const clock = new ManualClock(JANUARY);
    const memory = new MemoryBackend({ clock });
    const failing = Object.assign(memory, {
      remote: true,
      spend: async () => Promise.reject(new BackendError('CONNECTION', 'down')),
    });
    await using context = await startContext({ policies, backend: failing });
    const events = thresholdsOf(context.throttle);
    const outcome = await context.throttle.hit('exports', 8, ada);
    expect(outcome).toMatchObject({ degraded: 'local', binding: { remaining: 2 } });
    expect(events).toMatchObject([{ threshold: 0.8, subject: 'user:ada' }]);
    expect(await context.throttle.consume('exports', 3, ada)).toMatchObject({ allowed: false, degraded: 'local' });
  });
});

describe.each(adapters)('a quota on %s', (adapter) => {
  it('is charged by the guard, has the length of its window in the headers, and names the handler in its events', async () => {
    @Controller()
    class ReportsController {
      @Throttle({ rate: '2/month', thresholds: [1], by: by.all() })
      @Get('reports')
      list(): string {
        return 'ok';
      }
    }
    await using app = await startApp({ adapter, controllers: [ReportsController] });
    const events: ThrottleEvent[] = [];
    app.app.get(ThrottleService).events$.subscribe((event) => events.push(event));
    const answers = [await app.send('/reports'), await app.send('/reports'), await app.send('/reports')];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(answers[0]?.headers['ratelimit-policy']).toBe('"default";q=2;w=2678400');
    expect(answers[2]?.headers['retry-after']).toBe('2678400');
    expect(events).toMatchObject([
      { type: 'threshold', threshold: 1, handler: 'ReportsController.list' },
      { type: 'denied', handler: 'ReportsController.list' },
    ]);
    app.clock.set(FEBRUARY);
    expect((await app.send('/reports')).status).toBe(200);
  });
});
