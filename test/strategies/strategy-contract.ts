import assert from 'node:assert/strict';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Policy } from '../../src/core/policy.js';
import type { Strategy } from '../../src/strategies/strategy.js';
import { starts } from '../backends/contract/random-policies.js';
import { scaled } from '../support/scale.js';
import { drive, type Move, trafficOf } from './traffic.js';

export interface StrategyContractOptions {
  /** Random traffics per property, of at most 40 moves each; three times as many for the waits. Default: 300, in full 1000. */
  readonly runs?: number;
  /** Denials on which the waits must have been tried, at least. Default: 10 per run. */
  readonly denials?: number;
  /**
   * Whether a charge that was given back leaves no trace. Default: true.
   * False where it still decides something: of a window that opens with its first charge, when it ends.
   */
  readonly traceless?: boolean;
}

interface Scene {
  readonly policy: Policy;
  readonly start: number;
  readonly moves: readonly Move[];
}

/**
 * What every strategy keeps, a user's own too: honest waits, exact numbers, refunds that give no more than was taken.
 *
 * @example
 * strategyContract('coin-flip', coinFlip, fc.integer({ min: 1, max: 50 }).map((n) =>
 *   definePolicy('p', { rate: `${n}/min`, strategy: coinFlip })));
 */
export function strategyContract(
  name: string,
  strategy: Strategy,
  policies: fc.Arbitrary<Policy>,
  { runs = scaled(300, 1000), denials = 10 * runs, traceless = true }: StrategyContractOptions = {},
): void {
  const decide = (...args: Parameters<Strategy['step']>) => strategy.step(...args).decision;

  /** Tries a property on random traffic; fast-check prints seed and counterexample when it fails. */
  function always(property: (scene: Scene) => void, traffic = trafficOf(), numRuns = runs): void {
    const scenes = fc.record({ policy: policies, start: starts, moves: traffic });
    fc.assert(fc.property(scenes, property), { numRuns });
  }

  describe(`the strategy ${name}`, () => {
    it('is honest about the wait: denied one millisecond before it, allowed at it, null if it never passes', () => {
      let seen = 0;
      always(
        ({ policy, start, moves }) => {
          for (const { state, now, cost, decision } of drive(strategy, policy, start, moves)) {
            const wait = decision.retryAfterMs;
            assert.equal(wait === null, cost > decision.limit);
            if (wait === null) assert.equal(decision.allowed, false);
            else if (decision.allowed) assert.equal(wait, 0);
            else {
              seen++;
              assert.ok(wait > 0);
              assert.equal(decide(state, now + wait - 1, policy, cost).allowed, false);
              assert.equal(decide(state, now + wait, policy, cost).allowed, true);
              // On its way it stays denied, and the wait shrinks by what has passed.
              assert.equal(decide(state, now + Math.floor(wait / 2), policy, cost).retryAfterMs, Math.ceil(wait / 2));
            }
          }
        },
        trafficOf(),
        3 * runs,
      );
      expect(seen).toBeGreaterThanOrEqual(denials);
    });

    it('has exactly as much remaining as the largest cost that would pass', () => {
      always(({ policy, start, moves }) => {
        for (const { state, now, decision } of drive(strategy, policy, start, moves)) {
          const { remaining } = decision;
          assert.ok(remaining <= decision.limit);
          assert.equal(decide(state, now, policy, remaining).allowed, true);
          assert.equal(decide(state, now, policy, remaining + 1).allowed, false);
        }
      });
    });

    it('is full again after resetMs, and not one millisecond before', () => {
      always(({ policy, start, moves }) => {
        for (const { state, now, decision } of drive(strategy, policy, start, moves)) {
          const { limit, resetMs } = decision;
          const { remaining, resetMs: left } = decide(state, now + resetMs, policy, 0);
          assert.deepEqual({ remaining, left }, { remaining: limit, left: 0 });
          if (resetMs === 0) continue;
          const early = decide(state, now + resetMs - 1, policy, 0);
          assert.equal(early.resetMs, 1);
          assert.ok(early.remaining < limit);
        }
      });
    });

    it('writes nothing when it denies or reads, and takes exactly the cost when it allows', () => {
      always(({ policy, start, moves }) => {
        for (const { before, now, cost, state, decision } of drive(strategy, policy, start, moves)) {
          const read = strategy.step(before, now, policy, 0);
          assert.equal(read.state, before);
          assert.equal(read.decision.allowed, true);
          assert.equal(state === before, !decision.allowed || cost === 0);
          assert.equal(decision.remaining, read.decision.remaining - (decision.allowed ? cost : 0));
          if (!decision.allowed) assert.equal(decision.resetMs, read.decision.resetMs);
        }
      });
    });

    it('tells whole numbers of at least 0, and remembers safe integers', () => {
      always(({ policy, start, moves }) => {
        for (const { state, decision } of drive(strategy, policy, start, moves)) {
          const { remaining, limit, resetMs, windowMs, delayMs, retryAfterMs } = decision;
          for (const number of [remaining, limit, resetMs, windowMs, delayMs, retryAfterMs ?? 0]) {
            if (!Number.isSafeInteger(number) || number < 0) assert.fail(JSON.stringify(decision));
          }
          assert.deepEqual(state, state.filter(Number.isSafeInteger));
          assert.equal(decision.policy, policy.name);
        }
      });
    });

    it('remembers as many numbers as it says, and changes no more of them than it says', () => {
      always(({ policy, start, moves }) => {
        const size = strategy.size?.(policy);
        for (const { before, state, changed = state.length } of drive(strategy, policy, start, moves)) {
          if (size !== undefined && state.length > 0) assert.equal(state.length, size.wide + size.counts);
          if (before.length === state.length) assert.deepEqual(state.slice(changed), before.slice(changed));
        }
      });
    });

    it('keeps one limit and one window, and gives a new subject all of it', () => {
      always(({ policy, start, moves }) => {
        const fresh = decide([], start, policy, 0);
        assert.deepEqual({ ...fresh, remaining: 0 }, { ...fresh, allowed: true, remaining: 0, resetMs: 0 });
        assert.equal(fresh.remaining, fresh.limit);
        for (const { decision } of drive(strategy, policy, start, moves)) {
          assert.deepEqual([decision.limit, decision.windowMs], [fresh.limit, fresh.windowMs]);
        }
      });
    });

    it('gives back no more than was taken, however the clock has stepped', () => {
      always(({ policy, start, moves }) => {
        const taken = [...drive(strategy, policy, start, moves)];
        const { state, now } = taken[taken.length - 1] ?? { state: [], now: start };
        for (const { now: at, cost: from, decision } of taken) {
          if (!decision.allowed || from === 0) continue;
          for (const to of [0, Math.floor(from / 2), from - 1]) {
            const amended = strategy.amend(state, now, policy, at, from, to);
            const gain = decide(amended, now, policy, 0).remaining - decide(state, now, policy, 0).remaining;
            if (gain > from - to) assert.fail(`${gain} of ${from - to} units back`);
            assert.deepEqual(amended, amended.filter(Number.isSafeInteger));
          }
        }
      });
    });

    it('records all of a charge, above the limit too, and what it owes is denied exactly as long as it says', () => {
      let owed = 0;
      always(({ policy, start, moves }) => {
        for (const { before, now, cost } of drive(strategy, policy, start, moves)) {
          const read = decide(before, now, policy, 0);
          const units = cost + (cost % 2) * read.limit;
          const after = strategy.amend(before, now, policy, now, 0, units);
          if (units === 0) continue;
          assert.notEqual(after, before);
          assert.deepEqual(after, after.filter(Number.isSafeInteger));
          const { remaining, resetMs } = decide(after, now, policy, 0);
          assert.equal(remaining, Math.max(0, read.remaining - units));
          assert.ok(resetMs >= read.resetMs);
          const { remaining: full, resetMs: left } = decide(after, now + resetMs, policy, 0);
          assert.deepEqual({ full, left }, { full: read.limit, left: 0 });
          const wait = decide(after, now, policy, 1).retryAfterMs;
          if (wait === 0) continue;
          owed++;
          assert.ok(wait !== null && wait > 0);
          assert.equal(decide(after, now + wait - 1, policy, 1).allowed, false);
          assert.equal(decide(after, now + wait, policy, 1).allowed, true);
        }
      });
      expect(owed).toBeGreaterThanOrEqual(runs);
    });

    it('records as much in parts as at once, and takes back what was recorded at the same instant', () => {
      always(
        ({ policy, start, moves }) => {
          for (const { before, now, cost } of drive(strategy, policy, start, moves)) {
            // Half of the limit above it is counted exactly by every policy.
            const part = 1 + (cost % 5);
            const whole = part + Math.floor(decide(before, now, policy, 0).limit / 2);
            const once = strategy.amend(before, now, policy, now, 0, whole);
            const first = strategy.amend(before, now, policy, now, 0, part);
            const twice = strategy.amend(first, now, policy, now, part, whole);
            const views = [0, 1, policy.periodMs].map((laterMs) => now + laterMs);
            const seen = (state: readonly number[]) => views.map((at) => decide(state, at, policy, 1));
            assert.deepEqual(seen(twice), seen(once));
            assert.deepEqual(seen(strategy.amend(twice, now, policy, now, whole, part)), seen(first));
          }
        },
        trafficOf({ back: 'never', maxLength: 15 }),
      );
    });

    it('counts huge charges as far as it can, with safe numbers, and never forgets that there is a debt', () => {
      always(
        ({ policy, start, moves }) => {
          for (const { before, now } of drive(strategy, policy, start, moves)) {
            let state = before;
            for (const units of [Number.MAX_SAFE_INTEGER, 1, Number.MAX_SAFE_INTEGER]) {
              state = strategy.amend(state, now, policy, now, 0, units);
              assert.deepEqual(state, state.filter(Number.isSafeInteger));
              const { allowed, remaining, resetMs, retryAfterMs } = decide(state, now, policy, 1);
              assert.deepEqual({ allowed, remaining }, { allowed: false, remaining: 0 });
              assert.ok(Number.isSafeInteger(now + resetMs) && Number.isSafeInteger(now + (retryAfterMs ?? 0)));
            }
          }
        },
        trafficOf({ maxLength: 8 }),
      );
    });

    it('changes nothing when a charge is settled upward whose time is over, and never gives anything by it', () => {
      always(({ policy, start, moves }) => {
        const taken = [...drive(strategy, policy, start, moves)];
        const { state, now } = taken[taken.length - 1] ?? { state: [], now: start };
        for (const { now: at, cost: from } of taken) {
          const amended = strategy.amend(state, now, policy, at, from, from + 3);
          const [ours, theirs] = [decide(amended, now, policy, 0), decide(state, now, policy, 0)];
          assert.ok(ours.remaining <= theirs.remaining && ours.remaining >= Math.max(0, theirs.remaining - 3));
          assert.deepEqual(amended, amended.filter(Number.isSafeInteger));
        }
      });
    });

    if (!traceless) return;
    it('leaves no more room after a refund than if the refunded units had never been charged', () => {
      always(
        ({ policy, start, moves }) => {
          const taken = [...drive(strategy, policy, start, moves)];
          const index = taken.findIndex(({ cost, decision }) => decision.allowed && cost > 0);
          const refunded = taken[index];
          const end = taken[taken.length - 1];
          if (refunded === undefined || end === undefined) return;
          const to = Math.floor(refunded.cost / 3);
          const state = strategy.amend(end.state, end.now, policy, refunded.now, refunded.cost, to);
          const twin = without(taken, index, to, policy);
          for (const laterMs of [0, 1, Math.ceil(policy.periodMs / 2), policy.periodMs, 2 * policy.periodMs]) {
            const ours = decide(state, end.now + laterMs, policy, 0);
            const theirs = decide(twin, end.now + laterMs, policy, 0);
            assert.ok(ours.remaining <= theirs.remaining && ours.resetMs >= theirs.resetMs);
            if (index === taken.length - 1) assert.deepEqual(ours, theirs);
          }
        },
        trafficOf({ back: 'never', refunds: false, maxLength: 12 }),
      );
    });
  });

  /** The state of a twin that was charged the same, but for one charge that was `to` from the start. */
  function without(
    taken: readonly { now: number; cost: number; decision: { allowed: boolean } }[],
    index: number,
    to: number,
    policy: Policy,
  ) {
    return taken.reduce<readonly number[]>((state, { now, cost, decision }, i) => {
      if (!decision.allowed) return state;
      const step = strategy.step(state, now, policy, i === index ? to : cost);
      assert.equal(step.decision.allowed, true);
      return step.state;
    }, []);
  }
}
