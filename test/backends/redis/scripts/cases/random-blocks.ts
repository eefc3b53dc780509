import type { Target } from '../../../../../src/backends/backend.js';
import type { Charge, Receipt } from '../../../../../src/core/decision.js';
import type { Policy } from '../../../../../src/core/policy.js';
import { definePolicy } from '../../../../../src/strategies/define-policy.js';
import { type Random, randomFrom, type StrategyName, strategies } from '../../../../parity/random-trace.js';
import { policyOf } from '../../support/random-policy.js';
import type { Run, ScriptCase } from '../support/script-run.js';
import { type At, type Call, RunRecorder } from './spend.js';

const SUBJECTS = ['one', 'another'];

/** Blocks of a few milliseconds up to some periods, and rows and strikes that are forgotten about as fast. */
function withBlock(policy: Policy, random: Random): Policy {
  const unit = 1 + random(policy.periodMs);
  const { strategy, limit, periodMs, burst, segments } = policy;
  const isBucket = ['token-bucket', 'gcra', 'leaky-bucket'].includes(strategy);
  const escalate = Array.from({ length: 1 + random(3) }, () => 1 + random(3)).sort((a, b) => a - b);
  const longest = unit * Math.max(...escalate);
  return definePolicy(policy.name, {
    rate: `${limit}/${periodMs}ms`,
    strategy,
    ...(isBucket && { burst }),
    ...(strategy === 'sliding-window' && { segments }),
    block:
      random(8) === 0
        ? true
        : { for: `${unit}ms`, after: 1 + random(3), escalate, forgetAfter: `${longest + 1 + random(2 * unit)}ms` },
  });
}

/** Two budgets with blocks, the first with a policy of other numbers, too, and a budget without. */
function policiesOf(strategy: StrategyName, random: Random): readonly Policy[] {
  const first = withBlock(policyOf(strategy, 'a', random), random);
  const smaller: Policy = { ...first, limit: Math.max(1, first.limit >> 1) };
  const other = withBlock(policyOf(strategies[random(strategies.length)] ?? 'gcra', 'b', random), random);
  const plain = policyOf(strategies[random(strategies.length)] ?? 'gcra', 'c', random);
  return [first, first, first, smaller, other, plain];
}

/** How long until something of a subject changes, at the edge or right before it. */
function moveOf(recorder: RunRecorder, { policy, subject }: Target, now: number, random: Random): number {
  const { until, row, rowAt, strikes, struckAt } = recorder.recordOf({ policy, subject });
  const forgetMs = policy.block?.forgetAfterMs ?? 0;
  const { resetMs = 0 } = recorder.standing(policy, subject, now) ?? {};
  const edges = [
    until - now,
    until - now,
    ...(row > 0 ? [rowAt + forgetMs - now] : []),
    ...(strikes > 0 ? [struckAt + forgetMs - now] : []),
    resetMs,
    random(policy.periodMs),
  ];
  return Math.max(0, (edges[random(edges.length)] ?? 0) - random(2));
}

/** Random calls under policies with blocks, in every mode, with blocks by hand, and units that are given back, from a seed. */
export function randomBlocks(strategy: StrategyName, seed: number, length: number): ScriptCase {
  const random = randomFrom(7_000_000 + seed);
  const recorder = new RunRecorder();
  const policies = policiesOf(strategy, random);
  const isTold = random(2) === 0;
  const hasModes = random(2) === 0;
  const receipts: Receipt[] = [];
  const runs: Run[] = [];
  let now = seed % 3 === 0 ? random(2000) : 1_750_000_000_000 + random(1_000_000_000);
  const one = <Item>(items: readonly Item[]): Item => items[random(items.length)] as Item;
  const target = () => ({ policy: one(policies), subject: SUBJECTS[Math.floor(random(4) / 3)] ?? 'one' });
  const chargeOf = (): Charge => {
    const { policy, subject } = target();
    const { remaining = 0, limit = 1 } = recorder.standing(policy, subject, now) ?? {};
    const cost = one([
      0,
      1,
      1,
      remaining,
      remaining + 1,
      remaining + 1,
      limit,
      limit,
      limit,
      limit + 1,
      random(limit + 1),
    ]);
    const mode = hasModes ? one([undefined, undefined, 'record', 'monitor', 'monitor'] as const) : undefined;
    return { policy, subject, cost, ...(mode && { mode }) };
  };
  for (let i = 0; i < length; i++) {
    if (random(3) === 0) now += moveOf(recorder, target(), now, random);
    const at: At = { now, timeUs: (isTold ? 1_760_000_000_000 + random(1000) : now) * 1000 + random(1000), isTold };
    const deadline = Math.max(0, Math.floor(at.timeUs / 1000) + one([100, 100, 100, 100, 0, 1, -1]));
    const [receipt] = random(6) === 0 ? receipts.splice(random(receipts.length), 1) : [];
    const kind = random(20);
    if (receipt !== undefined) {
      const costs = receipt.charges.map(({ cost }) => one([0, cost, random(cost + 1), cost + 1 + random(cost + 3)]));
      runs.push(recorder.settle(receipt, costs, deadline, at));
    } else if (kind < 2) {
      const { mode: _, ...charge } = chargeOf();
      runs.push(recorder.credit(charge, deadline, at));
    } else if (kind === 2) {
      const { policy, subject } = target();
      const forMs = one([undefined, 1 + random(3 * policy.periodMs)]);
      if (policy.block !== undefined) runs.push(recorder.block({ policy, subject }, forMs, deadline, at));
    } else {
      const calls = Array.from({ length: 1 + Math.floor(random(10) / 6) }, (): Call => {
        const charges = Array.from({ length: one([1, 1, 1, 2, 3]) }, chargeOf);
        return { charges, deadline: random(10) === 0 ? 'peek' : deadline };
      });
      const spent = recorder.spend(calls, at);
      runs.push(spent.run);
      receipts.push(...spent.receipts);
    }
  }
  recorder.close();
  return { name: `blocks under ${strategy}, seed ${seed}`, runs };
}
