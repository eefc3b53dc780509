import type { Policy } from '../../core/policy.js';

/**
 * The largest difference between `thresholdUnits` and the exact product: with a limit of 2^52 the product has one digit
 * more than is kept.
 */
const MAX_ROUNDING = 10;

/** Returns the units at which a threshold of a limit is reached: `ceil(limit * threshold)`. */
export function thresholdUnits(limit: number, threshold: number): number {
  if (threshold === 1) return limit;
  // The product of a decimal fraction is inexact in the last digits: 0.07 x 100 is 7.000000000000001.
  return Math.ceil(Number((limit * threshold).toPrecision(15)));
}

/**
 * Returns the thresholds of a policy that are reached between two usages, lowest first; undefined if there are none.
 *
 * @param before the usage up to which thresholds have been reported
 */
export function reachedBetween(
  before: number,
  used: number,
  { limit, thresholds }: Policy,
): readonly number[] | undefined {
  if (thresholds === undefined || used <= before) return undefined;
  let reached: number[] | undefined;
  for (const threshold of thresholds) {
    // Compares with an estimate first: most charges are far from a threshold, and its exact units are expensive to
    // compute.
    const about = limit * threshold;
    if (used < about - MAX_ROUNDING || before > about + MAX_ROUNDING) continue;
    const units = thresholdUnits(limit, threshold);
    if (before >= units || units > used) continue;
    reached ??= [];
    reached.push(threshold);
  }
  return reached;
}
