import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { MemoryBackend } from '../../../src/backends/memory/memory.backend.js';
import { ManualClock } from '../../../src/core/clock.js';
import { definePolicy } from '../../../src/strategies/define-policy.js';
import { fixedWindow } from '../../../src/strategies/fixed-window.js';
import { defineStrategy } from '../../../src/strategies/strategy.js';
import { until } from '../../support/wait-until.js';

const START = Date.UTC(2026, 0, 1);
const TICK_MS = 100;
const policy = definePolicy('p', { rate: '5/s', strategy: 'fixed-window' });
const yearly = definePolicy('yearly', { rate: '5/365d', strategy: 'fixed-window' });

function open() {
  const clock = new ManualClock(START);
  const backend = new MemoryBackend({ clock });
  const hit = (subject: string, on = policy) => backend.spend([{ policy: on, subject, cost: 5 }]);
  return { backend, clock, hit };
}

describe('the sweep of a memory backend', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it('drops states when they have expired, and not before', () => {
    const { backend, clock, hit } = open();
    for (let i = 0; i < 50; i++) hit(`user ${i}`);
    hit('ada', yearly);
    clock.advance(999);
    jest.advanceTimersByTime(10 * TICK_MS);
    expect(backend.size).toBe(51);
    clock.advance(1);
    jest.advanceTimersByTime(TICK_MS);
    expect(backend.size).toBe(1);
    clock.set(START + 86_400_000);
    jest.advanceTimersByTime(10 * TICK_MS);
    expect(hit('ada', yearly)).toMatchObject({ allowed: false });
  });

  it('keeps a state whose expiry is not a number, because a dropped state does not limit', () => {
    const { backend, clock } = open();
    const endless = defineStrategy({
      ...fixedWindow,
      name: 'endless',
      step: (...asked) => {
        const { state, decision } = fixedWindow.step(...asked);
        return { state, decision: { ...decision, resetMs: Number.NaN } };
      },
    });
    backend.use([endless]);
    const charges = [{ policy: definePolicy('endless', { rate: '5/365d', strategy: endless }), subject: 'a', cost: 5 }];
    backend.spend(charges);
    clock.advance(1000);
    jest.advanceTimersByTime(10 * TICK_MS);
    expect(backend.spend(charges).allowed).toBe(false);
  });

  it('reaches all of many states in a number of ticks, each with bounded work', () => {
    const { backend, clock, hit } = open();
    for (let i = 0; i < 30_000; i++) hit(`user ${i}`);
    clock.advance(1000);
    jest.advanceTimersByTime(TICK_MS);
    expect(backend.size).toBeGreaterThanOrEqual(20_000);
    expect(backend.size).toBeLessThan(30_000);
    jest.advanceTimersByTime(3 * TICK_MS);
    expect(backend.size).toBe(0);
  });

  it('keeps a state that has been charged again since', () => {
    const { backend, clock, hit } = open();
    hit('ada');
    clock.advance(1000);
    hit('ada');
    jest.advanceTimersByTime(10 * TICK_MS);
    expect(backend.size).toBe(1);
    expect(hit('ada').allowed).toBe(false);
  });

  it('uses one timer for any number of subjects and hits', () => {
    const { hit } = open();
    expect(jest.getTimerCount()).toBe(0);
    for (let i = 0; i < 1000; i++) {
      hit(`user ${i % 300}`);
      hit(`user ${i % 300}`, yearly);
    }
    expect(jest.getTimerCount()).toBe(1);
  });

  it('is not started by reads and denials', () => {
    const { backend } = open();
    for (const cost of [0, 6]) backend.spend([{ policy, subject: 'ada', cost }]);
    backend.peek([{ policy, subject: 'ada', cost: 1 }]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('ends when there are no subjects, and starts again with the next charge', () => {
    const { backend, clock, hit } = open();
    hit('ada');
    clock.advance(1000);
    jest.advanceTimersByTime(2 * TICK_MS);
    expect([backend.size, jest.getTimerCount()]).toEqual([0, 0]);
    hit('ada');
    expect(jest.getTimerCount()).toBe(1);
    clock.advance(1000);
    jest.advanceTimersByTime(TICK_MS);
    expect(backend.size).toBe(0);
  });

  it('ends with close, and starts again with a later charge', async () => {
    const { backend, hit } = open();
    hit('ada');
    await backend.close();
    expect(jest.getTimerCount()).toBe(0);
    await backend.close();
    hit('bob');
    expect(jest.getTimerCount()).toBe(1);
    expect(backend.size).toBe(2);
  });
});

describe('the tables of a memory backend', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  const periodOf = (i: number) => definePolicy('tenant', { rate: `5/${1000 + i}ms`, strategy: 'fixed-window' });

  it('are dropped when their budgets are over: 4 times 2000 leave none', () => {
    const { backend, clock, hit } = open();
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 2000; i++) hit('ada', periodOf(round * 2000 + i));
      expect(backend.budgets).toBe(2000);
      clock.advance(60_000);
      jest.advanceTimersByTime(3 * TICK_MS);
      expect([backend.budgets, backend.size]).toEqual([0, 0]);
    }
    expect(jest.getTimerCount()).toBe(0);
  });

  it('are dropped if they were only read or denied, when there are many', () => {
    const { backend } = open();
    for (let i = 0; i < 3000; i++) backend.peek([{ policy: periodOf(i), subject: 'ada', cost: 1 }]);
    jest.advanceTimersByTime(2 * TICK_MS);
    expect(backend.budgets).toBe(0);
  });

  it('stay while a subject, or the overflow budget, counts in them, and decide the same after they were recreated', () => {
    const clock = new ManualClock(START);
    const backend = new MemoryBackend({ clock, maxKeys: 1 });
    const hit = (subject: string, on = policy, cost = 5) => backend.spend([{ policy: on, subject, cost }]).allowed;
    hit('ada', yearly);
    hit('bob', policy, 4);
    jest.advanceTimersByTime(3 * TICK_MS);
    // The overflow budget of `policy` has one unit left.
    expect([backend.budgets, hit('bob', policy, 2), hit('bob', policy, 1)]).toEqual([2, false, true]);
    clock.advance(1000);
    jest.advanceTimersByTime(3 * TICK_MS);
    expect([backend.budgets, hit('ada', yearly, 1)]).toEqual([1, false]);
    expect([hit('bob'), hit('bob')]).toEqual([true, false]);
  });

  it('of a call of ten policies are found again after they were dropped', () => {
    const { backend, clock } = open();
    const policies = Array.from({ length: 10 }, (_, i) => periodOf(i));
    const remaining = () =>
      backend
        .spend(policies.map((one) => ({ policy: one, subject: 'ada', cost: 1 })))
        .decisions.map((one) => one.remaining);
    for (let round = 0; round < 2; round++) {
      expect([remaining(), remaining()]).toEqual([policies.map(() => 4), policies.map(() => 3)]);
      expect([backend.budgets, backend.size]).toEqual([10, 10]);
      clock.advance(60_000);
      jest.advanceTimersByTime(3 * TICK_MS);
      expect([backend.budgets, backend.size]).toEqual([0, 0]);
    }
  });

  it('of overrides with other periods are dropped, too, and read as before meanwhile', async () => {
    const { backend, clock } = open();
    const charge = { policy, subject: 'ada', cost: 1, overriddenBy: ['ada'] };
    const rate = (periodMs: number) => ({ strategy: 'fixed-window', limit: 9, periodMs, burst: 9, segments: 1 });
    const remaining = () => backend.spend([charge]).decisions[0]?.remaining;
    for (let i = 0; i < 100; i++) {
      await backend.settings.setOverride({ policy: 'p', subject: 'ada', rate: rate(5000 + i) });
      expect([remaining(), remaining()]).toEqual([8, 7]);
      jest.advanceTimersByTime(TICK_MS);
    }
    // That of the latest period, alone.
    expect(backend.budgets).toBe(1);
    backend.reset([charge]);
    expect([remaining(), backend.size]).toEqual([8, 1]);
    clock.advance(60_000);
    jest.advanceTimersByTime(3 * TICK_MS);
    expect([backend.budgets, backend.size]).toEqual([0, 0]);
  });
});

describe('the timer of a memory backend', () => {
  it('holds no context of the call that started it', async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const clock = {
      now: () => {
        seen.push(storage.getStore());
        return START;
      },
      wait: async () => {},
    };
    const backend = new MemoryBackend({ clock });
    storage.run('a request', () => backend.spend([{ policy, subject: 'ada', cost: 1 }]));
    expect(seen).toEqual(['a request']);
    await until(() => seen.length > 2);
    expect(new Set(seen.slice(1))).toEqual(new Set([undefined]));
    await backend.close();
  });

  it('is one that does not keep the process alive', async () => {
    const intervals = jest.spyOn(globalThis, 'setInterval');
    const timeouts = jest.spyOn(globalThis, 'setTimeout');
    const alive = process.getActiveResourcesInfo();
    const { backend, hit } = open();
    for (let i = 0; i < 1000; i++) hit(`user ${i}`);
    expect([intervals.mock.calls.length, timeouts.mock.calls.length]).toEqual([1, 0]);
    // Only timers that keep the process alive are listed.
    expect(process.getActiveResourcesInfo()).toEqual(alive);
    await backend.close();
    intervals.mockRestore();
    timeouts.mockRestore();
  });
});
