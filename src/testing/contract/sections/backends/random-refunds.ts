import assert from 'node:assert/strict';
import type { Receipt } from '../../../../core/decision.js';
import type { Policy } from '../../../../core/policy.js';
import type { Bench } from '../../harness/bench.js';
import { checkRandomCases, type Random, shorterLists } from '../../harness/random.js';
import { anyPolicy, randomStart } from '../../harness/random-policies.js';
import type { Suite } from '../../harness/suite.js';
import { after, costOf, type Move, randomTraffic } from '../../harness/traffic.js';

interface Scene {
  readonly policy: Policy;
  readonly start: number;
  readonly moves: readonly Move[];
  /** The first charge from this move on is settled. */
  readonly nth: number;
  /** The settled cost, in thousandths of the charged one. */
  readonly part: number;
}

const sceneOf = (random: Random): Scene => ({
  policy: anyPolicy(random),
  start: randomStart(random),
  moves: randomTraffic(random, { back: 'never', refunds: false, maxLength: 6 }),
  nth: random.integer(0, 5),
  part: random.pick([0, 0, 300, 999]),
});

/** The effect of random refunds. */
export function randomRefunds(suite: Suite<Bench>): void {
  suite.case(
    'a refund never returns more than was taken: a subject charged less from the start has at least as much left',
    (bench) =>
      checkRandomCases({
        make: sceneOf,
        check: checkOf(bench),
        simpler: (scene) => shorterLists(scene.moves).map((moves) => ({ ...scene, moves })),
        runs: bench.runs(8000),
        seed: bench.seed,
      }),
  );
}

/**
 * Two subjects are charged the same at the same instants, except for one charge: that of the first subject is settled
 * to less later, that of its twin had the lower cost from the start. Then the first never has more units left than its
 * twin, nor is full sooner: the settlement returned at most what was still owed. (All charges of the twin, which is
 * charged less, must pass.) If nothing happened in between, both have the same state.
 */
function checkOf({ open }: Bench): (scene: Scene) => Promise<void> {
  const opening = open();
  let scenes = 0;
  return async ({ policy, start, moves, nth, part }) => {
    const { backend, clock } = await opening;
    const [subject, twin] = [`ada ${scenes}`, `twin ${scenes++}`];
    const peek = async (who: string) => (await backend.peek([{ policy, subject: who, cost: 0 }])).decisions[0];
    const settled: { receipt: Receipt; to: number }[] = [];
    let untouched = false;
    clock.set(start);
    let last = await peek(subject);
    for (const [i, move] of moves.entries()) {
      clock.set(after(clock.now(), move, policy, last));
      const current = await peek(subject);
      const cost = current === undefined ? 0 : costOf(move, current);
      const { receipt, decisions } = await backend.spend([{ policy, subject, cost }]);
      last = decisions[0];
      if (receipt === undefined) continue;
      const isSettled = settled.length === 0 && i >= nth % moves.length;
      const to = isSettled ? Math.floor((cost * part) / 1000) : cost;
      if (isSettled) settled.push({ receipt, to });
      untouched = isSettled;
      const { allowed } = await backend.spend([{ policy, subject: twin, cost: to }]);
      assert.ok(allowed, `expected the twin to be allowed ${to} units`);
    }
    for (const { receipt, to } of settled) await backend.settle(receipt, [to]);
    for (const laterMs of [0, 1, Math.floor(policy.periodMs / 2), policy.periodMs]) {
      clock.advance(laterMs);
      const [ours, theirs] = [await peek(subject), await peek(twin)];
      const isNoMore = ours && theirs && ours.remaining <= theirs.remaining && ours.resetMs >= theirs.resetMs;
      if (!isNoMore) assert.fail(`refunded ${JSON.stringify(ours)}, charged less ${JSON.stringify(theirs)}`);
      if (untouched && settled[0]?.receipt.at === clock.now()) assert.deepEqual(ours, theirs);
    }
  };
}
