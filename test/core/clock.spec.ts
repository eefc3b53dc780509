import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { ManualClock, systemClock } from '../../src/core/clock.js';

const START = Date.UTC(2026, 0, 1);

/** Whether a promise has come to its end, told after all that is ready has run. */
async function stateOf(promise: Promise<unknown>): Promise<'resolved' | 'rejected' | 'pending'> {
  const ended = promise.then(
    () => 'resolved' as const,
    () => 'rejected' as const,
  );
  return Promise.race([ended, new Promise<'pending'>((resolve) => setImmediate(resolve, 'pending'))]);
}

describe('ManualClock', () => {
  it('does not move by itself', () => {
    const clock = new ManualClock(START);
    expect(clock.now()).toBe(START);
    clock.advance(60_000);
    expect(clock.now()).toBe(START + 60_000);
    clock.advance(-1);
    expect(clock.now()).toBe(START + 59_999);
    clock.set(5);
    expect(clock.now()).toBe(5);
  });

  it('starts at 0 by default', () => {
    expect(new ManualClock().now()).toBe(0);
  });

  it.each([0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('refuses to be set to %p', (ms) => {
    const clock = new ManualClock(START);
    expect(() => clock.set(ms)).toThrow(new RangeError(`ManualClock: expected whole epoch milliseconds, got ${ms}`));
    expect(clock.now()).toBe(START);
  });

  it('refuses to advance by a part of a millisecond', () => {
    expect(() => new ManualClock(START).advance(0.5)).toThrow(RangeError);
  });

  it('resolves a wait at its instant and not a millisecond before', async () => {
    const clock = new ManualClock(START);
    const waited = clock.wait(100);
    expect(clock.waiting).toBe(1);
    clock.advance(99);
    expect(await stateOf(waited)).toBe('pending');
    clock.advance(1);
    expect(await stateOf(waited)).toBe('resolved');
    expect(clock.waiting).toBe(0);
  });

  it('resolves waits by set, and only those that are due', async () => {
    const clock = new ManualClock(START);
    const [short, long] = [clock.wait(10), clock.wait(20)];
    clock.set(START + 15);
    expect([await stateOf(short), await stateOf(long)]).toEqual(['resolved', 'pending']);
    expect(clock.waiting).toBe(1);
  });

  it('counts a wait from its start, even if the clock steps back', async () => {
    const clock = new ManualClock(START);
    const waited = clock.wait(10);
    clock.advance(-50);
    clock.advance(59);
    expect(await stateOf(waited)).toBe('pending');
    clock.advance(1);
    expect(await stateOf(waited)).toBe('resolved');
  });

  it.each([0, -5])('does not wait for %i ms', async (ms) => {
    const clock = new ManualClock(START);
    expect(await stateOf(clock.wait(ms))).toBe('resolved');
    expect(clock.waiting).toBe(0);
  });

  it("rejects with the signal's reason when it is aborted first", async () => {
    const clock = new ManualClock(START);
    const leaving = new AbortController();
    const waited = clock.wait(100, leaving.signal);
    const reason = new Error('the client left');
    leaving.abort(reason);
    await expect(waited).rejects.toBe(reason);
    expect(clock.waiting).toBe(0);
    clock.advance(100);
  });

  it('rejects at once when the signal was aborted before', async () => {
    const clock = new ManualClock(START);
    const reason = new Error('gone already');
    await expect(clock.wait(100, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(clock.waiting).toBe(0);
  });

  it('ignores an abort after the wait', async () => {
    const clock = new ManualClock(START);
    const leaving = new AbortController();
    const waited = clock.wait(100, leaving.signal);
    clock.advance(100);
    leaving.abort();
    await expect(waited).resolves.toBeUndefined();
  });
});

describe('systemClock', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it('returns whole epoch milliseconds that never decrease', () => {
    let last = 0;
    for (let i = 0; i < 100_000; i++) {
      const now = systemClock.now();
      if (!Number.isSafeInteger(now) || now < last) throw new Error(`${now} after ${last}`);
      last = now;
    }
    expect(Math.abs(last - Date.now())).toBeLessThan(60_000);
  });

  it('is not affected by a corrected system time', () => {
    jest.useFakeTimers({ now: 0, doNotFake: ['performance', 'setImmediate'] });
    expect(Date.now()).toBe(0);
    expect(systemClock.now()).toBeGreaterThan(Date.UTC(2024, 0, 1));
  });

  it.each([0, -1])('does not wait for %i ms', async (ms) => {
    await expect(systemClock.wait(ms)).resolves.toBeUndefined();
  });

  it('waits at least as long as requested', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    const waited = systemClock.wait(20);
    jest.advanceTimersByTime(19);
    expect(await stateOf(waited)).toBe('pending');
    jest.advanceTimersByTime(1);
    expect(await stateOf(waited)).toBe('resolved');
  });

  it('waits longer than one timer can', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    const waited = systemClock.wait(2 ** 31 + 1000);
    jest.advanceTimersByTime(2 ** 31 - 1);
    expect(await stateOf(waited)).toBe('pending');
    jest.advanceTimersByTime(1000);
    expect(await stateOf(waited)).toBe('pending');
    jest.advanceTimersByTime(1);
    expect(await stateOf(waited)).toBe('resolved');
    expect(jest.getTimerCount()).toBe(0);
  });

  it('rejects when it is aborted, and leaves no timer behind', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    const leaving = new AbortController();
    const waited = systemClock.wait(60_000, leaving.signal);
    expect(jest.getTimerCount()).toBe(1);
    const reason = new Error('the client left');
    leaving.abort(reason);
    await expect(waited).rejects.toBe(reason);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('rejects at once when the signal was aborted before, and starts no timer', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    const reason = new Error('gone already');
    await expect(systemClock.wait(60_000, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('releases the signal after the wait', async () => {
    const leaving = new AbortController();
    const removed = jest.spyOn(leaving.signal, 'removeEventListener');
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    const waited = systemClock.wait(1, leaving.signal);
    jest.advanceTimersByTime(1);
    await waited;
    expect(removed.mock.calls.map(([type]) => type)).toEqual(['abort']);
    leaving.abort();
    await expect(waited).resolves.toBeUndefined();
  });
});
