import assert from 'node:assert/strict';
import type { Backend } from '../../../../backends/backend.js';
import type { Charge, ChargeMode, Decision } from '../../../../core/decision.js';
import type { Policy } from '../../../../core/policy.js';
import type { BuiltinStrategy } from '../../../../strategies/built-in-strategies.js';
import type { Bench } from '../../harness/bench.js';
import { STRATEGIES, tenPerSecond } from '../../harness/random-policies.js';
import type { Suite } from '../../harness/suite.js';

const a = tenPerSecond('a', 'fixed-window');
const b = tenPerSecond('b', 'fixed-window');
const c = tenPerSecond('c', 'fixed-window');

function of(policy: Policy, cost: number, mode?: ChargeMode): Charge {
  return { policy, subject: 'ada', cost, ...(mode !== undefined && { mode }) };
}

async function left(backend: Backend, ...policies: readonly Policy[]): Promise<readonly number[]> {
  return (await backend.peek(policies.map((policy) => of(policy, 0)))).decisions.map(({ remaining }) => remaining);
}

const monitored = (decision: Decision): Decision => ({ ...decision, mode: 'monitor' });
const shown = ({ allowed, remaining, mode }: Decision) => [allowed, remaining, mode];

/** Decisions on charges that never deny a call. */
export function modes(suite: Suite<Bench>): void {
  for (const strategy of STRATEGIES) {
    suite.group(`a monitored charge by ${strategy}`, () => monitoredBy(strategy, suite));
  }
  suite.group('a call of several modes', () => {
    mixedCalls(suite);
    sameBudget(suite);
  });
}

function monitoredBy(strategy: BuiltinStrategy, suite: Suite<Bench>): void {
  const policy = tenPerSecond('p', strategy);
  const ask = (cost: number) => of(policy, cost);
  const watch = (cost: number) => of(policy, cost, 'monitor');

  suite.case('is taken if it fits, and reports the same as an enforced one', async ({ open }) => {
    const [{ backend }, twin] = [await open(), await open()];
    const { decisions, binding, allowed, receipt } = await backend.spend([watch(6)]);
    const enforced = await twin.backend.spend([ask(6)]);
    assert.deepEqual(decisions, enforced.decisions.map(monitored));
    assert.deepEqual({ binding, allowed }, { binding: null, allowed: true });
    assert.deepEqual({ ...receipt }, { at: enforced.receipt?.at, charges: [watch(6)] });
    assert.deepEqual(await backend.peek([ask(5)]), await twin.backend.peek([ask(5)]));
  });

  suite.case('passes and takes nothing if it does not fit, and reports the denial', async ({ open }) => {
    const { backend } = await open();
    await backend.spend([ask(6)]);
    const denied = await backend.peek([ask(5)]);
    assert.equal(denied.allowed, false);
    const watched = await backend.spend([watch(5)]);
    assert.deepEqual(watched, { allowed: true, decisions: denied.decisions.map(monitored), binding: null });
    assert.deepEqual(await backend.peek([ask(5)]), denied);
  });

  suite.case('counts a series of calls like an enforced one', async ({ open }) => {
    const [watched, enforced] = [await open(), await open()];
    for (const [afterMs, cost] of TRACE) {
      for (const { clock } of [watched, enforced]) clock.advance(afterMs);
      const { allowed, decisions } = await watched.backend.spend([watch(cost)]);
      const expected = await enforced.backend.spend([ask(cost)]);
      assert.deepEqual({ allowed, decisions }, { allowed: true, decisions: expected.decisions.map(monitored) });
    }
  });
}

/** Milliseconds that pass before a charge, and its cost: some fit, some do not. */
const TRACE = [
  [0, 4],
  [0, 7],
  [300, 2],
  [150, 6],
  [200, 5],
  [800, 9],
  [100, 3],
  [2500, 10],
] as const;

/** Charges of different budgets. */
function mixedCalls(suite: Suite<Bench>): void {
  suite.case('decides each monitored charge separately, after the others', async ({ open }) => {
    const { backend } = await open();
    await backend.spend([of(b, 8)]);
    const charges = [of(b, 5, 'monitor'), of(a, 3), of(c, 4, 'monitor'), of(c, 30, 'record')];
    const { allowed, decisions, binding, receipt } = await backend.spend(charges);
    assert.equal(allowed, true);
    assert.deepEqual(decisions.map(shown), [
      [false, 2, 'monitor'],
      [true, 7, undefined],
      [false, 0, 'monitor'],
      [true, 0, undefined],
    ]);
    assert.deepEqual(binding, decisions[3]);
    const taken = [of(b, 0, 'monitor'), of(a, 3), of(c, 0, 'monitor'), of(c, 30, 'record')];
    assert.deepEqual(receipt?.charges, taken);
    assert.deepEqual(await left(backend, a, b, c), [7, 2, 0]);
  });

  suite.case('has a receipt of what was taken, so that settling it returns no more', async ({ open }) => {
    const { backend } = await open();
    await backend.spend([of(b, 8)]);
    const { receipt } = await backend.spend([of(a, 3), of(b, 5, 'monitor'), of(c, 2, 'monitor')]);
    assert.deepEqual(await left(backend, a, b, c), [7, 2, 8]);
    assert.ok(receipt, 'expected a receipt of charges that were taken');
    await backend.settle(receipt, [0, 0, 0]);
    assert.deepEqual(await left(backend, a, b, c), [10, 2, 10]);
  });

  suite.case('has no receipt if all charges are monitored and denied', async ({ open }) => {
    const { backend } = await open();
    await backend.spend([of(a, 10)]);
    const outcome = await backend.spend([of(a, 1, 'monitor'), of(b, 0)]);
    assert.deepEqual(Object.keys(outcome).sort(), ['allowed', 'binding', 'decisions']);
  });

  suite.case('takes, records and monitors nothing if an enforced charge is denied', async ({ open }) => {
    const { backend } = await open();
    await backend.spend([of(a, 8), of(c, 9)]);
    const charges = [of(b, 40, 'record'), of(a, 3), of(b, 4, 'monitor'), of(c, 2, 'monitor')];
    const { allowed, decisions, binding, receipt } = await backend.spend(charges);
    assert.deepEqual({ allowed, receipt }, { allowed: false, receipt: undefined });
    assert.deepEqual(decisions.map(shown), [
      [true, 10, undefined],
      [false, 2, undefined],
      [true, 10, 'monitor'],
      [false, 1, 'monitor'],
    ]);
    assert.deepEqual(binding, decisions[1]);
    assert.deepEqual(await left(backend, a, b, c), [2, 10, 1]);
  });

  suite.case('has the same outcome in peek, which writes nothing', async ({ open }) => {
    const { backend } = await open();
    await backend.spend([of(b, 8)]);
    for (const charges of [
      [of(a, 3), of(b, 5, 'monitor'), of(b, 1, 'monitor')],
      [of(a, 30, 'record'), of(b, 1)],
      [of(a, 11), of(b, 1, 'monitor'), of(c, 50, 'record')],
      [of(c, 50, 'record')],
      [of(c, 0, 'record'), of(c, 0, 'monitor')],
    ]) {
      const before = await left(backend, a, b, c);
      const peeked = await backend.peek(charges);
      assert.deepEqual(await left(backend, a, b, c), before);
      const { receipt, ...spent } = await backend.spend(charges);
      assert.deepEqual(spent, peeked);
      const costs = charges.map(() => 0);
      if (receipt !== undefined) await backend.settle(receipt, costs);
      assert.deepEqual(await left(backend, a, b, c), before);
    }
  });

  suite.case('has a binding decision among recorded and enforced charges, or none', async ({ open }) => {
    const { backend } = await open();
    await backend.spend([of(c, 9)]);
    const { binding, decisions } = await backend.spend([of(a, 5, 'record'), of(b, 1), of(c, 1, 'monitor')]);
    assert.deepEqual(binding, decisions[0]);
    assert.equal((await backend.peek([of(c, 1, 'monitor')])).binding, null);
  });

  suite.case('is enforced with the mode enforce', async ({ open }) => {
    const { backend } = await open();
    assert.deepEqual((await backend.spend([of(a, 10, 'enforce')])).receipt?.charges, [of(a, 10, 'enforce')]);
    assert.equal((await backend.spend([of(a, 1, 'enforce')])).allowed, false);
  });
}

/** Charges of one budget. */
function sameBudget(suite: Suite<Bench>): void {
  suite.case('counts recorded units on the same budget before an enforced charge', async ({ open }) => {
    const { backend } = await open();
    const { decisions } = await backend.spend([of(a, 6, 'record'), of(a, 5)]);
    assert.deepEqual(decisions.map(shown), [
      [true, 10, undefined],
      [false, 10, undefined],
    ]);
    assert.equal(decisions[1]?.retryAfterMs, null);
    assert.equal((await backend.spend([of(a, 5), of(a, 6, 'record')])).allowed, true);
    assert.deepEqual(await left(backend, a), [0]);
  });

  suite.case('decides a charge on the total of those before it, including recorded ones', async ({ open }) => {
    const { backend } = await open();
    const { decisions } = await backend.spend([of(a, 11), of(a, 1, 'record'), of(a, 1)]);
    assert.deepEqual(
      decisions.map(({ allowed, retryAfterMs }) => [allowed, retryAfterMs]),
      [
        [false, null],
        [true, 0],
        [false, null],
      ],
    );
  });

  suite.case(
    'decides monitored charges after all others, including earlier monitored ones on their budget',
    async ({ open }) => {
      const { backend } = await open();
      const watched = [of(a, 2, 'monitor'), of(a, 6), of(a, 3, 'monitor'), of(a, 2, 'monitor')];
      const { decisions, receipt } = await backend.spend(watched);
      assert.deepEqual(decisions.map(shown), [
        [true, 2, 'monitor'],
        [true, 4, undefined],
        [false, 2, 'monitor'],
        [true, 0, 'monitor'],
      ]);
      assert.deepEqual(
        receipt?.charges.map(({ cost }) => cost),
        [2, 6, 0, 2],
      );
      assert.deepEqual(await left(backend, a), [0]);
    },
  );
}
