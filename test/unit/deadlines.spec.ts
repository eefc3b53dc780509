import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Deadlines } from '../../src/backends/deadlines.js';
import { systemClock } from '../../src/core/clock.js';

let told: string[];
const waiting = (name: string) => ({ fail: (error: unknown) => told.push(`${name}: ${error}`) });

describe('deadlines', () => {
  beforeEach(() => {
    told = [];
    jest.useFakeTimers();
    jest.spyOn(systemClock, 'now').mockImplementation(() => Date.now());
  });

  afterEach(() => {
    jest.useRealTimers();
    jest.restoreAllMocks();
  });

  const late = (name: string) => `${name}: BackendError: The backend did not answer within 100 ms`;

  it('fail each who waits when its time is over, by one timer, and nobody who is there no more', () => {
    const deadlines = new Deadlines(100);
    const [a, b, c] = [waiting('a'), waiting('b'), waiting('c')];
    deadlines.add(a);
    jest.advanceTimersByTime(40);
    deadlines.add(b);
    deadlines.add(c);
    expect(jest.getTimerCount()).toBe(1);
    deadlines.remove(b);
    jest.advanceTimersByTime(59);
    expect(told).toEqual([]);
    jest.advanceTimersByTime(2);
    expect(told).toEqual([late('a')]);
    jest.advanceTimersByTime(40);
    expect(told).toEqual([late('a'), late('c')]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('leave no timer behind when nobody waits any more, and begin anew', () => {
    const deadlines = new Deadlines(100);
    const [a, b] = [waiting('a'), waiting('b')];
    deadlines.add(a);
    deadlines.remove(a);
    expect(jest.getTimerCount()).toBe(0);
    jest.advanceTimersByTime(50);
    deadlines.add(b);
    jest.advanceTimersByTime(99);
    expect(told).toEqual([]);
    jest.advanceTimersByTime(2);
    expect(told).toEqual([late('b')]);
  });

  it('are none where the time is infinite', () => {
    new Deadlines(Number.POSITIVE_INFINITY).add(waiting('a'));
    expect(jest.getTimerCount()).toBe(0);
  });
});
