import { describe, expect, it } from '@jest/globals';
import type { Charge, Outcome } from '../../../../src/core/decision.js';
import type { Policy } from '../../../../src/core/policy.js';
import { calendarArguments } from '../../../../src/strategies/calendar/quota-windows.js';
import { definePolicy } from '../../../../src/strategies/define-policy.js';
import { Fleet, on, type Process } from '../../../support/redis/fallback.js';
import { PATIENT_MS, TIMEOUT_MS } from '../../../support/redis/faults.js';
import { pause } from '../../../support/redis/redis.js';

const STRATEGIES = ['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket', 'gcra', 'leaky-bucket'] as const;
const four = (strategy: (typeof STRATEGIES)[number], name = `four-${strategy}`): Policy =>
  definePolicy(name, { rate: '4/h', strategy, ...(strategy === 'gcra' && { burst: 4 }) });

/** Makes calls until Redis has admitted a number of them, even on a slow machine. */
async function admit(process: Process, charge: Charge, count: number): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (let i = 0; i < count; i++) outcomes.push(await process.backend.spend([charge]));
  expect(outcomes.map(({ allowed, degraded }) => [allowed, degraded])).toEqual(outcomes.map(() => [true, undefined]));
  return outcomes;
}

/** Calls at once, by a process whose server has been frozen or killed. */
async function allowedOf({ backend }: Process, charges: readonly Charge[], count: number): Promise<number> {
  const outcomes = await Promise.all(Array.from({ length: count }, () => backend.spend(charges)));
  expect(outcomes.map(({ degraded }) => degraded)).toEqual(outcomes.map(() => 'local'));
  return outcomes.filter(({ allowed }) => allowed).length;
}

describe.each(['freezes', 'dies'] as const)('a process whose Redis %s', (what) => {
  const fail = (fleet: Fleet) => (what === 'dies' ? fleet.server.kill() : fleet.server.freeze());

  it('counts what Redis admits, under every strategy, also after the recovery', async () => {
    await using fleet = await Fleet.start();
    const one = await fleet.process('local', what === 'dies' ? PATIENT_MS : TIMEOUT_MS);
    for (const strategy of STRATEGIES) await admit(one, on(four(strategy)), 3);
    await fail(fleet);
    const allowed = await Promise.all(STRATEGIES.map((strategy) => allowedOf(one, [on(four(strategy))], 2)));
    expect(allowed).toEqual(STRATEGIES.map(() => 1));
    await fleet.recover(one, what === 'dies');
    // Redis knows of three at most: here the fourth counts, too.
    for (const strategy of STRATEGIES) {
      expect(await one.backend.spend([on(four(strategy))])).toMatchObject({ allowed: false, degraded: 'local' });
      expect(await one.backend.peek([on(four(strategy))])).toMatchObject({ allowed: false });
    }
    fleet.clock.advance(2 * 3_600_000);
    for (const strategy of STRATEGIES) {
      expect(await one.backend.spend([on(four(strategy), 4)])).toMatchObject({ allowed: true });
      expect(await one.backend.spend([on(four(strategy))])).toMatchObject({ allowed: false });
    }
  });
});

describe('a bucket that is never empty', () => {
  it.each(['token-bucket', 'gcra', 'leaky-bucket'] as const)(
    'must pass both counters for as long: %s',
    async (strategy) => {
      await using fleet = await Fleet.start();
      const one = await fleet.process();
      const policy = four(strategy);
      await admit(one, on(policy), 4);
      await fleet.server.kill();
      expect(await allowedOf(one, [on(policy)], 5)).toBe(0);
      await fleet.recover(one, true);
      // Redis has lost the deficit, and sees no more than a call a quarter of an hour, as much as drains.
      for (let i = 0; i < 12; i++) {
        fleet.clock.advance(900_000);
        await admit(one, on(policy), 1);
      }
      fleet.clock.advance(900_000);
      await admit(one, on(policy), 1);
      expect(await one.backend.spend([on(policy)])).toMatchObject({ allowed: false, degraded: 'local' });
    },
  );
});

describe('a process that falls back', () => {
  it('admits nothing beyond what Redis has admitted, and n processes at most n times the limit', async () => {
    await using fleet = await Fleet.start();
    const processes = [await fleet.process(), await fleet.process()];
    const policy = four('fixed-window');
    const [one, other] = processes;
    if (one === undefined || other === undefined) throw new Error('there are two');
    await admit(one, on(policy), 3);
    await admit(other, on(policy), 1);
    await fleet.server.kill();
    expect([await allowedOf(one, [on(policy)], 6), await allowedOf(other, [on(policy)], 6)]).toEqual([1, 3]);
  });

  it('enforces its share of each limit, rounded down, at least 1, and has counted what Redis admitted', async () => {
    await using fleet = await Fleet.start();
    const onError = { local: { share: 0.25 } };
    const one = await fleet.process(onError);
    const policies = [10, 3, 100].map((limit) => definePolicy(`p${limit}`, `${limit}/h`));
    const half = definePolicy('half', { rate: '10/h', onError: { local: { share: 0.5 } } });
    await admit(one, on(definePolicy('p100', '100/h')), 20);
    await fleet.server.kill();
    const allowed: number[] = [];
    for (const policy of [...policies, half]) allowed.push(await allowedOf(one, [on(policy)], 8));
    expect(allowed).toEqual([2, 1, 5, 5]);
  });

  it('returns what Redis admitted and the caller refunded, before and during an outage', async () => {
    await using fleet = await Fleet.start();
    const one = await fleet.process();
    for (const strategy of STRATEGIES) {
      const charge = on(four(strategy));
      const [first] = await admit(one, charge, 1);
      const [second] = await admit(one, charge, 1);
      if (first?.receipt === undefined || second?.receipt === undefined) throw new Error('nothing was taken');
      await one.backend.settle(first.receipt, [0]);
      await one.backend.settle(first.receipt, [0]);
    }
    const kept = await admit(one, on(four('fixed-window', 'kept')), 4);
    await fleet.server.kill();
    for (const strategy of STRATEGIES) expect(await allowedOf(one, [on(four(strategy))], 5)).toBe(3);
    const [receipt] = kept.flatMap(({ receipt = [] }) => receipt);
    if (receipt === undefined) throw new Error('nothing was taken');
    await one.backend.settle(receipt, [0]);
    expect(await allowedOf(one, [on(four('fixed-window', 'kept'))], 3)).toBe(1);
    expect(one.events.filter(({ type }) => type === 'lost')).toHaveLength(1);
  });

  it('counts the upward settlement of what Redis admitted', async () => {
    await using fleet = await Fleet.start();
    const one = await fleet.process();
    const [{ receipt } = { receipt: undefined }] = await admit(one, on(four('fixed-window')), 1);
    if (receipt === undefined) throw new Error('nothing was taken');
    await one.backend.settle(receipt, [3]);
    await fleet.server.kill();
    expect(await allowedOf(one, [on(four('fixed-window'))], 3)).toBe(1);
  });

  it('has counted quotas in their windows, overrides under their rates, monitored and recorded charges', async () => {
    await using fleet = await Fleet.start();
    const one = await fleet.process();
    const quota = definePolicy('quota', { rate: '4/day', strategy: 'calendar' });
    const args = calendarArguments(quota, fleet.clock.now());
    const daily: Charge = { ...on(quota), arguments: args };
    await admit(one, daily, 3);

    const raised = four('fixed-window', 'raised');
    const overridden: Charge = { ...on(raised), overriddenBy: ['ada'] };
    const rate = { strategy: 'fixed-window', limit: 6, periodMs: 3_600_000, burst: 6, segments: 1 };
    await one.backend.settings?.setOverride({ policy: 'raised', subject: 'ada', rate });
    await admit(one, overridden, 5);

    const watched: Charge = { ...on(four('fixed-window', 'watched')), mode: 'monitor' };
    await admit(one, watched, 3);
    const recorded: Charge = { ...on(four('fixed-window', 'recorded'), 4), mode: 'record' };
    await admit(one, recorded, 1);

    await fleet.server.kill();
    expect(await allowedOf(one, [daily], 3)).toBe(1);
    expect(await allowedOf(one, [overridden], 3)).toBe(1);
    expect((await one.backend.spend([watched])).decisions).toMatchObject([{ allowed: true, remaining: 0 }]);
    expect((await one.backend.spend([watched])).decisions).toMatchObject([{ allowed: false }]);
    expect(await allowedOf(one, [on(recorded.policy)], 2)).toBe(0);
  });

  it('counts nothing for policies with onError "allow" or "deny", and no call that Redis denied', async () => {
    await using fleet = await Fleet.start();
    const one = await fleet.process();
    const open = definePolicy('open', { rate: '4/h', onError: 'allow' });
    const policy = four('fixed-window');
    await admit(one, on(open), 4);
    await admit(one, on(policy), 3);
    expect((await one.backend.spend([on(policy, 2)])).allowed).toBe(false);
    await fleet.server.kill();
    expect(await allowedOf(one, [on(policy), on(open)], 2)).toBe(1);
    expect(await one.backend.spend([on(open)])).toMatchObject({ allowed: true, degraded: 'allow' });
  });

  it('drops budgets that are reset', async () => {
    await using fleet = await Fleet.start();
    const one = await fleet.process();
    const policy = four('fixed-window');
    await admit(one, on(policy), 4);
    await fleet.server.kill();
    expect(await allowedOf(one, [on(policy)], 1)).toBe(0);
    await one.backend.reset([on(policy)]);
    expect(await allowedOf(one, [on(policy)], 5)).toBe(4);
  });

  it('counts units spent from a lease', async () => {
    await using fleet = await Fleet.start();
    const { backend } = await fleet.process();
    const leased = definePolicy('leased', { rate: '10/h', strategy: 'fixed-window', lease: { batch: 2 } });
    let allowed = 0;
    for (let i = 0; i < 15; i++) {
      if (i === 3) await fleet.server.kill();
      if ((await backend.spend([on(leased)])).allowed) allowed += 1;
    }
    expect(allowed).toBe(10);
  });
});

describe('a reply that arrives after this process has admitted a call itself', () => {
  it('admits its call only if both are within the limit', async () => {
    await using fleet = await Fleet.start();
    const policy = definePolicy('one', { rate: '1/h', strategy: 'fixed-window' });
    const { backend } = await fleet.process('local', TIMEOUT_MS);
    await backend.spend([on(definePolicy('warm', '9/h'))]);
    fleet.server.freeze();
    const first = Promise.resolve(backend.spend([on(policy)]));
    await pause(TIMEOUT_MS / 2);
    // Redis decides it when it goes on, and answers in time, unless the machine is busy: then this process decides it, too.
    const second = backend.spend([on(policy)]);
    expect(await first).toMatchObject({ allowed: true, degraded: 'local' });
    fleet.server.thaw();
    expect(await second).toMatchObject({ allowed: false, degraded: 'local' });
    // One failure opens no breaker. Redis has nothing of this budget, or gets it back, and may not decide alone.
    expect(await backend.spend([on(policy)])).toMatchObject({ allowed: false, degraded: 'local' });
  });
});
