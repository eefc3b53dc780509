import assert from 'node:assert/strict';
import type { Policy } from '../../../../core/policy.js';
import type { State } from '../../../../strategies/strategy.js';
import type { StrategyBench } from '../../harness/strategy-bench.js';
import type { Suite } from '../../harness/suite.js';
import type { Taken } from '../../harness/traffic.js';

/** Refunds of a strategy. */
export function strategyRefunds(suite: Suite<StrategyBench>, traceless: boolean): void {
  suite.case('returns no more than was taken, even if the clock has stepped', (bench) =>
    bench.always((scene) => {
      const { policy, start } = scene;
      const taken = [...bench.drive(scene)];
      const { state, now } = taken[taken.length - 1] ?? { state: [], now: start };
      for (const { now: at, cost: from, decision } of taken) {
        if (!decision.allowed || from === 0) continue;
        for (const to of [0, Math.floor(from / 2), from - 1]) {
          const amended = bench.strategy.amend(state, now, policy, at, from, to);
          const before = bench.decide(state, now, policy, 0).remaining;
          const gain = bench.decide(amended, now, policy, 0).remaining - before;
          assert.ok(gain <= from - to, `${gain} of ${from - to} units back`);
          if (!amended.every(Number.isSafeInteger)) assert.fail(`not whole numbers: [${amended}]`);
        }
      }
    }),
  );

  suite.case('returns all of a charge of the same instant, and then decides as before it', (bench) =>
    bench.alwaysStep(
      ({ before, state, now, cost, decision }, policy) => {
        if (!decision.allowed || cost === 0) return;
        const amended = bench.strategy.amend(state, now, policy, now, cost, 0);
        const [then, again] = [before, amended].map((one) => bench.decide(one, now, policy, 0).remaining);
        assert.equal(again, then);
      },
      { back: 'never', refunds: false, times: 1 / 3 },
    ),
  );

  if (!traceless) return;
  suite.case('leaves no more room after a refund than if the refunded units had never been charged', (bench) =>
    bench.always(
      (scene) => {
        const { policy } = scene;
        const taken = [...bench.drive(scene)];
        const index = taken.findIndex(({ cost, decision }) => decision.allowed && cost > 0);
        const refunded = taken[index];
        const end = taken[taken.length - 1];
        if (refunded === undefined || end === undefined) return;
        const to = Math.floor(refunded.cost / 3);
        const state = bench.strategy.amend(end.state, end.now, policy, refunded.now, refunded.cost, to);
        const twin = stateWithout(bench, taken, index, to, policy);
        for (const laterMs of [0, 1, Math.ceil(policy.periodMs / 2), policy.periodMs, 2 * policy.periodMs]) {
          const ours = bench.decide(state, end.now + laterMs, policy, 0);
          const theirs = bench.decide(twin, end.now + laterMs, policy, 0);
          const isNoMore = ours.remaining <= theirs.remaining && ours.resetMs >= theirs.resetMs;
          if (!isNoMore) assert.fail(`refunded ${JSON.stringify(ours)}, charged less ${JSON.stringify(theirs)}`);
          if (index === taken.length - 1) assert.deepEqual(ours, theirs);
        }
      },
      { back: 'never', refunds: false, maxLength: 12 },
    ),
  );
}

/**
 * Returns the state of a twin that was charged the same, except for one charge, which had the cost `to` from the start.
 */
function stateWithout(
  { strategy }: StrategyBench,
  taken: readonly Taken[],
  index: number,
  to: number,
  policy: Policy,
): State {
  return taken.reduce<State>((state, { now, cost, decision }, i) => {
    if (!decision.allowed) return state;
    const step = strategy.step(state, now, policy, i === index ? to : cost);
    assert.equal(step.decision.allowed, true, 'whoever was charged less is denied');
    return step.state;
  }, []);
}
