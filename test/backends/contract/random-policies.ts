import fc from 'fast-check';
import type { Policy } from '../../../src/core/policy.js';
import type { BuiltinStrategy } from '../../../src/strategies/built-in-strategies.js';
import { definePolicy } from '../../../src/strategies/define-policy.js';

export const STRATEGIES: readonly BuiltinStrategy[] = [
  'sliding-window',
  'fixed-window',
  'sliding-log',
  'token-bucket',
  'gcra',
  'leaky-bucket',
];
const BUCKETS: readonly BuiltinStrategy[] = ['token-bucket', 'gcra', 'leaky-bucket'];
const MONTH_MS = 30 * 86_400_000;

/** Small ones mostly, since those are reached; now and then up to `most`. */
const limits = (most: number) =>
  fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: 1, max: 8 }) },
    { weight: 3, arbitrary: fc.integer({ min: 1, max: 200 }) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: most }) },
  );

/** From 1 ms to 30 days. */
const periods = fc.oneof(
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 50 }) },
  { weight: 3, arbitrary: fc.constantFrom(1000, 2500, 60_000, 3_600_000, 86_400_000, MONTH_MS) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: MONTH_MS }) },
);

/** Policies of a built-in strategy, of any rate from 1 to a million (a log: 10 000) in 1 ms to 30 days. */
export function policiesOf(strategy: BuiltinStrategy, name = 'p'): fc.Arbitrary<Policy> {
  const parts = fc.record({
    limit: limits(strategy === 'sliding-log' ? 10_000 : 1_000_000),
    periodMs: periods,
    burst: fc.option(limits(10_000), { nil: undefined }),
    divisor: fc.option(fc.constantFrom(1, 2, 3, 4, 7, 20, 60, 1000), { nil: undefined }),
  });
  return parts.map(({ limit, periodMs, burst, divisor }) => {
    // What is counted stays below 2^52 even in one segment.
    const exact = Math.min(limit, Math.floor((2 ** 52 - 1) / (2 * periodMs)));
    const isBucket = BUCKETS.includes(strategy);
    const divides = strategy === 'sliding-window' && divisor !== undefined && periodMs % divisor === 0;
    return definePolicy(name, {
      rate: `${exact}/${periodMs}ms`,
      strategy,
      ...(isBucket && burst !== undefined ? { burst } : {}),
      ...(divides ? { segments: divisor } : {}),
    });
  });
}

/** Policies of every built-in strategy. */
export const anyPolicy = (name = 'p'): fc.Arbitrary<Policy> =>
  fc.oneof(...STRATEGIES.map((strategy) => policiesOf(strategy, name)));

/** Instants of our time, and not small numbers: what is exact near 0 need not be so here. */
export const starts = fc.integer({ min: 1_750_000_000_000, max: 1_760_000_000_000 });
