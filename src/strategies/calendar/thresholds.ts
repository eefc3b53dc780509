import type { Policy } from '../../core/policy.js';

/** How far `thresholdUnits` is from the product at most: that of a limit of 2^52 has a digit more than it keeps. */
const MAX_ROUNDING = 10;

/** Returns the units at which a threshold of a limit is reached: `ceil(limit * threshold)`. */
export function thresholdUnits(limit: number, threshold: number): number {
  if (threshold === 1) return limit;
  // The product of a decimal is off by a few in the last digit: 0.07 x 100 is 7.000000000000001.
  return Math.ceil(Number((limit * threshold).toPrecision(15)));
}

/**
 * Returns the thresholds of a policy that are reached between two usages, lowest first; undefined if there are none.
 *
 * @param before the usage up to which they were told
 */
export function reachedBetween(
  before: number,
  used: number,
  { limit, thresholds }: Policy,
): readonly number[] | undefined {
  if (thresholds === undefined || used <= before) return undefined;
  let reached: number[] | undefined;
  for (const threshold of thresholds) {
    // Most charges are far from it, and its units are expensive to compute.
    const about = limit * threshold;
    if (used < about - MAX_ROUNDING || before > about + MAX_ROUNDING) continue;
    const units = thresholdUnits(limit, threshold);
    if (before >= units || units > used) continue;
    reached ??= [];
    reached.push(threshold);
  }
  return reached;
}
