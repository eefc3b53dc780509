import assert from 'node:assert/strict';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { definePolicy } from '../../src/strategies/define-policy.js';
import type { Move } from '../../src/testing/contract/harness/traffic.js';
import { scaled } from '../support/scale.js';
import { alwaysAdmitted, runs, scenes, steps } from './history.js';

/** Units in every interval, each between two charges: no longer interval without more charges admits more. */
describe('over every interval a fixed window', () => {
  it('admits at most the limit in a window of the epoch', () => {
    let full = 0;
    alwaysAdmitted('fixed-window', ({ policy: { limit, periodMs }, admitted }) => {
      const used = new Map<number, number>();
      for (const { at, cost } of admitted) {
        const window = Math.floor(at / periodMs);
        used.set(window, (used.get(window) ?? 0) + cost);
      }
      for (const units of used.values()) {
        assert.ok(units <= limit);
        if (units === limit) full++;
      }
    });
    expect(full).toBeGreaterThan(1000);
  });

  it('admits at most twice the limit in an interval of one period, and does so across a boundary', () => {
    let doubled = 0;
    alwaysAdmitted('fixed-window', ({ policy: { limit, periodMs }, admitted }) => {
      for (const { units, first, last } of runs(admitted)) {
        if (last.at - first.at >= periodMs) continue;
        assert.ok(units <= 2 * limit);
        if (units === 2 * limit) doubled++;
      }
    });
    expect(doubled).toBeGreaterThan(100);
  });
});

describe('over every interval a sliding window', () => {
  it('admits at most the limit in period x (1 - 1/segments), both ends included', () => {
    let full = 0;
    alwaysAdmitted('sliding-window', ({ policy: { limit, periodMs, segments }, admitted }) => {
      for (const { units, first, last } of runs(admitted)) {
        if (last.at - first.at > periodMs - periodMs / segments) continue;
        assert.ok(units <= limit);
        if (units === limit) full++;
      }
    });
    expect(full).toBeGreaterThan(1000);
  });

  it('admits less than twice the limit in a period, both ends included, and more than the limit at times', () => {
    let above = 0;
    alwaysAdmitted('sliding-window', ({ policy: { limit, periodMs }, admitted }) => {
      for (const { units, first, last } of runs(admitted)) {
        if (last.at - first.at > periodMs) continue;
        assert.ok(units < 2 * limit);
        if (units > limit) above++;
      }
    });
    expect(above).toBeGreaterThan(10);
  });

  it('admits up to one unit less than twice the limit, with one segment', () => {
    const policy = definePolicy('p', { rate: '10/s', segments: 1 });
    const moves: readonly Move[] = [
      { jump: 'edge-1', ask: 'limit', part: 0 },
      { jump: 'part', ask: 'left', part: 999 },
    ];
    const admitted = [...steps('sliding-window', policy, 1_750_000_000_000, moves)];
    expect(admitted.map(({ now, cost }) => [now, cost])).toEqual([
      [1_750_000_000_999, 10],
      [1_750_000_001_998, 9],
    ]);
  });

  it('gets a unit back after at most period x (1 + 1/segments), with any traffic in between', () => {
    let waited = 0;
    const property = fc.property(scenes('sliding-window'), ({ policy, start, moves }) => {
      const { limit, periodMs, segments } = policy;
      const past: { at: number; cost: number }[] = [];
      for (const { now, cost, decision } of steps('sliding-window', policy, start, moves)) {
        const at = Math.max(now, past.at(-1)?.at ?? 0);
        if (decision.allowed && cost > 0) past.push({ at, cost });
        const counted = past.filter((charge) => charge.at > at - periodMs - periodMs / segments);
        const recent = counted.reduce((units, charge) => units + charge.cost, 0);
        assert.ok(decision.remaining >= limit - recent);
        if (counted.length < past.length && decision.remaining === limit - recent) waited++;
      }
    });
    fc.assert(property, { numRuns: scaled(250, 1500) });
    expect(waited).toBeGreaterThan(1000);
  });
});

describe('over every interval a sliding log', () => {
  it('admits at most the limit in a period that includes only one end', () => {
    let full = 0;
    alwaysAdmitted('sliding-log', ({ policy: { limit, periodMs }, admitted }) => {
      for (const { units, first, last } of runs(admitted)) {
        if (last.at - first.at >= periodMs) continue;
        assert.ok(units <= limit);
        if (units === limit) full++;
      }
    });
    expect(full).toBeGreaterThan(1000);
  });

  it('admits the next call at the exact instant at which a period has passed', () => {
    let exact = 0;
    alwaysAdmitted('sliding-log', ({ policy: { limit, periodMs }, admitted }) => {
      for (const { units, first, last } of runs(admitted)) {
        if (last.at - first.at === periodMs && units > limit) exact++;
      }
    });
    expect(exact).toBeGreaterThan(100);
  });
});

describe.each(['token-bucket', 'gcra', 'leaky-bucket'] as const)('over every interval %s', (strategy) => {
  it('admits at most burst + limit x T / period in an interval T, both ends included', () => {
    let full = 0;
    alwaysAdmitted(strategy, ({ policy: { limit, periodMs, burst }, admitted }) => {
      for (const { units, first, last } of runs(admitted)) {
        const [asked, most] = [units * periodMs, burst * periodMs + limit * (last.at - first.at)];
        // The product of a limit and a long interval may exceed 2^53, and is then far above the admitted units.
        assert.ok(asked <= most);
        if (asked === most && last.at > first.at) full++;
      }
    });
    expect(full).toBeGreaterThan(100);
  });
});

describe('over every interval a leaky bucket', () => {
  /**
   * The instants at which calls leave are rounded up to whole milliseconds, so the shortest interval that holds both
   * of two instants is half-open and one millisecond longer than they are apart. In it leave fewer units than flow off
   * meanwhile, and one call more: the one that is let go when those before it have flowed off.
   */
  it('releases calls no faster than the limit per period', () => {
    let spaced = 0;
    alwaysAdmitted('leaky-bucket', ({ policy: { limit, periodMs }, admitted }) => {
      for (const { units, first, last } of runs(admitted)) {
        if (first === last) continue;
        assert.ok(first.leavesAt <= last.leavesAt);
        const before = (units - last.cost) * periodMs;
        assert.ok(before < limit * (last.leavesAt - first.leavesAt + 1));
        if (before > limit * (last.leavesAt - first.leavesAt - 1)) spaced++;
      }
    });
    expect(spaced).toBeGreaterThan(1000);
  });

  it('delays a call until all units before it have drained, rounded up to whole milliseconds', () => {
    let held = 0;
    alwaysAdmitted('leaky-bucket', ({ policy: { limit, periodMs }, admitted }) => {
      for (const { units, first, last } of runs(admitted)) {
        // The first found an empty bucket, so that its instant is exact and not rounded.
        if (first === last || first.leavesAt > first.at) continue;
        assert.ok((units - last.cost) * periodMs <= limit * (last.leavesAt - first.at));
        held++;
      }
    });
    expect(held).toBeGreaterThan(1000);
  });

  it('spaces 7 calls a second by the millisecond at which each may leave', () => {
    const policy = definePolicy('p', { rate: '7/s', strategy: 'leaky-bucket' });
    const moves = Array.from({ length: 7 }, (): Move => ({ jump: 'stay', ask: 'one', part: 0 }));
    const delays = [...steps('leaky-bucket', policy, 1_750_000_000_000, moves)].map(({ decision }) => decision.delayMs);
    expect(delays).toEqual([0, 143, 286, 429, 572, 715, 858]);
  });

  it('releases less than the limit in a half-open interval of one period, plus the last call', () => {
    let full = 0;
    alwaysAdmitted('leaky-bucket', ({ policy: { limit, periodMs }, admitted }) => {
      for (const { units, first, last } of runs(admitted)) {
        if (last.leavesAt - first.leavesAt >= periodMs) continue;
        assert.ok(units - last.cost < limit);
        if (units === limit && last.cost === 1) full++;
      }
    });
    expect(full).toBeGreaterThan(100);
  });

  it('never holds more than its burst', () => {
    alwaysAdmitted('leaky-bucket', ({ policy: { burst }, admitted }) => {
      for (const { at } of admitted) {
        // Units still delayed at that instant; the next one has already drained in part.
        const held = admitted.filter((charge) => charge.at <= at && charge.leavesAt > at);
        assert.ok(held.reduce((units, { cost }) => units + cost, 0) <= burst);
      }
    });
  });
});
