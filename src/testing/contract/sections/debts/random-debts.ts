import assert from 'node:assert/strict';
import type { Policy } from '../../../../core/policy.js';
import { type Bench, take } from '../../harness/bench.js';
import { checkRandomCases, type Random, shorterLists } from '../../harness/random.js';
import { anyPolicy, randomStart } from '../../harness/random-policies.js';
import type { Suite } from '../../harness/suite.js';

const HUGE = Number.MAX_SAFE_INTEGER;

interface Debt {
  /** Recorded at once, or settled at more than was taken. Both give the same debt. */
  readonly way: 'record' | 'settle';
  /** A factor of `part` thousandths of the limit. */
  readonly times: number | 'huge';
  readonly part: number;
  /** The time until the next debt, in four-thousandths of the period. */
  readonly later: number;
}

interface Scene {
  readonly policy: Policy;
  readonly start: number;
  /** The units taken first, in thousandths of the limit. */
  readonly before: number;
  readonly debts: readonly Debt[];
}

const debtOf = (random: Random): Debt => ({
  way: random.pick(['record', 'settle']),
  times: random.pick(['huge', 'huge', 'huge', 1, 2, 3]),
  part: random.edgy(1, 1000),
  later: random.edgy(0, 1000),
});

const sceneOf = (random: Random): Scene => ({
  policy: anyPolicy(random),
  start: randomStart(random),
  before: random.edgy(0, 1000),
  debts: random.list(1, 4, () => debtOf(random)),
});

/** How long random debts deny. */
export function randomDebts(suite: Suite<Bench>): void {
  suite.case('a debt of any policy denies until its wait is over, exactly, and is paid off after its reset', (bench) =>
    checkRandomCases({
      make: sceneOf,
      check: checkOf(bench),
      simpler: (scene) => shorterLists(scene.debts).map((debts) => ({ ...scene, debts })),
      runs: bench.runs(2000),
      seed: bench.seed,
    }),
  );
}

function checkOf({ open }: Bench): (scene: Scene) => Promise<void> {
  const opening = open();
  let scenes = 0;
  return async ({ policy, start, before, debts }) => {
    const { backend, clock } = await opening;
    const target = { policy, subject: `ada ${scenes++}` };
    const one = [{ ...target, cost: 1 }];
    const read = async () => (await backend.peek([{ ...target, cost: 0 }])).decisions[0];
    clock.set(start);
    const full = await read();
    const limit = full?.limit ?? 0;
    const cost = Math.floor((before * limit) / 1000);
    if (cost > 0) assert.ok((await backend.spend([{ ...target, cost }])).allowed);
    for (const { way, times, part, later } of debts) {
      const units = times === 'huge' ? HUGE : Math.max(1, Math.floor((times * limit * part) / 1000));
      const left = (await read())?.remaining ?? 0;
      const receipt = await take(backend, { ...target, cost: way === 'record' ? units : 1, mode: 'record' });
      if (way === 'settle') await backend.settle(receipt, [units]);
      assert.equal((await read())?.remaining, Math.max(0, left - units));
      clock.advance(Math.floor((later * policy.periodMs) / 4000));
    }
    const waitMs = (await backend.peek(one)).decisions[0]?.retryAfterMs ?? 0;
    if (waitMs > 0) {
      const now = clock.now();
      clock.advance(waitMs - 1);
      assert.equal((await backend.peek(one)).allowed, false);
      clock.advance(1);
      assert.equal((await backend.peek(one)).allowed, true);
      clock.set(now);
    }
    clock.advance((await read())?.resetMs ?? 0);
    assert.deepEqual(await read(), full);
  };
}
