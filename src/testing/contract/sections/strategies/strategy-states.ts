import assert from 'node:assert/strict';
import type { State } from '../../../../strategies/strategy.js';
import type { StrategyBench } from '../../harness/strategy-bench.js';
import type { Suite } from '../../harness/suite.js';

/** States of a strategy. */
export function strategyStates(suite: Suite<StrategyBench>): void {
  suite.case('is pure: decides the same again, and does not change its arguments', (bench) =>
    bench.alwaysStep(
      ({ before, now, cost, state, decision }, policy) => {
        const copy = [...before];
        const again = bench.strategy.step(copy, now, Object.freeze({ ...policy }), cost);
        assert.ok(areEqual(copy, before), 'the given state was changed');
        assert.ok(areEqual(again.state, state), 'another state for the same arguments');
        assert.deepEqual(again.decision, decision);
      },
      { times: 1 / 3 },
    ),
  );

  suite.case('decides in whole numbers of at least 0, and stores safe integers', (bench) =>
    bench.alwaysStep(({ state, decision }, policy) => {
      const { remaining, limit, resetMs, windowMs, delayMs, retryAfterMs } = decision;
      for (const number of [remaining, limit, resetMs, windowMs, delayMs, retryAfterMs ?? 0]) {
        if (!isWhole(number)) assert.fail(`not a whole number of at least 0: ${JSON.stringify(decision)}`);
      }
      if (!state.every(Number.isSafeInteger)) assert.fail(`not whole numbers: [${state}]`);
      assert.equal(decision.policy, policy.name);
    }),
  );

  suite.case('stores as many numbers as `size` declares, and changes at most `changed` of them', (bench) =>
    bench.always((scene) => {
      const size = bench.strategy.size?.(scene.policy);
      for (const { before, state, changed = state.length } of bench.drive(scene)) {
        if (size !== undefined && state.length > 0) assert.equal(state.length, size.wide + size.counts);
        if (before.length === state.length) assert.deepEqual(state.slice(changed), before.slice(changed));
      }
    }),
  );
}

function isWhole(number: number): boolean {
  return Number.isSafeInteger(number) && number >= 0;
}

/**
 * Compares two states. Written by hand, because a log has thousands of numbers, and a generic deep comparison would
 * take most of the time.
 */
function areEqual(a: State, b: State): boolean {
  return a.length === b.length && a.every((number, i) => number === b[i]);
}
