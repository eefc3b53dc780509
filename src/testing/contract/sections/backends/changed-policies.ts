import assert from 'node:assert/strict';
import type { Backend } from '../../../../backends/backend.js';
import type { Receipt } from '../../../../core/decision.js';
import type { Policy } from '../../../../core/policy.js';
import type { BuiltinStrategy } from '../../../../strategies/built-in-strategies.js';
import { definePolicy, type PolicySpec } from '../../../../strategies/define-policy.js';
import { assertMembers } from '../../harness/assertions.js';
import { type Bench, take } from '../../harness/bench.js';
import { STRATEGIES } from '../../harness/random-policies.js';
import type { Suite } from '../../harness/suite.js';

/** The start of a window of every period below, where misread state has an effect. */
const ALIGNED_MS = Date.UTC(2026, 0, 1);

/** Returns ten units a second, for each strategy. */
const byStrategy = (strategy: BuiltinStrategy): PolicySpec => ({
  rate: '10/s',
  strategy,
  ...(strategy === 'gcra' && { burst: 10 }),
});

/** Policies with the same name that are counted differently. Each has ten units at the start of a window. */
const PAIRS: readonly (readonly [what: string, one: PolicySpec, other: PolicySpec])[] = [
  ['period', { rate: '10/s', segments: 5 }, { rate: '10/2s', segments: 5 }],
  ['segments', { rate: '10/s', segments: 10 }, { rate: '10/s', segments: 5 }],
  ...STRATEGIES.map((strategy) => {
    const one = byStrategy(strategy);
    return [`period, by ${strategy}`, one, { ...one, rate: '10/2s' }] as const;
  }),
  ...STRATEGIES.flatMap((one, i) =>
    STRATEGIES.slice(i + 1).map(
      (other) => [`strategy, ${one} and ${other}`, byStrategy(one), byStrategy(other)] as const,
    ),
  ),
];

/** A policy keeps its usage if only its numbers change. Policies that are counted differently have separate budgets. */
export function changedPolicies(suite: Suite<Bench>): void {
  suite.group('a policy whose numbers change', () => changedNumbers(suite));
  for (const [what, one, other] of PAIRS) {
    suite.group(`policies of one name that differ in their ${what},`, () => {
      countedApart(definePolicy('plan', one), definePolicy('plan', other), suite);
    });
  }
}

async function remaining(backend: Backend, policy: Policy): Promise<number | undefined> {
  return (await backend.peek([{ policy, subject: 'ada', cost: 0 }])).decisions[0]?.remaining;
}

/** Returns a backend where 6 units have been taken under `policy`. */
async function used({ open }: Bench, policy: Policy): Promise<{ backend: Backend; receipt: Receipt }> {
  const { backend } = await open(ALIGNED_MS);
  return { backend, receipt: await take(backend, { policy, subject: 'ada', cost: 6 }) };
}

function changedNumbers(suite: Suite<Bench>): void {
  const plan = (rate: string) => definePolicy('plan', rate);
  const limits: readonly (readonly [how: string, rate: string, remaining: number])[] = [
    ['rises', '15/s', 9],
    ['falls', '8/s', 2],
    ['falls below what is used', '5/s', 0],
  ];

  for (const [how, rate, left] of limits) {
    suite.case(`keeps its usage when the limit ${how}`, async (bench) => {
      const { backend } = await used(bench, plan('10/s'));
      assert.equal(await remaining(backend, plan(rate)), left);
      await backend.spend([{ policy: plan('10/s'), subject: 'ada', cost: 4 }]);
      assert.equal(await remaining(backend, plan('10/s')), 0);
    });
  }

  suite.case('keeps its usage when the burst changes', async (bench) => {
    const bucket = (burst: number) => definePolicy('plan', { rate: '10/s', strategy: 'token-bucket', burst });
    const { backend } = await used(bench, bucket(10));
    assert.deepEqual([await remaining(backend, bucket(20)), await remaining(backend, bucket(5))], [14, 0]);
    const { decisions } = await backend.spend([{ policy: bucket(5), subject: 'ada', cost: 1 }]);
    assertMembers(decisions[0], { allowed: false, retryAfterMs: 200 });
  });
}

function countedApart(one: Policy, other: Policy, suite: Suite<Bench>): void {
  const both = [one, other];
  const left = async (backend: Backend) => [await remaining(backend, one), await remaining(backend, other)];

  suite.case('have separate budgets, each up to its limit, in any order of calls', async ({ open }) => {
    const { backend } = await open(ALIGNED_MS);
    const admitted = [0, 0];
    for (let i = 0; i < 40; i++) {
      // Alternates between the two, but sometimes takes one twice.
      const turn = Math.floor((i * 3) / 4) % 2;
      const { allowed } = await backend.spend([{ policy: both[turn] ?? one, subject: 'ada', cost: 1 }]);
      if (allowed) admitted[turn] = (admitted[turn] ?? 0) + 1;
    }
    assert.deepEqual(admitted, [10, 10]);
    assert.deepEqual(await left(backend), [0, 0]);
  });

  suite.case('are charged, settled and reset separately', async (bench) => {
    const { backend, receipt } = await used(bench, one);
    assert.deepEqual(await left(backend), [4, 10]);
    await backend.spend([{ policy: other, subject: 'ada', cost: 5 }]);
    await backend.settle(receipt, [2]);
    assert.deepEqual(await left(backend), [8, 5]);
    await backend.reset([{ policy: other, subject: 'ada' }]);
    assert.deepEqual(await left(backend), [8, 10]);
    const second = await take(backend, { policy: one, subject: 'ada', cost: 3 });
    assert.deepEqual(await left(backend), [5, 10]);
    await backend.settle(second, [0]);
    assert.deepEqual(await left(backend), [8, 10]);
  });

  suite.case('are counted separately within one call, which is all or none', async ({ open }) => {
    const { backend } = await open(ALIGNED_MS);
    const spend = (...costs: readonly number[]) =>
      backend.spend(both.map((policy, i) => ({ policy, subject: 'ada', cost: costs[i] ?? 0 })));
    const { decisions } = await spend(3, 4);
    assert.deepEqual(
      decisions.map((decision) => decision.remaining),
      [7, 6],
    );
    assert.deepEqual(
      (await spend(7, 7)).decisions.map((decision) => decision.allowed),
      [true, false],
    );
    assert.deepEqual(await left(backend), [7, 6]);
  });
}
