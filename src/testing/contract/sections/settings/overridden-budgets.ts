import assert from 'node:assert/strict';
import type { Backend } from '../../../../backends/backend.js';
import type { Charge } from '../../../../core/decision.js';
import type { Policy } from '../../../../core/policy.js';
import { definePolicy } from '../../../../strategies/define-policy.js';
import { type Bench, take } from '../../harness/bench.js';
import { STRATEGIES, tenPerSecond } from '../../harness/random-policies.js';
import type { Suite } from '../../harness/suite.js';
import { type Opened, rateOf, settingsCase } from './settings-case.js';

const api = definePolicy('api', { rate: '10/min', strategy: 'fixed-window' });
const perHour = rateOf(definePolicy('api', { rate: '100/h', strategy: 'fixed-window' }));
const perDay = rateOf(definePolicy('api', { rate: '1000/day', strategy: 'fixed-window' }));
const twentyPerMinute = rateOf(definePolicy('api', { rate: '20/min', strategy: 'fixed-window' }));

const ada = { policy: 'api', subject: 'user:ada' };
const charge = (cost: number, policy: Policy = api): Charge => ({
  policy,
  subject: 'user:ada',
  cost,
  overriddenBy: ['user:ada'],
});

/** The budget from which an overridden charge takes units, in which it settles, and with which it is reset. */
export function overriddenBudgets(suite: Suite<Bench>): void {
  suite.group('the budget of an override', () => {
    periods(suite);
    settlement(suite);
  });
}

async function left(backend: Backend, policy: Policy = api): Promise<number | undefined> {
  return (await backend.peek([charge(0, policy)])).binding?.remaining;
}

function periods(suite: Suite<Bench>): void {
  settingsCase(
    suite,
    "is the policy's own for the same period, and a separate one for another period",
    async ({ backend, store }) => {
      await backend.spend([charge(3)]);
      await store.setOverride({ ...ada, rate: twentyPerMinute });
      assert.equal(await left(backend), 17);
      await store.setOverride({ ...ada, rate: perHour });
      assert.equal(await left(backend), 100);
      await backend.spend([charge(30)]);
      await store.setOverride({ ...ada, rate: { ...perHour, limit: 50, burst: 50 } });
      assert.equal(await left(backend), 20);
      await store.deleteOverride(ada);
      assert.equal(await left(backend), 7);
      await store.setOverride({ ...ada, rate: perHour });
      assert.equal(await left(backend), 70);
    },
  );

  settingsCase(suite, 'starts a new count when its period changes', async ({ backend, store }) => {
    await store.setOverride({ ...ada, rate: perHour });
    await backend.spend([charge(30)]);
    await store.setOverride({ ...ada, rate: perDay });
    assert.equal(await left(backend), 1000);
    await backend.spend([charge(1)]);
    assert.equal(await left(backend), 999);
    await store.setOverride({ ...ada, rate: perHour });
    assert.equal(await left(backend), 100);
    await backend.spend([charge(2)]);
    assert.equal(await left(backend), 98);
  });

  settingsCase(suite, 'continues if nothing was taken under the other period', async ({ backend, store }) => {
    await store.setOverride({ ...ada, rate: perHour });
    await backend.spend([charge(30)]);
    await store.setOverride({ ...ada, rate: perDay });
    assert.equal((await backend.spend([charge(1001)])).allowed, false);
    assert.equal(await left(backend), 1000);
    await store.setOverride({ ...ada, rate: perHour });
    assert.equal(await left(backend), 70);
  });

  settingsCase(suite, 'is reset, and with it that of the policy', async ({ backend, store }) => {
    await backend.spend([charge(3)]);
    await store.setOverride({ ...ada, rate: perHour });
    await backend.spend([charge(30)]);
    await backend.spend([{ ...charge(5), subject: 'user:bob' }]);
    await backend.reset([{ policy: api, subject: 'user:ada' }]);
    assert.equal(await left(backend), 100);
    assert.equal((await backend.peek([{ ...charge(0), subject: 'user:bob' }])).binding?.remaining, 95);
    await store.deleteOverride(ada);
    assert.equal(await left(backend), 10);
  });

  for (const strategy of STRATEGIES) {
    settingsCase(suite, `counts over its periods: ${strategy}`, async ({ backend, store, clock }) => {
      const own = tenPerSecond('p', strategy);
      const beside = tenPerSecond('p', strategy, 6, '11s');
      await store.setOverride({ policy: 'p', subject: 'user:ada', rate: rateOf(beside) });
      const twin = tenPerSecond('twin', strategy, 6, '11s');
      for (let i = 0; i < 40; i++) {
        const cost = 1 + (i % 3);
        const { decisions } = await backend.spend([charge(cost, own)]);
        const expected = await backend.spend([{ policy: twin, subject: 'user:ada', cost }]);
        assert.deepEqual(decisions, [{ ...expected.decisions[0], policy: 'p', rate: rateOf(beside) }]);
        clock.advance(1 + ((i * 977) % 2500));
      }
    });
  }
}

/** Changes to an override between a charge and its settlement. */
const MEANWHILE: readonly (readonly [what: string, change: (opened: Opened) => unknown])[] = [
  ['stays', () => undefined],
  ['is deleted', ({ store }) => store.deleteOverride(ada)],
  ['is lowered', ({ store }) => store.setOverride({ ...ada, rate: { ...perHour, limit: 1, burst: 1 } })],
  ['is unlimited', ({ store }) => store.setOverride({ ...ada, rate: 'unlimited' })],
  ['has another period', ({ store }) => store.setOverride({ ...ada, rate: perDay })],
];

function settlement(suite: Suite<Bench>): void {
  for (const [what, change] of MEANWHILE) {
    settingsCase(suite, `that was charged is settled, even if the override ${what} in the meantime`, async (opened) => {
      const { backend, store } = opened;
      await backend.spend([charge(3)]);
      await store.setOverride({ ...ada, rate: perHour });
      const [kept, raised] = [await take(backend, charge(20)), await take(backend, charge(30))];
      await change(opened);
      await backend.settle(kept, [0]);
      await backend.settle(raised, [45]);
      await store.setOverride({ ...ada, rate: perHour });
      assert.equal(await left(backend), 55);
      await store.deleteOverride(ada);
      assert.equal(await left(backend), 7);
    });
  }

  settingsCase(
    suite,
    "is not changed by settling a charge that was taken from the policy's own",
    async ({ backend, store }) => {
      const receipt = await take(backend, charge(4));
      await store.setOverride({ ...ada, rate: perHour });
      await backend.spend([charge(30)]);
      await backend.settle(receipt, [1]);
      assert.equal(await left(backend), 70);
      await store.setOverride({ ...ada, rate: twentyPerMinute });
      const more = await take(backend, charge(15));
      await store.deleteOverride(ada);
      assert.equal(await left(backend), 0);
      await backend.settle(more, [2]);
      assert.equal(await left(backend), 7);
    },
  );

  settingsCase(suite, 'is no longer settled after it has started a new count', async ({ backend, store }) => {
    await store.setOverride({ ...ada, rate: perHour });
    const [lowered, raised] = [await take(backend, charge(20)), await take(backend, charge(30))];
    await store.setOverride({ ...ada, rate: perDay });
    await backend.spend([charge(7)]);
    await backend.settle(lowered, [0]);
    await backend.settle(raised, [50]);
    assert.equal(await left(backend), 993);
    await store.setOverride({ ...ada, rate: perHour });
    assert.equal(await left(backend), 100);
  });

  for (const strategy of STRATEGIES) {
    settingsCase(suite, `is settled above what was taken, when its state is over: ${strategy}`, async (opened) => {
      const { backend, store, clock } = opened;
      const own = tenPerSecond('p', strategy);
      const twin = tenPerSecond('twin', strategy, 6, '11s');
      await store.setOverride({ policy: 'p', subject: 'user:ada', rate: rateOf(twin) });
      const receipt = await take(backend, charge(1, own));
      const ofTwin = await take(backend, { policy: twin, subject: 'user:ada', cost: 1 });
      clock.advance(5000);
      await backend.settle(receipt, [9]);
      await backend.settle(ofTwin, [9]);
      assert.equal(await left(backend, own), await left(backend, twin));
    });
  }
}
