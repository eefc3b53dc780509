import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject, UnauthorizedException, UseGuards } from '@nestjs/common';
import {
  by,
  type ChargeWhen,
  type Outcome,
  type PolicyOptions,
  Throttle,
  type ThrottleModuleOptions,
  ThrottleService,
  type What,
} from '../../../src/index.js';
import { CountedBackend } from '../../support/counted-backend.js';
import { adapters, startApp } from '../../support/http-app.js';
import { acting } from '../../support/scripted-handler.js';
import { until } from '../../support/wait-until.js';
import { AuthGuard, as } from '../handler-phase/guards.js';

const strategy = 'fixed-window';
/** One budget for everybody. */
const shared = { rate: '10/hour', strategy, by: by.all() } as const;
const fail = () => {
  throw new UnauthorizedException();
};

async function start(what: What, act: (throttle: ThrottleService) => unknown, options: ThrottleModuleOptions = {}) {
  const backend = new CountedBackend();
  const controllers = [acting(act, { onMethod: what })];
  const app = await startApp({ adapter: 'express', controllers, options: { backend, ...options } });
  const remaining = async (policy: string, subject = 'all') =>
    (await app.app.get(ThrottleService).stat(policy, { subject }))?.remaining;
  return { app, backend, remaining, [Symbol.asyncDispose]: () => app.app.close() };
}

/** Waits for a number of settlements, because a client gets its response before the server has closed it. */
const settled = (backend: CountedBackend, count: number) => until(() => backend.settled.length >= count);

describe('a limit charged by outcome', () => {
  it('takes its cost when a call begins, so that concurrent calls are denied above the limit', async () => {
    const open: (() => void)[] = [];
    const act = () => new Promise<string>((resolve) => open.push(() => resolve('ok')));
    await using context = await start('p', act, {
      policies: { p: { ...shared, rate: '2/hour', chargeWhen: 'failure' } },
    });
    const sent = [context.app.send('/act'), context.app.send('/act')];
    await until(() => open.length === 2);
    expect((await context.app.send('/act')).status).toBe(429);
    for (const one of open.splice(0)) one();
    expect((await Promise.all(sent)).map(({ status }) => status)).toEqual([200, 200]);
    await settled(context.backend, 2);
    expect(await context.remaining('p')).toBe(2);
  });

  it('does not change other limits of the call, in one settlement', async () => {
    const policies = { tries: { ...shared, chargeWhen: 'failure' }, calls: shared } as const;
    await using context = await start(['tries', 'calls'], () => 'ok', { policies });
    await context.app.send('/act');
    await settled(context.backend, 1);
    expect(context.backend.settled).toEqual([[0, 1]]);
    expect([await context.remaining('tries'), await context.remaining('calls')]).toEqual([10, 9]);
  });

  it('does not settle a denied call', async () => {
    const policies = { tries: { ...shared, chargeWhen: 'success' }, calls: { ...shared, rate: '1/hour' } } as const;
    await using context = await start(['tries', 'calls'], () => 'ok', { policies });
    expect(await context.app.statuses('/act', 3)).toEqual([200, 429, 429]);
    expect([await context.remaining('tries'), context.backend.settled]).toEqual([9, []]);
  });

  it('may have another rule in a handler that uses it', async () => {
    @Controller()
    class TriesController {
      @Throttle('p', { chargeWhen: 'success' })
      @Get('kept')
      kept(): string {
        return 'ok';
      }

      @Throttle('p')
      @Get('returned')
      returned(): string {
        return 'ok';
      }
    }
    const backend = new CountedBackend();
    const policies = { p: { ...shared, chargeWhen: 'failure' } } as const;
    await using app = await startApp({
      adapter: 'express',
      controllers: [TriesController],
      options: { backend, policies },
    });
    await app.send('/kept');
    await app.send('/returned');
    await settled(backend, 1);
    expect([backend.settled, (await app.app.get(ThrottleService).stat('p'))?.remaining]).toEqual([[[0]], 9]);
  });

  it('settles the charges under a plan in the budget of the plan', async () => {
    const plans = { of: () => 'pro', default: 'free', tiers: { free: {}, pro: { p: '100/day' } } };
    const policies = { p: { ...shared, chargeWhen: 'failure' } } as const;
    await using context = await start('p', () => 'ok', { policies, plans });
    await context.app.send('/act');
    await settled(context.backend, 1);
    expect(await context.remaining('p')).toBe(100);
  });

  it('settles under the rate of an override, in the budget that was charged', async () => {
    const policies = { p: { ...shared, overrides: true, chargeWhen: () => 4 } } as const;
    await using context = await start('p', () => 'ok', { policies });
    await context.app.app.get(ThrottleService).overrides.set('p', 'all', '50/day');
    await context.app.send('/act');
    await settled(context.backend, 1);
    expect(await context.remaining('p')).toBe(46);
  });

  it('charges and settles nothing if the plan is unlimited', async () => {
    const plans = { of: () => 'pro', default: 'pro', tiers: { pro: { p: 'unlimited' } } } as const;
    const policies = { p: { ...shared, chargeWhen: () => 4 } } as const;
    await using context = await start('p', () => 'ok', { policies, plans });
    expect((await context.app.send('/act')).status).toBe(200);
    expect(context.backend.asked).toEqual([]);
  });

  it('settles the charges of a monitored limit, and nothing if it would have denied', async () => {
    const policies = { p: { ...shared, rate: '1/hour', mode: 'monitor', chargeWhen: 'success' } } as const;
    let isFailing = true;
    await using context = await start('p', () => (isFailing ? fail() : 'ok'), { policies });
    await context.app.send('/act');
    await settled(context.backend, 1);
    isFailing = false;
    // The unit was returned, so of these the second is the first that would have been denied.
    expect(await context.app.statuses('/act', 2)).toEqual([200, 200]);
    const { violations } = context.app.app.get(ThrottleService);
    expect([context.backend.settled, violations.get('p')]).toEqual([[[0]], 1]);
    isFailing = true;
    expect(await context.app.statuses('/act', 2)).toEqual([401, 401]);
    expect([context.backend.settled, violations.get('p')]).toEqual([[[0]], 3]);
  });

  it('charges no cost of a function if a monitored limit has taken nothing', async () => {
    const policies = {
      p: { ...shared, rate: '1/hour', mode: 'monitor', chargeWhen: () => 4 },
      calls: { ...shared, chargeWhen: () => 2 },
    } as const;
    await using context = await start(['p', 'calls'], () => 'ok', { policies });
    expect(await context.app.statuses('/act', 2)).toEqual([200, 200]);
    await settled(context.backend, 2);
    // Monitored charges are told last, and counted in their place.
    expect(context.backend.settled).toEqual([
      [4, 2],
      [0, 2],
    ]);
  });

  it('blocks for failures, and never for successes', async () => {
    const policies = { p: { ...shared, rate: '2/hour', chargeWhen: 'failure', block: { for: '2h' } } } as const;
    let isFailing = false;
    await using context = await start('p', () => (isFailing ? fail() : 'ok'), { policies });
    for (let i = 1; i <= 4; i++) {
      expect((await context.app.send('/act')).status).toBe(200);
      await settled(context.backend, i);
    }
    isFailing = true;
    expect(await context.app.statuses('/act', 3)).toEqual([401, 401, 429]);
    const blocked = await context.app.send('/act');
    expect([blocked.body.reason, blocked.headers['retry-after']]).toEqual(['blocked', '7200']);
    expect(context.backend.settled).toEqual([[0], [0], [0], [0]]);
  });

  it('settles a quota in its window', async () => {
    const policies = { p: { rate: '10/month', by: by.all(), chargeWhen: 'failure' } } as const;
    await using context = await start('p', () => 'ok', { policies });
    await context.app.send('/act');
    await settled(context.backend, 1);
    expect(await context.remaining('p')).toBe(10);
  });

  it('returns the units of a delayed call as if it had been charged at the end of its delay', async () => {
    const leaky = { rate: '60/min', strategy: 'leaky-bucket', burst: 5, by: by.all(), chargeWhen: 'success' } as const;
    let calls = 0;
    const act = () => (++calls === 2 ? fail() : 'ok');
    await using context = await start('p', act, { policies: { p: leaky } });
    expect((await context.app.send('/act')).status).toBe(200);
    const delayed = context.app.send('/act');
    const clock = context.backend.manual;
    await until(() => clock.waiting === 1);
    expect(await context.remaining('p')).toBe(3);
    clock.advance(1000);
    expect((await delayed).status).toBe(401);
    await settled(context.backend, 1);
    expect(await context.remaining('p')).toBe(5);
  });
});

describe('a delayed call under a limit charged by outcome', () => {
  it('is refunded once if its delay is interrupted because the application closes', async () => {
    const leaky = { rate: '60/min', strategy: 'leaky-bucket', burst: 5, by: by.all(), chargeWhen: 'success' } as const;
    const context = await start('p', () => 'ok', { policies: { p: leaky } });
    expect((await context.app.send('/act')).status).toBe(200);
    const delayed = context.app.send('/act');
    await until(() => context.backend.manual.waiting === 1);
    const closing = context.app.app.close();
    expect((await delayed).status).toBe(503);
    await closing;
    expect(context.backend.settled.filter((costs) => costs.length > 0)).toEqual([[0]]);
  });
});

describe('a charge by outcome that was refunded by hand', () => {
  it.each<[string, (throttle: ThrottleService, outcome: Outcome) => Promise<void>, number]>([
    ['in full', (throttle, outcome) => throttle.refund(outcome), 10],
    ['in part', (throttle, outcome) => throttle.refund(outcome, 2), 8],
  ])('%s is not settled again', async (_, refund, left) => {
    const policies = { p: { ...shared, cost: 4, chargeWhen: () => 9 } } as const;
    const act = async (throttle: ThrottleService) => {
      await refund(throttle, await throttle.consume('p'));
      return 'ok';
    };
    await using context = await start({ ...shared, name: 'other', scope: 'app' }, act, { policies });
    await context.app.send('/act');
    await context.app.send('/act');
    expect(context.backend.settled.length).toBe(2);
    expect(await context.remaining('p')).toBe(left - (10 - left));
  });
});

describe('a charge by outcome that is refunded by hand after its call has ended', () => {
  it.each<[string, ChargeWhen, number]>([
    ['returned', () => 0, 10],
    ['settled at less', () => 1, 9],
  ])('stays as it was %s, even if repeated', async (_, chargeWhen, left) => {
    const outcomes: Outcome[] = [];
    const act = async (throttle: ThrottleService) => {
      outcomes.push(await throttle.consume('p'));
      return 'ok';
    };
    const policies = { p: { ...shared, cost: 4, chargeWhen } } as const;
    await using context = await start({ ...shared, name: 'other', scope: 'app' }, act, { policies });
    await context.app.send('/act');
    await settled(context.backend, 1);
    const throttle = context.app.app.get(ThrottleService);
    // Other calls have taken these units since, so they must not be refunded.
    await throttle.debit('p', 5, { subject: 'all' });
    for (const units of [1, 1, 2]) await throttle.refund(outcomes[0] as Outcome, units);
    await throttle.refund(outcomes[0] as Outcome);
    expect(await context.remaining('p')).toBe(left - 5);
  });
});

describe.each(adapters)('the handler phase, for limits charged by outcome on %s', (adapter) => {
  function startGuarded(chargeWhen: ChargeWhen, more: Partial<PolicyOptions> = {}, late: Partial<PolicyOptions> = {}) {
    const backend = new CountedBackend();

    @UseGuards(AuthGuard)
    @Controller()
    class NotesController {
      constructor(@Inject(ThrottleService) readonly throttle: ThrottleService) {}

      @Throttle(['early', 'late'])
      @Get('notes')
      list(): string {
        return 'notes';
      }
    }
    return startApp({
      adapter,
      controllers: [NotesController],
      options: {
        backend,
        policies: {
          early: { ...shared, chargeWhen, ...more },
          late: { ...shared, by: by.user(), chargeWhen, ...late },
        },
      },
    }).then((app) => ({
      app,
      backend,
      remaining: async (policy: string, subject: string) =>
        (await app.app.get(ThrottleService).stat(policy, { subject }))?.remaining,
      [Symbol.asyncDispose]: () => app.app.close(),
    }));
  }

  it.each<[ChargeWhen, number]>([
    ['success', 9],
    ['failure', 10],
  ])('settles the charges of both phases: %s', async (chargeWhen, left) => {
    await using context = await startGuarded(chargeWhen);
    expect((await context.app.send('/notes', as('ann'))).status).toBe(200);
    await settled(context.backend, chargeWhen === 'success' ? 0 : 2);
    expect([await context.remaining('early', 'all'), await context.remaining('late', 'user:ann')]).toEqual([
      left,
      left,
    ]);
  });

  it('does not settle charges that it has refunded because the second phase denied', async () => {
    await using context = await startGuarded(() => 5, {}, { rate: '1/hour', chargeWhen: () => 1 });
    expect((await context.app.send('/notes', as('ann'))).status).toBe(200);
    await settled(context.backend, 1);
    // Returns what the guard took, once.
    expect((await context.app.send('/notes', as('ann'))).status).toBe(429);
    await settled(context.backend, 2);
    await context.app.send('/notes', as('bob'));
    await settled(context.backend, 3);
    expect(context.backend.settled).toEqual([[5], [0], [5]]);
    expect(await context.remaining('early', 'all')).toBe(0);
  });

  it.each<[ChargeWhen, number, number]>([
    ['success', 10, 2],
    ['failure', 9, 0],
    [({ status }) => (status === 401 ? 7 : 0), 3, 2],
  ])(
    'charges the address of a call that a later guard refused, by the same outcome',
    async (chargeWhen, left, count) => {
      await using context = await startGuarded(chargeWhen);
      expect((await context.app.send('/notes')).status).toBe(401);
      await settled(context.backend, count);
      await until(async () => (await context.remaining('late', 'ip:127.0.0.1')) === left);
      expect(await context.remaining('early', 'all')).toBe(left);
    },
  );
});
