import assert from 'node:assert/strict';
import type { Charge, Receipt } from '../../../../core/decision.js';
import type { Policy } from '../../../../core/policy.js';
import type { Bench } from '../../harness/bench.js';
import { checkRandomCases, type Random, shorterLists } from '../../harness/random.js';
import { anyPolicy, randomStart } from '../../harness/random-policies.js';
import { Model } from '../../harness/reference-model.js';
import type { Suite } from '../../harness/suite.js';
import { after, costOf, type Move, randomTraffic } from '../../harness/traffic.js';

interface Turn {
  readonly kind: 'spend' | 'settle' | 'reset';
  /** Indices of policy and subject, one pair per move. */
  readonly on: readonly (readonly [policy: number, subject: number])[];
  readonly moves: readonly Move[];
  /** How each charge is decided, if the backend has modes. */
  readonly modes: readonly Pick<Charge, 'mode'>[];
  /** The largest settlement, as a multiple of what was taken, if the backend has modes. */
  readonly times: number;
}

interface Scene {
  readonly policies: readonly Policy[];
  readonly start: number;
  readonly turns: readonly Turn[];
}

const MODES: readonly Pick<Charge, 'mode'>[] = [{}, {}, { mode: 'enforce' }, { mode: 'record' }, { mode: 'monitor' }];

const turnOf = (random: Random): Turn => ({
  kind: random.pick(['spend', 'spend', 'spend', 'spend', 'settle', 'reset']),
  on: random.list(3, 3, () => [random.integer(0, 2), random.integer(0, 1)]),
  moves: randomTraffic(random, { back: 'never', refunds: false, maxLength: 3 }),
  modes: random.list(3, 3, () => random.pick(MODES)),
  times: random.pick([1, 1, 2, 3]),
});

const sceneOf = (random: Random): Scene => ({
  policies: ['a', 'b', 'c'].map((name) => anyPolicy(random, name)),
  start: randomStart(random),
  turns: random.list(1, 20, () => turnOf(random)),
});

/** Compares decisions on random calls with those of a model that computes them in another way. */
export function againstModel(suite: Suite<Bench>): void {
  suite.case('random calls of up to three charges are decided as a model decides them, with exact waits', (bench) =>
    checkRandomCases({
      make: sceneOf,
      check: checkOf(bench),
      simpler: (scene) => shorterLists(scene.turns).map((turns) => ({ ...scene, turns })),
      runs: bench.runs(2000),
      seed: bench.seed,
    }),
  );
}

function checkOf({ open, hasModes }: Bench): (scene: Scene) => Promise<void> {
  const opening = open();
  let scenes = 0;
  return async ({ policies, start, turns }) => {
    const { backend, clock } = await opening;
    const model = new Model();
    const subjects = [`ada ${scenes}`, `bob ${scenes++}`];
    const receipts: Receipt[] = [];
    clock.set(start);
    for (const { kind, on, moves, modes, times } of turns) {
      const keys = moves.map((_, i) => keyAt(policies, subjects, on[i]));
      const [first] = keys;
      const [move] = moves;
      if (first === undefined || move === undefined) continue;
      if (kind === 'reset') {
        await backend.reset([first]);
        model.reset(first.policy, first.subject);
        receipts.length = 0;
        continue;
      }
      if (kind === 'settle') {
        const [receipt] = receipts.splice(move.part % Math.max(1, receipts.length), 1);
        if (receipt === undefined) continue;
        const most = hasModes ? times : 1;
        const costs = receipt.charges.map(({ cost }, i) => Math.floor((cost * most * (moves[i]?.part ?? 0)) / 1000));
        await backend.settle(receipt, costs);
        model.settle(receipt, costs, clock.now());
        continue;
      }
      const last = model.peek([{ ...first, cost: first.policy.limit }], clock.now()).decisions[0];
      clock.set(after(clock.now(), move, first.policy, last));
      const charges: readonly Charge[] = keys.map((key, i) => {
        const current = model.peek([{ ...key, cost: 0 }], clock.now()).decisions[0];
        const asked = moves[i];
        return { ...key, cost: current && asked ? costOf(asked, current) : 0, ...(hasModes && modes[i]) };
      });
      const expected = model.peek(charges, clock.now());
      assert.deepEqual(await backend.peek(charges), expected);
      const { receipt, ...answer } = await backend.spend(charges);
      assert.deepEqual(answer, expected);
      const { answer: modelled, taken } = model.spend(charges, clock.now());
      assert.deepEqual(modelled, expected);
      const isTaken = taken.some((cost) => cost > 0);
      assert.equal(receipt !== undefined, isTaken);
      if (receipt !== undefined) {
        const ours = charges.map((charge, i) => ({ ...charge, cost: taken[i] ?? 0 }));
        assert.deepEqual([receipt.at, receipt.charges], [clock.now(), ours]);
        receipts.push(receipt);
      }
      const wait = answer.binding?.retryAfterMs ?? 0;
      if (wait === 0 || move.part % 2 === 0) continue;
      clock.advance(wait - 1);
      assert.equal((await backend.peek(charges)).allowed, false);
      clock.advance(1);
      assert.equal((await backend.peek(charges)).allowed, true);
    }
  };
}

function keyAt(policies: readonly Policy[], subjects: readonly string[], at: Turn['on'][number] = [0, 0]) {
  const policy = policies[at[0]];
  const subject = subjects[at[1]];
  if (policy === undefined || subject === undefined) throw new RangeError(`nothing at ${at}`);
  return { policy, subject };
}
