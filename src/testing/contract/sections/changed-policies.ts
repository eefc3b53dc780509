import assert from 'node:assert/strict';
import type { Backend } from '../../../backends/backend.js';
import type { Receipt } from '../../../core/decision.js';
import type { Policy } from '../../../core/policy.js';
import { definePolicy, type PolicySpec } from '../../../strategies/define-policy.js';
import { assertMembers } from '../harness/assertions.js';
import type { Bench } from '../harness/bench.js';
import type { Suite } from '../harness/suite.js';

/** The beginning of a window of every period below, where misread state counts. */
const ALIGNED_MS = Date.UTC(2026, 0, 1);

/** Changes of a policy after which its state means something else. Each would count 6 units if it were read all the same. */
export const CHANGES: readonly (readonly [what: string, before: PolicySpec, after: PolicySpec])[] = [
  ['period, from one sliding window to another', { rate: '10/s', segments: 5 }, { rate: '10/2s', segments: 10 }],
  ['number of segments', { rate: '10/s', segments: 10 }, { rate: '10/s', segments: 5 }],
  ['period of a log', { rate: '10/s', strategy: 'sliding-log' }, { rate: '10/2s', strategy: 'sliding-log' }],
  ['period of a fixed window', { rate: '10/s', strategy: 'fixed-window' }, { rate: '10/2s', strategy: 'fixed-window' }],
  ['period of a bucket', { rate: '10/s', strategy: 'token-bucket' }, { rate: '10/2s', strategy: 'token-bucket' }],
  [
    'strategy, from a log to a fixed window',
    { rate: '10/s', strategy: 'sliding-log' },
    { rate: '10/s', strategy: 'fixed-window' },
  ],
  [
    'strategy, from a fixed window to a log',
    { rate: '10/s', strategy: 'fixed-window' },
    { rate: '10/s', strategy: 'sliding-log' },
  ],
  [
    'strategy, from one bucket to another',
    { rate: '10/s', strategy: 'token-bucket' },
    { rate: '10/s', strategy: 'gcra', burst: 10 },
  ],
];

/** What becomes of usage when the policy that it was counted under changes. */
export function changedPolicies(suite: Suite<Bench>): void {
  suite.group('a policy whose numbers change', () => changedNumbers(suite));
  for (const [what, before, after] of CHANGES) {
    suite.group(`a policy of another ${what}`, () => {
      changedShape(definePolicy('plan', before), definePolicy('plan', after), suite);
    });
  }
}

async function remaining(backend: Backend, policy: Policy): Promise<number | undefined> {
  return (await backend.peek([{ policy, subject: 'ada', cost: 0 }])).decisions[0]?.remaining;
}

/** A backend where 6 units have been taken under `policy`. */
export async function used({ open }: Bench, policy: Policy): Promise<{ backend: Backend; receipt: Receipt }> {
  const { backend } = await open(ALIGNED_MS);
  const { receipt } = await backend.spend([{ policy, subject: 'ada', cost: 6 }]);
  assert.ok(receipt, 'expected a receipt of a charge that was taken');
  return { backend, receipt };
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

function changedShape(before: Policy, changed: Policy, suite: Suite<Bench>): void {
  suite.case('starts afresh', async (bench) => {
    const { backend } = await used(bench, before);
    const { decisions } = await backend.spend([{ policy: changed, subject: 'ada', cost: 1 }]);
    assert.equal(decisions[0]?.remaining, 9);
    await backend.spend([{ policy: changed, subject: 'ada', cost: 1 }]);
    assert.equal(await remaining(backend, changed), 8);
  });

  suite.case('leaves the usage alone until it is charged', async (bench) => {
    const { backend } = await used(bench, before);
    const other = definePolicy('other', '10/s');
    assert.equal(await remaining(backend, changed), 10);
    await backend.spend([{ policy: changed, subject: 'ada', cost: 11 }]);
    await backend.spend([
      { policy: changed, subject: 'ada', cost: 0 },
      { policy: other, subject: 'ada', cost: 1 },
    ]);
    assert.deepEqual([await remaining(backend, before), await remaining(backend, other)], [4, 9]);
  });

  suite.case('gets nothing from a refund of what was charged before', async (bench) => {
    const { backend, receipt } = await used(bench, before);
    await backend.spend([{ policy: changed, subject: 'ada', cost: 6 }]);
    await backend.settle(receipt, [0]);
    assert.equal(await remaining(backend, changed), 4);
  });

  suite.case('is counted apart within one call', async ({ open }) => {
    const { backend } = await open(ALIGNED_MS);
    const { decisions } = await backend.spend([
      { policy: before, subject: 'ada', cost: 3 },
      { policy: changed, subject: 'ada', cost: 4 },
    ]);
    assert.deepEqual(
      decisions.map((decision) => decision.remaining),
      [7, 6],
    );
    assert.equal(await remaining(backend, changed), 6);
  });
}
