import assert from 'node:assert/strict';
import type { Charge } from '../../../../core/decision.js';
import type { BuiltinStrategy } from '../../../../strategies/built-in-strategies.js';
import { assertMembers } from '../../harness/assertions.js';
import type { Bench } from '../../harness/bench.js';
import { STRATEGIES, tenPerSecond } from '../../harness/random-policies.js';
import type { Suite } from '../../harness/suite.js';

/** Decisions on several charges at once: all of them are taken, or none. */
export function severalCharges(suite: Suite<Bench>): void {
  for (const a of STRATEGIES) {
    for (const b of STRATEGIES) suite.group(`a call on ${a} and ${b}`, () => allOrNone(a, b, suite));
  }
  suite.group('a call and its elements', () => ofOneCallEach(suite));
  suite.group('the binding decision', () => bindingDecision(suite));
  for (const strategy of STRATEGIES) {
    suite.group(`several charges on one key of ${strategy}`, () => sameKey(strategy, suite));
  }
}

function allOrNone(a: BuiltinStrategy, b: BuiltinStrategy, suite: Suite<Bench>): void {
  const [wide, tight] = [tenPerSecond('wide', a), tenPerSecond('tight', b, 2)];
  const both = (cost: number): readonly Charge[] => [
    { policy: wide, subject: 'ada', cost },
    { policy: tight, subject: 'ada', cost },
  ];

  suite.case('takes both or neither, in either order', async ({ open }) => {
    const { backend, clock } = await open();
    const taken = await backend.spend(both(2));
    assert.deepEqual(
      taken.decisions.map(({ policy, remaining }) => [policy, remaining]),
      [
        ['wide', 8],
        ['tight', 0],
      ],
    );
    const { allowed, decisions, binding, receipt } = await backend.spend(both(1));
    const [kept, denied] = decisions;
    assert.deepEqual([allowed, kept?.allowed, denied?.allowed, receipt], [false, true, false, undefined]);
    assert.deepEqual(binding, denied);
    // The policy that would have allowed the call reports its current state.
    assert.deepEqual(kept, (await backend.peek(both(0))).decisions[0]);
    assertMembers(kept, { remaining: 8, retryAfterMs: 0, delayMs: 0 });

    const reversed = await backend.spend([...both(1)].reverse());
    assert.deepEqual(reversed.decisions, [...decisions].reverse());
    const left = (await backend.peek(both(0))).decisions.map(({ remaining }) => remaining);
    assert.deepEqual(left, [8, 0]);

    clock.advance(binding?.retryAfterMs ?? 0);
    assert.equal((await backend.spend(both(1))).allowed, true);
  });
}

/** Calls, and the elements in them: two policies with different costs. */
function ofOneCallEach(suite: Suite<Bench>): void {
  const calls = tenPerSecond('calls', 'fixed-window', 3, 'min');
  const elements = tenPerSecond('elements', 'fixed-window', 10, 'min');
  const batch = (count: number): readonly Charge[] => [
    { policy: calls, subject: 'ada', cost: 1 },
    { policy: elements, subject: 'ada', cost: count },
  ];

  suite.case(
    'counts no calls if there are too many elements, and no elements if there are too many calls',
    async (bench) => {
      const { backend } = await bench.open();
      const spend = async (count: number) => {
        const { allowed, binding, decisions } = await backend.spend(batch(count));
        return [allowed, binding?.policy, ...decisions.map(({ remaining }) => remaining)];
      };
      assert.deepEqual(await spend(4), [true, 'elements', 2, 6]);
      assert.deepEqual(await spend(7), [false, 'elements', 2, 6]);
      assert.deepEqual(await spend(5), [true, 'elements', 1, 1]);
      assert.deepEqual(await spend(1), [true, 'calls', 0, 0]);
      assert.deepEqual(await spend(0), [false, 'calls', 0, 0]);
    },
  );
}

function bindingDecision(suite: Suite<Bench>): void {
  const small = tenPerSecond('small', 'fixed-window', 4);
  const large = tenPerSecond('large', 'fixed-window', 100, 'min');
  const ask = (cost: number) => [small, large].map((policy) => ({ policy, subject: 'ada', cost }));

  suite.case('is the one with the smallest share left, if all allow', async ({ open }) => {
    const { backend } = await open(0);
    assertMembers((await backend.spend(ask(1))).binding, { policy: 'small', remaining: 3, limit: 4 });
    await backend.spend([{ policy: large, subject: 'ada', cost: 90 }]);
    assertMembers((await backend.spend(ask(1))).binding, { policy: 'large', remaining: 8, limit: 100 });
  });

  suite.case('is the denial with the longest wait, if some deny', async ({ open }) => {
    const { backend } = await open(0);
    await backend.spend([{ policy: large, subject: 'ada', cost: 98 }]);
    await backend.spend([{ policy: small, subject: 'ada', cost: 4 }]);
    assertMembers((await backend.spend(ask(1))).binding, { policy: 'small', retryAfterMs: 1000 });
    assertMembers((await backend.spend(ask(3))).binding, { policy: 'large', retryAfterMs: 60_000 });
  });

  suite.case('is a denial that can never pass, regardless of other waits', async ({ open }) => {
    const { backend } = await open(0);
    await backend.spend([{ policy: large, subject: 'ada', cost: 98 }]);
    assertMembers((await backend.spend(ask(5))).binding, { policy: 'small', retryAfterMs: null });
  });

  suite.case('is null for a call without charges, which is allowed', async ({ open }) => {
    const { backend } = await open();
    for (const method of ['spend', 'peek'] as const) {
      assert.deepEqual(await backend[method]([]), { allowed: true, decisions: [], binding: null });
    }
  });
}

function sameKey(strategy: BuiltinStrategy, suite: Suite<Bench>): void {
  const one = tenPerSecond('one', strategy);
  const ask = (...costs: readonly number[]) => costs.map((cost) => ({ policy: one, subject: 'ada', cost }));

  suite.case('include those before them', async ({ open }) => {
    const { backend } = await open();
    const { allowed, decisions, receipt } = await backend.spend(ask(3, 4, 0, 2));
    assert.equal(allowed, true);
    assert.deepEqual(
      decisions.map(({ remaining }) => remaining),
      [7, 3, 3, 1],
    );
    assert.deepEqual(receipt?.charges, ask(3, 4, 0, 2));
    assert.equal((await backend.peek(ask(0))).decisions[0]?.remaining, 1);
  });

  suite.case('are all denied if their sum is too large, with the wait for all of them', async ({ open }) => {
    const { backend, clock } = await open();
    await backend.spend(ask(5));
    const { allowed, decisions, binding } = await backend.spend(ask(3, 4));
    assert.deepEqual([allowed, ...decisions.map((decision) => decision.allowed)], [false, true, false]);
    assert.deepEqual(
      decisions.map(({ remaining }) => remaining),
      [5, 5],
    );
    assert.deepEqual(binding, decisions[1]);
    const wait = binding?.retryAfterMs ?? 0;
    clock.advance(wait - 1);
    assert.equal((await backend.spend(ask(3, 4))).allowed, false);
    clock.advance(1);
    assert.equal((await backend.spend(ask(3, 4))).allowed, true);
  });

  suite.case('can never pass if their sum is above the limit', async ({ open }) => {
    const { backend } = await open();
    for (const costs of [
      [6, 6],
      [10, 1],
      [1, 11],
      [11, 1],
      [4, 4, 4],
      [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    ]) {
      const { allowed, binding } = await backend.spend(ask(...costs));
      assert.deepEqual([allowed, binding?.retryAfterMs], [false, null]);
      assertMembers((await backend.peek(ask(0))).decisions[0], { remaining: 10, resetMs: 0 });
    }
  });

  suite.case('leave a read among them allowed, with the current state', async ({ open }) => {
    const { backend } = await open();
    const { decisions } = await backend.spend(ask(0, 6, 0, 6, 0, 1));
    assert.deepEqual(
      decisions.map(({ allowed, retryAfterMs, remaining }) => [allowed, retryAfterMs, remaining]),
      [
        [true, 0, 10],
        [true, 0, 10],
        [true, 0, 10],
        [false, null, 10],
        [true, 0, 10],
        [false, null, 10],
      ],
    );
  });
}
