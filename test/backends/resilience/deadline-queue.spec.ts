import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { DeadlineQueue } from '../../../src/backends/resilience/deadline-queue.js';
import { systemClock } from '../../../src/core/clock.js';
import { until } from '../../support/wait-until.js';

let failures: string[];
const waiting = (name: string) => ({ fail: (error: unknown) => failures.push(`${name}: ${error}`) });

describe('a deadline queue', () => {
  beforeEach(() => {
    failures = [];
    jest.useFakeTimers();
    jest.spyOn(systemClock, 'now').mockImplementation(() => Date.now());
  });

  afterEach(() => {
    // In this order: a spy on a fake timer would leave it in place.
    jest.restoreAllMocks();
    jest.useRealTimers();
  });

  const late = (name: string) => `${name}: BackendError: The backend did not answer within 100 ms`;

  it('extends the deadline of an unsent entry once after a stall of the event loop', () => {
    const deadlines = new DeadlineQueue(100);
    const [unsent, sent] = [{ ...waiting('unsent'), mayRenew: true }, waiting('sent')];
    deadlines.add(unsent);
    deadlines.add(sent);
    // Time goes on, and no timer runs.
    jest.setSystemTime(Date.now() + 400);
    jest.advanceTimersByTime(101);
    expect(failures).toEqual([late('sent')]);
    expect(unsent.mayRenew).toBe(false);
    jest.advanceTimersByTime(98);
    expect(failures).toEqual([late('sent')]);
    jest.setSystemTime(Date.now() + 400);
    jest.advanceTimersByTime(10);
    expect(failures).toEqual([late('sent'), late('unsent')]);
  });

  it('does not extend the deadline of an entry if its timer was in time', () => {
    const deadlines = new DeadlineQueue(100);
    deadlines.add({ ...waiting('unsent'), mayRenew: true });
    jest.advanceTimersByTime(101);
    expect(failures).toEqual([late('unsent')]);
  });

  it('fails each entry at its deadline, with one timer, and none that was removed', () => {
    const deadlines = new DeadlineQueue(100);
    const [a, b, c] = [waiting('a'), waiting('b'), waiting('c')];
    deadlines.add(a);
    jest.advanceTimersByTime(40);
    deadlines.add(b);
    deadlines.add(c);
    expect(jest.getTimerCount()).toBe(1);
    deadlines.remove(b);
    jest.advanceTimersByTime(59);
    expect(failures).toEqual([]);
    jest.advanceTimersByTime(2);
    expect(failures).toEqual([late('a')]);
    jest.advanceTimersByTime(40);
    expect(failures).toEqual([late('a'), late('c')]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('lets the process end while it is empty, and uses the same timer for the next entry', () => {
    const started = jest.spyOn(globalThis, 'setTimeout');
    const deadlines = new DeadlineQueue(100);
    const [a, b] = [waiting('a'), waiting('b')];
    deadlines.add(a);
    const timer = started.mock.results[0]?.value as NodeJS.Timeout;
    expect(timer.hasRef()).toBe(true);
    deadlines.remove(a);
    expect(timer.hasRef()).toBe(false);
    jest.advanceTimersByTime(50);
    deadlines.add(b);
    expect(timer.hasRef()).toBe(true);
    expect(jest.getTimerCount()).toBe(1);
    jest.advanceTimersByTime(99);
    expect(failures).toEqual([]);
    jest.advanceTimersByTime(2);
    expect(failures).toEqual([late('b')]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('fails entries in the order of their deadlines, added in any order', () => {
    const deadlines = new DeadlineQueue(100, 'Redis');
    const now = systemClock.now();
    deadlines.add(waiting('late'), now + 90);
    deadlines.add(waiting('soon'), now + 30);
    deadlines.add(waiting('between'), now + 60);
    const names = () => failures.map((text) => text.split(':')[0]);
    expect(jest.getTimerCount()).toBe(1);
    for (const [ms, expected] of [
      [29, []],
      [2, ['soon']],
      [30, ['soon', 'between']],
      [30, ['soon', 'between', 'late']],
    ] as const) {
      jest.advanceTimersByTime(ms);
      expect(names()).toEqual(expected);
    }
    expect(failures[0]).toBe('soon: BackendError: Redis did not answer within 100 ms');
  });

  it('fails all entries that are late, except those that an earlier failure removes', () => {
    const deadlines = new DeadlineQueue(100);
    const [b, c, d] = [waiting('b'), waiting('c'), waiting('d')];
    const later = waiting('later');
    const a = {
      fail: () => {
        failures.push('a');
        deadlines.remove(b);
        deadlines.add(later);
      },
    };
    for (const one of [a, b, c, d]) deadlines.add(one);
    jest.advanceTimersByTime(101);
    expect(failures).toEqual(['a', late('c'), late('d')]);
    jest.advanceTimersByTime(101);
    expect(failures).toEqual(['a', late('c'), late('d'), late('later')]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('starts no timer for an infinite timeout', () => {
    new DeadlineQueue(Number.POSITIVE_INFINITY).add(waiting('a'));
    expect(jest.getTimerCount()).toBe(0);
  });

  it('moves deadlines forward, but never back', () => {
    const deadlines = new DeadlineQueue(100);
    deadlines.add(waiting('a'));
    deadlines.add(waiting('b'), Date.now() + 20);
    deadlines.bringForward(Date.now() + 40);
    jest.advanceTimersByTime(21);
    expect(failures).toEqual([late('b')]);
    jest.advanceTimersByTime(20);
    expect(failures).toEqual([late('b'), late('a')]);
    expect(jest.getTimerCount()).toBe(0);
    deadlines.bringForward(Date.now());
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('the timers of a deadline queue', () => {
  it('keep no context of the call that started the first one', async () => {
    const storage = new AsyncLocalStorage<string>();
    const deadlines = new DeadlineQueue(1);
    const seen: unknown[] = [];
    const entry = (name: string, next: () => void) => ({
      fail: () => {
        seen.push([name, storage.getStore()]);
        next();
      },
    });
    storage.run('a request', () => deadlines.add(entry('first', () => deadlines.add(entry('second', () => {})))));
    await until(() => seen.length === 2);
    expect(seen).toEqual([
      ['first', undefined],
      ['second', undefined],
    ]);
  });
});
