import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { definePolicy } from '../../src/strategies/define-policy.js';
import { ChargeLog, slidingLog } from '../../src/strategies/sliding-log.js';
import type { State } from '../../src/strategies/strategy.js';
import { scaled } from '../support/scale.js';

const START = 1_750_000_000_000;
const policy = definePolicy('p', { rate: '40/s', strategy: 'sliding-log' });

/** The operations on a log: the clock moves and a charge is decided. If it is allowed, it may be taken. */
const moves = fc.array(
  fc.record({
    ms: fc.oneof(
      { weight: 8, arbitrary: fc.integer({ min: 0, max: 60 }) },
      { weight: 2, arbitrary: fc.integer({ min: -300, max: 0 }) },
      { weight: 1, arbitrary: fc.constantFrom(-5000, -1001, -1000, 999, 1000, 1001, 5000) },
    ),
    cost: fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 2 }) },
      { weight: 1, arbitrary: fc.integer({ min: 3, max: 42 }) },
    ),
    isTaken: fc.boolean(),
  }),
  { minLength: 200, maxLength: 300 },
);

/** As `toEqual`, which would take most of the time of thousands of comparisons. */
function expectSame(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toStrictEqual(expected);
}

describe('a log that is changed in place', () => {
  it('decides as the strategy does, and leaves the same state', () => {
    let taken = 0;
    let denied = 0;
    const property = fc.property(moves, (all) => {
      let now = START;
      let state: State = [now, 1];
      const log = new ChargeLog(state);
      for (const { ms, cost, isTaken } of all) {
        now += ms;
        const expected = slidingLog.step(state, now, policy, cost);
        expectSame(log.step(now, policy, cost), expected.decision);
        if (!expected.decision.allowed) denied++;
        if (expected.decision.allowed && cost > 0 && isTaken) {
          log.add(now, policy.periodMs, cost);
          state = expected.state;
          taken++;
        }
        expectSame(log.toState(), state);
      }
    });
    fc.assert(property, { numRuns: scaled(60, 2000) });
    expect(taken).toBeGreaterThan(500);
    expect(denied).toBeGreaterThan(100);
  });

  it('counts again what a later read had left behind, if the clock steps back', () => {
    const log = new ChargeLog([START, 39, START + 500, 1]);
    expect(log.step(START + 1200, policy, 1)).toMatchObject({ allowed: true, remaining: 38 });
    expect(log.step(START + 999, policy, 1)).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: 1 });
    expect(log.toState()).toEqual([START, 39, START + 500, 1]);
  });

  it('keeps at most twice the entries that count, however many came before', () => {
    const log = new ChargeLog([START, 1]);
    for (let i = 1; i <= 5000; i++) log.add(START + i * 100, policy.periodMs, 1);
    expect(log.toState()).toHaveLength(20);
    expect(log.entries.length).toBeLessThanOrEqual(60);
  });
});
