import type { Charge, Decision, Receipt } from '../../../../../src/core/decision.js';
import type { Policy } from '../../../../../src/core/policy.js';
import { definePolicy } from '../../../../../src/strategies/define-policy.js';
import { type Random, randomFrom, type StrategyName, strategies } from '../../../../parity/random-trace.js';
import { policyOf } from '../../support/random-policy.js';
import type { Run, ScriptCase } from '../support/script-run.js';
import { type At, type Call, keyFor, RunRecorder } from './spend.js';

const SUBJECTS = ['one', 'another'];

const BUCKETS: readonly string[] = ['token-bucket', 'gcra', 'leaky-bucket'];

/** Strategies without a bucket ignore the burst. */
function withoutBurst(policy: Policy): Policy {
  return BUCKETS.includes(policy.strategy) ? policy : { ...policy, burst: policy.limit + 3 };
}

/** The policies of a case: two budgets, one of them with a second policy of other numbers, and one that is mostly another budget. */
function policiesOf(strategy: StrategyName, random: Random): readonly Policy[] {
  const first = policyOf(strategy, 'a', random);
  const { limit, periodMs, segments } = first;
  const isBucket = BUCKETS.includes(strategy);
  const smaller = definePolicy('a', {
    rate: `${Math.max(1, limit >> 1)}/${periodMs}ms`,
    strategy,
    ...(isBucket && { burst: Math.max(1, first.burst - 1) }),
    ...(strategy === 'sliding-window' && { segments }),
  });
  const other = policyOf(strategies[random(strategies.length)] ?? 'gcra', 'a', random);
  const second = policyOf(strategies[random(strategies.length)] ?? 'gcra', 'b', random);
  return [first, first, first, first, smaller, other, second, second].map(withoutBurst);
}

/** Returns the next instant: mostly forward to where something changes, sometimes back or far away. */
function moveFrom(
  now: number,
  { limit, periodMs, segments }: Policy,
  last: Decision | undefined,
  random: Random,
): number {
  const span = periodMs / segments;
  const waitMs = last?.retryAfterMs ?? 0;
  const toEdge = span - (now % span);
  const moves = [
    0,
    0,
    0,
    1,
    waitMs,
    Math.max(0, waitMs - 1),
    toEdge,
    toEdge - 1,
    last?.resetMs ?? 0,
    Math.ceil(periodMs / limit),
  ];
  const rare = [
    -random(periodMs + 1),
    -1,
    -periodMs,
    -periodMs - 1,
    -random(3 * periodMs),
    periodMs,
    random(3 * periodMs),
  ];
  const among = random(6) === 0 ? rare : moves;
  return Math.max(0, now + (among[random(among.length)] ?? 0));
}

/** Small costs in small steps, so that the state holds many of them when a charge is denied. */
function denseCost({ limit }: Decision, random: Random): number {
  return random(3) === 0 ? random(limit + 2) : 1 + random(Math.max(1, limit >> 2));
}

function costOf({ limit, remaining }: Decision, random: Random): number {
  const costs = [
    0,
    1,
    1,
    1 + random(3),
    remaining,
    remaining,
    remaining + 1,
    limit,
    limit + 1,
    random(limit + 1),
    random(remaining + 1),
  ];
  return costs[random(costs.length)] ?? 1;
}

/** A call, and now and then some that are alike but for their keys; of those the last now and then but for its costs, too. */
function alike(call: Call, random: Random): readonly Call[] {
  const others = Array.from({ length: random(4) === 0 ? 1 + random(3) : 0 }, (_, n): Call => {
    const isLast = n > 0 && random(3) === 0;
    const charges = call.charges.map((charge) => ({
      ...charge,
      subject: SUBJECTS[random(2)] ?? 'one',
      cost: charge.cost + (isLast ? random(2) : 0),
    }));
    return { ...call, charges };
  });
  return [call, ...others];
}

/** Calls of one charge, and now and then one of them by another policy of the same strategy. */
function byPolicies(calls: readonly Call[], policies: readonly Policy[], random: Random): readonly Call[] {
  return calls.map((call, i) => {
    const [charge] = call.charges;
    const policy = policies[random(policies.length)];
    if (i === 0 || charge === undefined || policy?.strategy !== charge.policy.strategy) return call;
    return { ...call, charges: [{ ...charge, policy }] };
  });
}

/** Returns true for a call that takes plain charges, each on another key. */
function isPlainCall({ charges, deadline }: Call): boolean {
  const keys = new Set(charges.map(keyFor));
  return deadline !== 'peek' && keys.size === charges.length && charges.every(({ mode }) => mode === undefined);
}

/** Random calls, several a run and of several charges, with what is given back in between, from a seed. */
export function randomCase(strategy: StrategyName, seed: number, length: number): ScriptCase {
  const random = randomFrom(seed);
  const recorder = new RunRecorder();
  const policies = policiesOf(strategy, random);
  const isTold = random(2) === 0;
  const isDense = random(2) === 0;
  const hasModes = random(3) === 0;
  const receipts: Receipt[] = [];
  const runs: Run[] = [];
  // Now and then near the epoch, where instants are numbers as small as costs.
  let now = seed % 3 === 0 ? random(2000) : 1_750_000_000_000 + random(1_000_000_000);
  let last: Decision | undefined;
  for (let i = 0; i < length; i++) {
    const policy = policies[random(policies.length)];
    if (policy === undefined) continue;
    now =
      isDense && random(8) > 0
        ? now + random(1 + Math.floor(policy.periodMs / 8))
        : moveFrom(now, policy, last, random);
    const at: At = { now, timeUs: (isTold ? 1_760_000_000_000 + random(1000) : now) * 1000 + random(1000), isTold };
    const serverMs = Math.floor(at.timeUs / 1000);
    const deadline = () => Math.max(0, serverMs + ([100, 100, 100, 0, 1, -1][random(6)] ?? 0));
    const [receipt] = random(5) === 0 ? receipts.splice(random(receipts.length), 1) : [];
    if (receipt !== undefined) {
      const costs = receipt.charges.map(
        ({ cost }) =>
          [0, cost, random(cost + 1), Math.max(0, cost - 1), cost + 1 + random(cost + 3)][random(hasModes ? 5 : 4)] ??
          0,
      );
      runs.push(recorder.settle(receipt, costs, deadline(), at));
      continue;
    }
    const calls = Array.from({ length: 1 + Math.floor(random(10) / 6) }, (): Call => {
      const charges = Array.from({ length: [1, 1, 1, 2, 3][random(5)] ?? 1 }, (_, n): Charge => {
        const asked = n === 0 || random(2) === 0 ? policy : (policies[random(policies.length)] ?? policy);
        const subject = SUBJECTS[Math.floor(random(4) / 3)] ?? 'one';
        last = recorder.standing(asked, subject, now);
        const cost = last === undefined ? 1 : (isDense ? denseCost : costOf)(last, random);
        const mode = hasModes
          ? ([undefined, undefined, undefined, 'record', 'monitor'] as const)[random(5)]
          : undefined;
        return { policy: asked, subject, cost, ...(mode !== undefined && { mode }) };
      });
      return { charges, deadline: random(10) === 0 ? 'peek' : deadline() };
    }).flatMap((call) => alike(call, random));
    // The script for one strategy decides what it can, by any of its policies; the general one decides such calls, too.
    const isOfOne = calls.every(({ charges: [first, ...others], deadline }) => {
      return first?.policy === policy && first.mode === undefined && others.length === 0 && deadline !== 'peek';
    });
    // The script for several plain charges decides calls of one, too.
    const chosen = random(4);
    const spent =
      isOfOne && chosen > 1
        ? recorder.spendOne(policy.strategy, byPolicies(calls, policies, random), at)
        : calls.every(isPlainCall) && chosen > 0
          ? recorder.spendSeveral(calls, at)
          : recorder.spend(calls, at);
    runs.push(spent.run);
    receipts.push(...spent.receipts);
    const [asked] = calls.flatMap(({ charges }) => charges);
    // The wait for what was too much is where something changes next.
    if (asked !== undefined) last = recorder.waitOf(asked, now);
  }
  recorder.close();
  return { name: `${strategy}, seed ${seed}`, runs };
}
