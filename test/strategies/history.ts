import fc from 'fast-check';
import type { Policy } from '../../src/core/policy.js';
import type { BuiltinStrategy } from '../../src/strategies/built-in-strategies.js';
import { builtInStrategy, randomPolicy, randomStart } from '../../src/testing/contract/harness/random-policies.js';
import { drive, type Move, randomTraffic, type Taken } from '../../src/testing/contract/harness/traffic.js';
import { arbitrary } from '../support/arbitraries.js';
import { scaled } from '../support/scale.js';

/**
 * A charge that was admitted, at its effective instant: the latest that the clock had shown at an admission until then.
 *
 * Bounds are measured in effective time. A clock that steps back runs again over what it has shown; meanwhile effective
 * time stands still, and otherwise it goes as the clock does. So between two charges no more effective time passes than
 * true time, and what holds over every effective interval holds over every true one. (Labels of a clock that stepped
 * back are no measure: an interval of them can be passed twice.)
 */
export interface Admitted {
  readonly at: number;
  readonly cost: number;
  /** The effective instant at which a held call leaves. */
  readonly leavesAt: number;
}

export interface History {
  readonly policy: Policy;
  readonly admitted: readonly Admitted[];
}

/** The steps of a traffic whose clock is at no instant more than a period behind the latest it has shown. */
export function* steps(
  strategyName: BuiltinStrategy,
  policy: Policy,
  start: number,
  moves: readonly Move[],
): Generator<Taken> {
  yield* drive(builtInStrategy(strategyName), policy, start, moves, (now, newest) =>
    Math.max(now, newest - policy.periodMs),
  );
}

function historyOf(taken: Iterable<Taken>): readonly Admitted[] {
  const admitted: Admitted[] = [];
  let at = 0;
  for (const { now, cost, decision } of taken) {
    if (!decision.allowed || cost === 0) continue;
    at = Math.max(at, now);
    admitted.push({ at, cost, leavesAt: Math.max(at, now + decision.delayMs) });
  }
  return admitted;
}

/** Random traffic of one policy, without refunds: what is given back may be taken again, and counts in no bound. */
export function scenes(strategy: BuiltinStrategy) {
  return arbitrary((random) => ({
    policy: randomPolicy(random, strategy),
    start: randomStart(random),
    moves: randomTraffic(random, { back: 'a period', refunds: false, maxLength: 60 }),
  }));
}

/** Tries a property on what random traffic was admitted, clocks that step back by up to a period included. */
export function alwaysAdmitted(strategy: BuiltinStrategy, property: (history: History) => void): void {
  fc.assert(
    fc.property(scenes(strategy), ({ policy, start, moves }) => {
      property({ policy, admitted: historyOf(steps(strategy, policy, start, moves)) });
    }),
    { numRuns: scaled(250, 1500) },
  );
}

/** Every run of charges from one to another: the units of them all, and their first and last. */
export function* runs(admitted: readonly Admitted[]): Generator<{ units: number; first: Admitted; last: Admitted }> {
  for (const [i, first] of admitted.entries()) {
    let units = 0;
    for (const last of admitted.slice(i)) {
      units += last.cost;
      yield { units, first, last };
    }
  }
}
