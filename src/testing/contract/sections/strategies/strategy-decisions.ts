import assert from 'node:assert/strict';
import type { StrategyBench } from '../../harness/strategy-bench.js';
import type { Suite } from '../../harness/suite.js';

/** Decisions of a strategy. @param denials the number of denials that must have occurred */
export function strategyDecisions(suite: Suite<StrategyBench>, denials: number): void {
  suite.case(
    'has an exact wait: denied one millisecond before it, allowed at it, null if it never passes',
    async (bench) => {
      let seen = 0;
      await bench.alwaysStep(
        ({ state, now, cost, decision }, policy) => {
          const wait = decision.retryAfterMs;
          assert.equal(wait === null, cost > decision.limit, `a wait of ${wait} for ${cost} of ${decision.limit}`);
          if (wait === null) assert.equal(decision.allowed, false);
          else if (decision.allowed) assert.equal(wait, 0, `allowed, with a wait of ${wait}`);
          else {
            seen++;
            assert.ok(wait > 0, `denied, with a wait of ${wait}`);
            const early = bench.decide(state, now + wait - 1, policy, cost);
            assert.equal(early.allowed, false, `allowed after ${wait - 1} ms, one before the wait`);
            assert.equal(
              bench.decide(state, now + wait, policy, cost).allowed,
              true,
              `denied after the wait of ${wait} ms`,
            );
            // Until then it stays denied, and the wait decreases by the time that has passed.
            const halfway = bench.decide(state, now + Math.floor(wait / 2), policy, cost);
            assert.equal(halfway.retryAfterMs, Math.ceil(wait / 2));
          }
        },
        { times: 3 },
      );
      assert.ok(seen >= denials, `only ${seen} denials, expected ${denials}: give policies that deny more often`);
    },
  );

  suite.case('has as much remaining as the largest cost that passes, exactly', (bench) =>
    bench.alwaysStep(({ state, now, decision: { remaining, limit } }, policy) => {
      assert.ok(remaining <= limit, `${remaining} remaining of ${limit}`);
      assert.equal(
        bench.decide(state, now, policy, remaining).allowed,
        true,
        `${remaining} units remain, and are denied`,
      );
      assert.equal(bench.decide(state, now, policy, remaining + 1).allowed, false, `${remaining + 1} pass, one more`);
    }),
  );

  suite.case('is full again after resetMs, and not one millisecond before', (bench) =>
    bench.alwaysStep(({ state, now, decision: { limit, resetMs } }, policy) => {
      const { remaining, resetMs: left } = bench.decide(state, now + resetMs, policy, 0);
      assert.deepEqual({ remaining, left }, { remaining: limit, left: 0 });
      if (resetMs === 0) return;
      const early = bench.decide(state, now + resetMs - 1, policy, 0);
      assert.equal(early.resetMs, 1);
      assert.ok(early.remaining < limit, `full one millisecond before resetMs, ${resetMs}`);
    }),
  );

  suite.case('consumes nothing when it denies, or at a cost of 0, and exactly the cost when it allows', (bench) =>
    bench.alwaysStep(({ before, now, cost, state, decision }, policy) => {
      const read = bench.strategy.step(before, now, policy, 0);
      assert.equal(read.state, before, 'a cost of 0 returns another state');
      assert.equal(read.decision.allowed, true, 'a cost of 0 is denied');
      assert.equal(
        state === before,
        !decision.allowed || cost === 0,
        'a denial has to return the given state, and only that',
      );
      assert.equal(decision.remaining, read.decision.remaining - (decision.allowed ? cost : 0));
      if (!decision.allowed) assert.equal(decision.resetMs, read.decision.resetMs, 'a denial changes resetMs');
    }),
  );

  suite.case('keeps one limit and one window, and gives a new subject all of it', (bench) =>
    bench.always((scene) => {
      const fresh = bench.decide([], scene.start, scene.policy, 0);
      assert.deepEqual([fresh.allowed, fresh.remaining, fresh.resetMs], [true, fresh.limit, 0]);
      for (const { decision } of bench.drive(scene)) {
        assert.deepEqual([decision.limit, decision.windowMs], [fresh.limit, fresh.windowMs]);
      }
    }),
  );

  suite.case('returns nothing when the clock steps back by at most a period', (bench) =>
    bench.alwaysStep(
      ({ state, now, decision: { allowed, remaining } }, policy) => {
        for (const backMs of allowed ? [1, Math.ceil(policy.periodMs / 2), policy.periodMs] : []) {
          const earlier = bench.decide(state, now - backMs, policy, 0).remaining;
          assert.ok(earlier <= remaining, `${earlier} remain ${backMs} ms earlier, and ${remaining} now`);
        }
      },
      { back: 'never', times: 1 / 3 },
    ),
  );

  suite.case('starts afresh if the clock steps back by more than a period', (bench) =>
    bench.alwaysStep(
      ({ state, now, cost, decision: { allowed } }, policy) => {
        // The newest instant in a state may be the start of the previous period.
        const earlier = now - 2 * policy.periodMs - 1;
        if (!allowed || cost === 0) return;
        assert.deepEqual(bench.decide(state, earlier, policy, 1), bench.decide([], earlier, policy, 1));
      },
      { back: 'never', refunds: false, times: 1 / 3 },
    ),
  );
}
