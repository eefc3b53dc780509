import { describe, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  type Backend,
  by,
  type Charge,
  MemoryBackend,
  type PlanOf,
  subjectOf,
  type ThrottleEvent,
  ThrottleModule,
  type ThrottleModuleOptions,
  ThrottleService,
} from '../../../src/index.js';
import { adapters, startApp } from '../../support/http-app.js';
import { acting } from '../../support/scripted-handler.js';
import { startContext } from '../../support/service-app.js';

const strategy = 'fixed-window';

/** Plans by subject, as a table of accounts has them. */
function accounts(given: Readonly<Record<string, string>> = {}) {
  const plans = new Map(Object.entries(given));
  const of: PlanOf = (_call, subject = '') => plans.get(subject);
  return { plans, of };
}

function optionsWith(of: PlanOf): ThrottleModuleOptions {
  return {
    policies: { api: { rate: '5/min', strategy }, export: { rate: '5/d', strategy } },
    plans: {
      of,
      default: 'free',
      tiers: { free: { api: '10/h' }, pro: { api: '20/h' }, daily: { api: '7/d' }, enterprise: { api: 'unlimited' } },
    },
  };
}

const ann = { subject: 'user:ann' };

describe('the service, under plans', () => {
  it('charges, checks, reads and resets the budget of the plan', async () => {
    const { of, plans } = accounts({ 'user:ann': 'pro' });
    await using context = await startContext(optionsWith(of));
    const { throttle } = context;
    const { binding } = await throttle.hit('api', 4, ann);
    expect(binding).toMatchObject({ policy: 'api', limit: 20, remaining: 16, windowMs: 3_600_000 });
    expect((await throttle.consume('api', 6, ann)).binding).toMatchObject({ limit: 20, remaining: 10 });
    expect([await throttle.check('api', 10, ann), await throttle.check('api', 11, ann)]).toEqual([true, false]);
    expect(await throttle.stat('api', ann)).toMatchObject({ limit: 20, remaining: 10 });
    plans.set('user:ann', 'free');
    expect(await throttle.stat('api', ann)).toMatchObject({ limit: 10, remaining: 0 });
    expect((await throttle.consume('api', 1, ann)).allowed).toBe(false);
    plans.set('user:ann', 'pro');
    await throttle.reset('api', ann);
    expect(await throttle.stat('api', ann)).toMatchObject({ limit: 20, remaining: 20 });
  });

  it('resets the budgets of all plans, so that a client that changes plans starts a new count', async () => {
    const { of, plans } = accounts();
    await using context = await startContext(optionsWith(of));
    const { throttle } = context;
    for (const plan of ['pro', 'daily']) {
      plans.set('user:ann', plan);
      await throttle.hit('api', 3, ann);
    }
    plans.set('user:ann', 'enterprise');
    await throttle.reset('api', ann);
    for (const [plan, limit] of [
      ['pro', 20],
      ['daily', 7],
    ] as const) {
      plans.set('user:ann', plan);
      expect(await throttle.stat('api', ann)).toMatchObject({ limit, remaining: limit });
    }
  });

  it('resets the budget of a rate that is a function, too', async () => {
    const { of, plans } = accounts({ 'user:ann': 'free' });
    const rated = { rate: () => '5/min', strategy };
    const tiers = { free: {}, pro: { api: '20/h' } };
    await using context = await startContext({ policies: { api: rated }, plans: { of, default: 'free', tiers } });
    const { throttle } = context;
    await throttle.hit('api', 3, ann);
    plans.set('user:ann', 'pro');
    await throttle.reset('api', ann);
    plans.set('user:ann', 'free');
    expect(await throttle.stat('api', ann)).toMatchObject({ limit: 5, remaining: 5 });
  });

  it('refunds charges even after the plan has changed', async () => {
    const { of, plans } = accounts({ 'user:ann': 'pro' });
    await using context = await startContext(optionsWith(of));
    const { throttle } = context;
    const outcome = await throttle.hit('api', 8, ann);
    plans.set('user:ann', 'free');
    await throttle.refund(outcome, 3);
    expect(await throttle.stat('api', ann)).toMatchObject({ limit: 10, remaining: 5 });
  });

  it('decides several policies together, each at the rate of the plan', async () => {
    const { of } = accounts({ 'user:ann': 'pro' });
    await using context = await startContext(optionsWith(of));
    const { throttle } = context;
    const both = [
      { policy: 'api', cost: 2 },
      { policy: 'export', cost: 5 },
    ];
    const { decisions } = await throttle.hit(both, ann);
    expect(decisions).toMatchObject([
      { limit: 20, remaining: 18 },
      { limit: 5, remaining: 0 },
    ]);
    expect((await throttle.consume(both, ann)).allowed).toBe(false);
    expect(await throttle.stat('api', ann)).toMatchObject({ remaining: 18 });
  });
});

describe('an unlimited plan', () => {
  const unlimited = {
    policy: 'api',
    allowed: true,
    limit: Number.MAX_SAFE_INTEGER,
    remaining: Number.MAX_SAFE_INTEGER,
    resetMs: 0,
    retryAfterMs: 0,
    delayMs: 0,
    windowMs: 60_000,
    unlimited: true,
  };

  /** A service on a backend that records its calls. */
  async function observed(plan: string) {
    const asked: string[] = [];
    const backend = new MemoryBackend();
    const spying = new Proxy<Backend>(backend, {
      get(target, member) {
        const value: unknown = Reflect.get(target, member);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          asked.push(String(member));
          return Reflect.apply(value, target, args);
        };
      },
    });
    @Module({ imports: [ThrottleModule.forRoot({ backend: spying, ...optionsWith(() => plan) })] })
    class AppModule {}
    const app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
    asked.length = 0;
    return { throttle: app.get(ThrottleService), asked, [Symbol.asyncDispose]: () => app.close() };
  }

  it('is decided without the backend at any cost, and is never binding', async () => {
    await using context = await observed('enterprise');
    const { throttle, asked } = context;
    const events: ThrottleEvent[] = [];
    throttle.events$.subscribe((event) => events.push(event));
    const outcome = await throttle.hit('api', 1_000_000, ann);
    expect(outcome).toEqual({ allowed: true, decisions: [unlimited], binding: null });
    expect(await throttle.check('api', 1_000_000, ann)).toBe(true);
    expect(await throttle.stat('api', ann)).toBeNull();
    await throttle.refund(outcome);
    expect([asked, events]).toEqual([[], []]);
  });

  it('comes last among the decisions on several policies', async () => {
    await using context = await observed('enterprise');
    const { throttle, asked } = context;
    const both = [{ policy: 'api', cost: 100 }, { policy: 'export' }];
    const outcome = await throttle.hit(both, ann);
    expect(outcome.decisions).toMatchObject([{ policy: 'export', remaining: 4 }, unlimited]);
    expect(outcome.binding).toMatchObject({ policy: 'export' });
    expect(outcome.receipt?.charges).toMatchObject([{ subject: 'user:ann', cost: 1 }]);
    expect(await throttle.check(both, ann)).toBe(true);
    expect(asked).toEqual(['spend', 'peek']);
    expect((await throttle.consume([{ policy: 'api' }, { policy: 'export', cost: 5 }], ann)).allowed).toBe(false);
  });
});

describe.each(adapters)('throttle.plans, on %s', (adapter) => {
  const options = (of: PlanOf): ThrottleModuleOptions => ({
    policies: { api: { rate: '5/min', strategy, by: by.header('x-api-key') } },
    plans: { of, default: 'free', tiers: { free: {}, pro: { api: '20/min' } } },
  });

  it('returns the plan of the call being handled, of a request, and of a call without a user', async () => {
    const of: PlanOf = ({ request }) => {
      const plan = request?.headers['x-plan'];
      return typeof plan === 'string' ? plan : undefined;
    };
    await using app = await startApp({
      adapter,
      controllers: [acting(async ({ plans }, request) => [await plans.of(), await plans.of(request)])],
      options: options(of),
    });
    const planOf = async (plan: string) => (await app.send('/act', { headers: { 'x-plan': plan } })).body;
    expect(await planOf('pro')).toEqual(['pro', 'pro']);
    expect(await planOf('gold')).toEqual(['free', 'free']);
    expect((await app.send('/act')).body).toEqual(['free', 'free']);
    const { plans } = app.app.get(ThrottleService);
    expect(await plans.of({ type: 'none', context: {} })).toBe('free');
    await expect(plans.of({ headers: {} })).rejects.toThrow(
      'plans.of({ on }): expected an ExecutionContext, a request or a socket, got an object with headers',
    );
  });

  it('drops the plan of a client at once', async () => {
    let plan = 'free';
    await using app = await startApp({
      adapter,
      controllers: [acting((throttle) => throttle.hit('api'))],
      options: options(async () => plan),
    });
    const key = { headers: { 'x-api-key': 'secret' } };
    const limitOf = async () => (await app.send('/act', key)).headers['ratelimit-policy'];
    expect(await limitOf()).toBe('"api";q=5;w=60');
    plan = 'pro';
    expect(await limitOf()).toBe('"api";q=5;w=60');
    app.app.get(ThrottleService).plans.forget(subjectOf.header('x-api-key', 'secret'));
    expect(await limitOf()).toBe('"api";q=20;w=60');
  });
});

describe('throttle.plans', () => {
  it('reports what is missing', async () => {
    await using context = await startContext({ policies: { api: '5/min' } });
    const { plans } = context.throttle;
    const fix = 'Add them: ThrottleModule.forRoot({ plans: { of, default, tiers } }).';
    await expect(plans.of()).rejects.toThrow(`plans.of(): the options have no plans. ${fix}`);
    expect(() => plans.forget('user:1')).toThrow(`plans.forget(): the options have no plans. ${fix}`);
  });

  it('needs a call', async () => {
    await using context = await startContext(optionsWith(() => 'pro'));
    await expect(context.throttle.plans.of()).rejects.toThrow('plans.of(): there is no call here. Pass one: ');
  });
});

describe('the events of the service', () => {
  it('report unknown plans, and a function that fails', async () => {
    const error = new Error('billing is down');
    let answer = (): string => 'gold';
    await using context = await startContext(optionsWith(() => answer()));
    const events: ThrottleEvent[] = [];
    context.throttle.events$.subscribe((event) => events.push(event));
    await context.throttle.hit('api', 1, ann);
    await context.throttle.hit('api', 1, ann);
    answer = () => {
      throw error;
    };
    await context.throttle.hit('api', 1, ann);
    expect(events).toEqual([
      { type: 'unknown-plan', plan: 'gold' },
      { type: 'plan-failed', error, plan: 'free' },
    ]);
  });
});

describe('a service without plans', () => {
  it("charges the policy's own rate", async () => {
    const seen: (readonly Charge[])[] = [];
    class Noting extends MemoryBackend {
      override spend(charges: readonly Charge[]) {
        seen.push(charges);
        return super.spend(charges);
      }
    }
    await using context = await startContext({ backend: new Noting(), policies: { api: '5/min' } });
    expect(await context.throttle.hit('api', 2, ann)).not.toHaveProperty('unlimited');
    expect(seen).toMatchObject([[{ subject: 'user:ann', cost: 2 }]]);
  });
});
