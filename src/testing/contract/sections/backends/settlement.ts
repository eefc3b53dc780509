import assert from 'node:assert/strict';
import type { Backend } from '../../../../backends/backend.js';
import type { Charge } from '../../../../core/decision.js';
import type { BuiltinStrategy } from '../../../../strategies/built-in-strategies.js';
import { assertFails } from '../../harness/assertions.js';
import { type Bench, take } from '../../harness/bench.js';
import { STRATEGIES, tenPerSecond } from '../../harness/random-policies.js';
import type { Suite } from '../../harness/suite.js';

/** A settled charge becomes a smaller one, as of its own instant. */
export function settlement(suite: Suite<Bench>): void {
  for (const strategy of STRATEGIES) {
    suite.group(`settling a charge of ${strategy}`, () => settlementOf(strategy, suite));
  }
  suite.group('settling later', () => settlingLater(suite));
}

const INVALID_COSTS: readonly (readonly [what: string, costs: readonly unknown[]])[] = [
  ['of 2^53', [0, 2 ** 53]],
  ['below 0', [0, -1]],
  ['of half a unit', [0, 1.5]],
  ['that is no number', [0, '1']],
  ['NaN', [0, Number.NaN]],
  ['too few', [0]],
  ['too many', [0, 0, 0]],
];

function settlementOf(strategy: BuiltinStrategy, suite: Suite<Bench>): void {
  const policy = tenPerSecond('p', strategy);
  const ask = (cost: number) => ({ policy, subject: 'ada', cost });
  const left = async (backend: Backend) => (await backend.peek([ask(0)])).decisions[0]?.remaining;

  suite.case('makes it a smaller one', async ({ open }) => {
    const { backend } = await open();
    const receipt = await take(backend, ask(7));
    await backend.settle(receipt, [2]);
    assert.equal(await left(backend), 8);
    const twin = await open();
    await take(twin.backend, ask(2));
    assert.deepEqual(await backend.peek([ask(1)]), await twin.backend.peek([ask(1)]));
  });

  suite.case('returns all of it at a cost of 0, as if it had never been charged', async ({ open }) => {
    const { backend } = await open();
    const fresh = await backend.peek([ask(1)]);
    await backend.settle(await take(backend, ask(10)), [0]);
    assert.deepEqual(await backend.peek([ask(1)]), fresh);
    assert.equal((await backend.spend([ask(10)])).allowed, true);
  });

  suite.case('changes nothing at the same cost', async ({ open }) => {
    const { backend } = await open();
    const receipt = await take(backend, ask(7));
    const before = await backend.peek([ask(1)]);
    await backend.settle(receipt, [7]);
    assert.deepEqual(await backend.peek([ask(1)]), before);
  });

  suite.case('returns nothing to charges of a much later time', async ({ open }) => {
    const { backend, clock } = await open();
    const receipt = await take(backend, ask(10));
    clock.advance(2000);
    await take(backend, ask(10));
    const before = await backend.peek([ask(1)]);
    await backend.settle(receipt, [0]);
    assert.deepEqual(await backend.peek([ask(1)]), before);
  });

  suite.case('returns nothing to another subject', async ({ open }) => {
    const { backend } = await open();
    const receipt = await take(backend, ask(10));
    await take(backend, { ...ask(10), subject: 'bob' });
    await backend.settle(receipt, [0]);
    assert.equal((await backend.peek([{ ...ask(0), subject: 'bob' }])).decisions[0]?.remaining, 0);
  });

  suite.case('settles each charge of a call at its own cost, also on one key', async ({ open }) => {
    const { backend } = await open();
    const other = tenPerSecond('q', strategy);
    const receipt = await take(backend, ask(5), { policy: other, subject: 'ada', cost: 5 }, ask(4));
    await backend.settle(receipt, [3, 5, 0]);
    const { decisions } = await backend.peek([ask(0), { policy: other, subject: 'ada', cost: 0 }]);
    assert.deepEqual(
      decisions.map(({ remaining }) => remaining),
      [7, 5],
    );
  });

  for (const [what, costs] of INVALID_COSTS) {
    suite.case(`refuses a cost ${what} with a RangeError, and settles none`, async ({ open }) => {
      const { backend } = await open();
      const receipt = await take(backend, ask(4), ask(5));
      await assertFails(() => Reflect.apply(backend.settle, backend, [receipt, costs]), 'RangeError');
      assert.equal(await left(backend), 1);
    });
  }
}

function settlingLater(suite: Suite<Bench>): void {
  const remaining = async (backend: Backend, { policy }: Charge) =>
    (await backend.peek([{ policy, subject: 'ada', cost: 0 }])).decisions[0]?.remaining;
  const charge = (strategy: BuiltinStrategy, cost: number): Charge => ({
    policy: tenPerSecond('p', strategy),
    subject: 'ada',
    cost,
  });

  suite.case('returns nothing to the next fixed window', async ({ open }) => {
    const { backend, clock } = await open(999);
    const five = charge('fixed-window', 5);
    const receipt = await take(backend, five);
    clock.advance(1);
    await take(backend, five);
    await backend.settle(receipt, [0]);
    assert.equal(await remaining(backend, five), 5);
  });

  suite.case('returns to a sliding window the share that still counts', async ({ open }) => {
    const { backend, clock } = await open(1000);
    const ten = charge('sliding-window', 10);
    const receipt = await take(backend, ten);
    clock.advance(1050);
    assert.equal(await remaining(backend, ten), 5);
    await backend.settle(receipt, [4]);
    assert.equal(await remaining(backend, ten), 8);
  });

  for (const strategy of ['token-bucket', 'leaky-bucket'] as const) {
    suite.case(`returns to a ${strategy} the units that have not drained in the meantime`, async ({ open }) => {
      const { backend, clock } = await open(1000);
      const receipt = await take(backend, charge(strategy, 8));
      clock.advance(300);
      await take(backend, charge(strategy, 5));
      assert.equal(await remaining(backend, charge(strategy, 0)), 0);
      await backend.settle(receipt, [0]);
      assert.equal(await remaining(backend, charge(strategy, 0)), 5);
    });
  }

  for (const strategy of STRATEGIES) {
    suite.case(`returns nothing to a ${strategy} for a charge before the clock stepped back far`, async ({ open }) => {
      const { backend, clock } = await open();
      const receipt = await take(backend, charge(strategy, 10));
      clock.advance(-5000);
      await take(backend, charge(strategy, 10));
      await backend.settle(receipt, [0]);
      assert.equal(await remaining(backend, charge(strategy, 0)), 0);
    });
  }
}
