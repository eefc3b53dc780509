import assert from 'node:assert/strict';
import type { Backend } from '../../../../backends/backend.js';
import type { Charge, Outcome } from '../../../../core/decision.js';
import type { Policy } from '../../../../core/policy.js';
import type { BuiltinStrategy } from '../../../../strategies/built-in-strategies.js';
import { type Bench, take } from '../../harness/bench.js';
import { STRATEGIES, tenPerSecond } from '../../harness/random-policies.js';
import type { Suite } from '../../harness/suite.js';

/** Decisions on calls that are made before earlier ones have resolved. */
export function concurrentCalls(suite: Suite<Bench>): void {
  suite.group('concurrent calls', () => {
    for (const strategy of STRATEGIES) onOneKey(strategy, suite);
    onSeveralKeys(suite);
    besideSettlements(suite);
  });
}

const charge = (policy: Policy, cost = 1): Charge => ({ policy, subject: 'ada', cost });

/** Makes a number of calls at once. */
function spendAtOnce(
  backend: Backend,
  count: number,
  chargesOf: (i: number) => readonly Charge[],
): Promise<readonly Outcome[]> {
  return Promise.all(Array.from({ length: count }, async (_, i) => backend.spend(chargesOf(i))));
}

async function left(backend: Backend, ...policies: readonly Policy[]): Promise<readonly number[]> {
  const { decisions } = await backend.peek(policies.map((policy) => charge(policy, 0)));
  return decisions.map(({ remaining }) => remaining);
}

function onOneKey(strategy: BuiltinStrategy, suite: Suite<Bench>): void {
  suite.case(`on one key of ${strategy} are admitted up to the limit, and no further`, async ({ open }) => {
    const { backend } = await open();
    const policy = tenPerSecond('p', strategy);
    const outcomes = await spendAtOnce(backend, 40, () => [charge(policy)]);
    const admitted = outcomes.filter(({ allowed }) => allowed);
    // Each admitted call took a different unit.
    const units = admitted.map(({ decisions }) => decisions[0]?.remaining ?? Number.NaN).sort((a, b) => a - b);
    assert.deepEqual(units, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.deepEqual(await left(backend, policy), [0]);
  });
}

function onSeveralKeys(suite: Suite<Bench>): void {
  const wide = tenPerSecond('wide', 'fixed-window', 100);
  const tight = tenPerSecond('tight', 'token-bucket');

  suite.case('on two keys, in either order, take both or neither', async ({ open }) => {
    const { backend } = await open();
    const both = [charge(wide), charge(tight)];
    const outcomes = await spendAtOnce(backend, 40, (i) => (i % 2 === 0 ? both : [...both].reverse()));
    assert.equal(outcomes.filter(({ allowed }) => allowed).length, 10);
    assert.deepEqual(await left(backend, wide, tight), [90, 0]);
  });
}

function besideSettlements(suite: Suite<Bench>): void {
  suite.case('neither lose settlements nor are lost', async ({ open }) => {
    const { backend } = await open();
    const policy = tenPerSecond('p', 'sliding-window', 100);
    const receipts = [];
    for (let i = 0; i < 5; i++) receipts.push(await take(backend, charge(policy, 6)));
    const settled = receipts.map(async (receipt) => backend.settle(receipt, [2]));
    await Promise.all([...settled, spendAtOnce(backend, 20, () => [charge(policy)])]);
    assert.deepEqual(await left(backend, policy), [100 - 5 * 2 - 20]);
  });
}
