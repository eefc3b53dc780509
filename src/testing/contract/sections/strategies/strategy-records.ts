import assert from 'node:assert/strict';
import type { State } from '../../../../strategies/strategy.js';
import type { StrategyBench } from '../../harness/strategy-bench.js';
import type { Suite } from '../../harness/suite.js';

const HUGE = Number.MAX_SAFE_INTEGER;

/** Charges that a strategy records above the limit, and how long they deny. */
export function strategyRecords(suite: Suite<StrategyBench>): void {
  suite.case(
    'records all of a charge, even above the limit, and then denies exactly as long as it reports',
    async (bench) => {
      let owed = 0;
      await bench.alwaysStep(({ before, now, cost }, policy) => {
        const read = bench.decide(before, now, policy, 0);
        const units = cost + (cost % 2) * read.limit;
        if (units === 0) return;
        const after = bench.strategy.amend(before, now, policy, now, 0, units);
        assert.notEqual(after, before, `${units} units are not recorded`);
        assertWhole(after);
        const size = bench.strategy.size?.(policy);
        if (size !== undefined) assert.equal(after.length, size.wide + size.counts);
        const { remaining, resetMs } = bench.decide(after, now, policy, 0);
        assert.equal(remaining, Math.max(0, read.remaining - units));
        assert.ok(resetMs >= read.resetMs, `full in ${resetMs} ms, and in ${read.resetMs} ms before`);
        const { remaining: full, resetMs: left } = bench.decide(after, now + resetMs, policy, 0);
        assert.deepEqual({ full, left }, { full: read.limit, left: 0 });
        const wait = bench.decide(after, now, policy, 1).retryAfterMs;
        if (wait === 0) return;
        owed++;
        assert.ok(wait !== null && wait > 0, `denied, with a wait of ${wait}`);
        const early = bench.decide(after, now + wait - 1, policy, 1);
        assert.equal(early.allowed, false, `allowed after ${wait - 1} ms, one before the wait`);
        const late = bench.decide(after, now + wait, policy, 1);
        assert.equal(late.allowed, true, `denied after the wait of ${wait} ms`);
      });
      assert.ok(owed >= bench.runs, `only ${owed} debts, expected ${bench.runs}`);
    },
  );

  suite.case('records the same in parts as at once, and returns what was recorded at the same instant', (bench) =>
    bench.alwaysStep(
      ({ before, now, cost }, policy) => {
        const { amend } = bench.strategy;
        // Every policy counts exactly up to 1.5 times its limit.
        const part = 1 + (cost % 5);
        const whole = part + Math.floor(bench.decide(before, now, policy, 0).limit / 2);
        const once = amend(before, now, policy, now, 0, whole);
        const first = amend(before, now, policy, now, 0, part);
        const twice = amend(first, now, policy, now, part, whole);
        const views = [0, 1, policy.periodMs].map((laterMs) => now + laterMs);
        const seen = (state: State) => views.map((at) => bench.decide(state, at, policy, 1));
        assert.deepEqual(seen(twice), seen(once));
        assert.deepEqual(seen(amend(twice, now, policy, now, whole, part)), seen(first));
      },
      { back: 'never', maxLength: 15 },
    ),
  );

  suite.case('counts huge charges as far as possible with safe numbers, and never drops the debt', (bench) =>
    bench.alwaysStep(
      ({ before, now }, policy) => {
        let state = before;
        for (const units of [HUGE, 1, HUGE]) {
          state = bench.strategy.amend(state, now, policy, now, 0, units);
          assertWhole(state);
          const { allowed, remaining, resetMs, retryAfterMs } = bench.decide(state, now, policy, 1);
          assert.deepEqual({ allowed, remaining }, { allowed: false, remaining: 0 });
          for (const wait of [resetMs, retryAfterMs ?? 0]) {
            assert.ok(Number.isSafeInteger(now + wait), `a wait of ${wait}, which ends at no safe integer`);
          }
        }
      },
      { maxLength: 8 },
    ),
  );

  suite.case(
    'changes nothing when a charge whose time is over is settled upward, and never returns units by it',
    (bench) =>
      bench.always((scene) => {
        const { policy, start } = scene;
        const taken = [...bench.drive(scene)];
        const { state, now } = taken[taken.length - 1] ?? { state: [], now: start };
        for (const { now: at, cost: from } of taken) {
          const amended = bench.strategy.amend(state, now, policy, at, from, from + 3);
          const [ours, theirs] = [amended, state].map((one) => bench.decide(one, now, policy, 0).remaining);
          const isRight =
            ours !== undefined && theirs !== undefined && ours <= theirs && ours >= Math.max(0, theirs - 3);
          if (!isRight) assert.fail(`${ours} remain of ${theirs} after a settlement of 3 units more`);
          assertWhole(amended);
        }
      }),
  );
}

/** A strategy that does not record returns the given state, so that backends notice that nothing was recorded. */
export function missingRecords(suite: Suite<StrategyBench>): void {
  suite.case(
    'returns the given state for a raised charge, so that a backend notices that it is not recorded',
    (bench) =>
      bench.alwaysStep(({ before, state, now, cost }, policy) => {
        for (const units of [1, policy.limit, HUGE - cost]) {
          const recorded = bench.strategy.amend(before, now, policy, now, 0, units);
          assert.equal(recorded, before, `another state for a charge of 0 units that costs ${units}`);
          const settled = bench.strategy.amend(state, now, policy, now, cost, cost + units);
          assert.equal(settled, state, `another state for a charge of ${cost} units that costs ${cost + units}`);
        }
      }),
  );
}

function assertWhole(state: State): void {
  if (!state.every(Number.isSafeInteger)) assert.fail(`not whole numbers: [${state}]`);
}
