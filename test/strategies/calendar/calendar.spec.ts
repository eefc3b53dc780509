import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Policy } from '../../../src/core/policy.js';
import { calendar } from '../../../src/strategies/calendar/calendar.js';
import { calendarArguments } from '../../../src/strategies/calendar/quota-windows.js';
import { reachedBetween, thresholdUnits } from '../../../src/strategies/calendar/thresholds.js';
import { definePolicy } from '../../../src/strategies/define-policy.js';
import type { State } from '../../../src/strategies/strategy.js';
import { scaled } from '../../support/scale.js';

const START = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;

const quotas = fc
  .record({ limit: fc.integer({ min: 1, max: 12 }), carried: fc.nat(12), isAnchored: fc.boolean() })
  .map(({ limit, carried, isAnchored }) =>
    definePolicy('quota', {
      rate: `${limit}/month`,
      rollover: Math.min(carried, limit),
      anchor: isAnchored ? new Date(START + 30 * DAY_MS) : undefined,
    }),
  );

/** A charge, or a settlement of one of those before, some time after the operation before. */
const operations = fc.array(
  fc.record({
    afterMs: fc.oneof(fc.constant(0), fc.nat(20 * DAY_MS), fc.nat(100 * DAY_MS)),
    cost: fc.nat(14),
    of: fc.option(fc.nat(), { freq: 3 }),
  }),
  { maxLength: 25 },
);

interface Charged {
  readonly at: number;
  readonly cost: number;
  readonly args: readonly number[];
}

/** Runs operations from the empty state on, and checks what holds after each of them. */
function* run(policy: Policy, steps: readonly { afterMs: number; cost: number; of: number | null }[]) {
  const open: Charged[] = [];
  let state: State = [];
  let now = START;
  for (const { afterMs, cost, of } of steps) {
    now += afterMs;
    const args = calendarArguments(policy, now);
    const read = () => calendar.step(state, now, policy, 0, args).decision;
    const before = read();
    const [settled] = of === null ? [] : open.splice(of % Math.max(1, open.length), 1);
    if (settled === undefined) {
      const { state: after, decision } = calendar.step(state, now, policy, cost, args);
      if (decision.allowed && cost > 0) open.push({ at: now, cost, args });
      yield { kind: 'charge', now, cost, args, before, decision, state, after } as const;
      state = after;
    } else {
      const to = Math.min(cost, settled.cost);
      const after = calendar.amend(state, now, policy, settled.at, settled.cost, to, settled.args);
      state = after;
      yield { kind: 'settle', now, given: settled.cost - to, before, decision: read(), at: settled.at } as const;
    }
  }
}

const runs = { numRuns: scaled(300, 5000) };

describe('a quota', () => {
  it('never exceeds a full limit, allows exactly what remains, and returns the given state for a denial', () => {
    fc.assert(
      fc.property(quotas, operations, (policy, steps) => {
        for (const step of run(policy, steps)) {
          const { remaining, limit, allowed, resetMs } = step.decision;
          expect(remaining >= 0 && remaining <= limit && limit <= policy.burst).toBe(true);
          expect(resetMs === 0).toBe(remaining === limit);
          if (step.kind === 'settle') continue;
          expect(allowed).toBe(step.cost <= step.before.remaining);
          if (!allowed || step.cost === 0) expect(step.after).toBe(step.state);
        }
      }),
      runs,
    );
  });

  it('returns at most what was taken, and nothing after the window', () => {
    fc.assert(
      fc.property(quotas, operations, (policy, steps) => {
        for (const step of run(policy, steps)) {
          if (step.kind !== 'settle') continue;
          const given = step.decision.remaining - step.before.remaining;
          expect(given >= 0 && given <= step.given).toBe(true);
          if (step.at < (step.before.window?.startMs ?? 0)) expect(given).toBe(0);
        }
      }),
      runs,
    );
  });

  it('denies the same cost one millisecond before its wait is over, and allows it then; is full after its reset', () => {
    fc.assert(
      fc.property(quotas, operations, (policy, steps) => {
        for (const step of run(policy, steps)) {
          if (step.kind !== 'charge') continue;
          const { now, cost, args, state, decision, after } = step;
          const later = (ms: number) => calendar.step(state, now + ms, policy, cost, args).decision.allowed;
          const { retryAfterMs, resetMs } = decision;
          if (retryAfterMs === null) expect(cost).toBeGreaterThan(policy.burst);
          else if (!decision.allowed) expect([later(retryAfterMs - 1), later(retryAfterMs)]).toEqual([false, true]);
          if (resetMs === 0) continue;
          const leftAfter = (from: State) => calendar.step(from, now + resetMs, policy, 0, args).decision.remaining;
          // Nothing tells the state from none, so it may expire.
          expect(leftAfter(after)).toBe(leftAfter([]));
        }
      }),
      runs,
    );
  });

  it('reaches a threshold between two usages if its units are above the first, and not above the second', () => {
    const limits = fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 2 ** 51 }));
    const share = fc.double({ min: 0.01, max: 1, noNaN: true });
    fc.assert(
      fc.property(limits, share, fc.integer({ min: -30, max: 30 }), fc.nat(60), (limit, threshold, aside, more) => {
        const units = thresholdUnits(limit, threshold);
        const before = Math.max(0, units + aside);
        const policy = { ...definePolicy('quota', '1/month'), limit, thresholds: [threshold] };
        const isReached = before < units && units <= before + more;
        expect(reachedBetween(before, before + more, policy)).toEqual(isReached ? [threshold] : undefined);
      }),
      { numRuns: scaled(1000, 20_000) },
    );
  });

  it.each([
    [10, 0.8, 8],
    [10, 0.75, 8],
    [100, 0.07, 7],
    [100, 0.29, 29],
    [1000, 0.333, 333],
    [3, 0.8, 3],
    [1, 0.01, 1],
    [2 ** 51 + 1, 1, 2 ** 51 + 1],
  ])('of %i units reaches the threshold %d at %i', (limit, threshold, units) => {
    expect(thresholdUnits(limit, threshold)).toBe(units);
  });
});
