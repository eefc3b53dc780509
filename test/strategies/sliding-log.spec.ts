import { describe, expect, it } from '@jest/globals';
import { definePolicy } from '../../src/strategies/define-policy.js';
import { slidingLog } from '../../src/strategies/sliding-log.js';
import type { State } from '../../src/strategies/strategy.js';

describe('a sliding log that is full of recorded charges', () => {
  const policy = definePolicy('p', { rate: '3/min', strategy: 'sliding-log' });
  const MAX_ENTRIES = 10_000;
  const record = (state: State, at: number, now = at, units = 1) => slidingLog.amend(state, now, policy, at, 0, units);

  /** An entry of one unit every other millisecond, from 0 on. */
  const full: State = Array.from({ length: 2 * MAX_ENTRIES }, (_, i) => (i % 2 === 0 ? i : 1));

  it('moves its newest entry to the instant of a recorded charge, so that none leaves early', () => {
    const state = record(full, 20_005, 20_005, 2);
    expect(state.slice(-4)).toEqual([19_996, 1, 20_005, 3]);
    expect(state).toHaveLength(2 * MAX_ENTRIES);
  });

  it('adds a late settlement to the next later entry', () => {
    const state = record(full, 9, 19_999, 5);
    expect(state.slice(8, 12)).toEqual([8, 1, 10, 6]);
    expect(record(state, 10, 19_999, 1).slice(10, 12)).toEqual([10, 7]);
    expect(state).toHaveLength(2 * MAX_ENTRIES);
  });

  it('adds entries again after others have left', () => {
    const state = record(full, 60_001);
    expect(state.slice(0, 2)).toEqual([2, 1]);
    expect(state.slice(-2)).toEqual([60_001, 1]);
  });
});
