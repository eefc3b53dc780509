/**
 * Compares admitted units with the promises of the strategies. An interval in which a server has lost its counters (a
 * crash, FLUSHALL) allows the limit once more, because counters restart.
 */
import { PERIOD, POLICIES } from './policies.mjs';

/**
 * @param instants when a unit was admitted, in milliseconds on the clock that decided, in any order
 * @param losses intervals { from, to } in which counters were lost once
 * @returns the interval of the bound in which the most was admitted, and how much that is as a share of what was
 *   allowed there; above 1 is a violation
 */
export function worstOf(policy, instants, losses = []) {
  const { limit, bound, spanMs } = POLICIES[policy];
  const at = instants.toSorted((a, b) => a - b);
  const lost = (from, to) => losses.filter((one) => one.from <= to && one.to >= from).length;
  if (bound === 'window') return worstWindow(at, limit, lost);
  return bound === 'any' ? worstSpan(at, limit, spanMs, lost) : worstBucket(at, limit, lost);
}

/** Nothing was admitted. */
export const NONE = { share: 0, from: 0, to: 0 };

function worse(worst, share, from, to) {
  return share > worst.share ? { share, from, to } : worst;
}

function worstWindow(at, limit, lost) {
  const counts = new Map();
  for (const ms of at) counts.set(Math.floor(ms / PERIOD), (counts.get(Math.floor(ms / PERIOD)) ?? 0) + 1);
  let worst = NONE;
  for (const [window, count] of counts) {
    const [from, to] = [window * PERIOD, (window + 1) * PERIOD];
    worst = worse(worst, count / (limit * (1 + lost(from, to))), from, to);
  }
  return worst;
}

function worstSpan(at, limit, spanMs, lost) {
  let worst = NONE;
  for (let from = 0, to = 0; from < at.length; from++) {
    while (to < at.length && at[to] < at[from] + spanMs) to++;
    // Counters that were lost just before may also belong to this span.
    const allowed = limit * (1 + lost(at[from] - PERIOD, at[from] + spanMs));
    worst = worse(worst, (to - from) / allowed, at[from], at[from] + spanMs);
  }
  return worst;
}

/** Checks for at most burst + limit * T / period in any T. Times longer than a few periods need no check. */
function worstBucket(at, limit, lost) {
  let worst = NONE;
  for (let from = 0; from < at.length; from++) {
    for (let to = from; to < at.length && at[to] <= at[from] + 3 * PERIOD; to++) {
      const allowed = limit * (1 + lost(at[from] - PERIOD, at[to])) + (limit * (at[to] - at[from])) / PERIOD;
      worst = worse(worst, (to - from + 1) / allowed, at[from], at[to]);
    }
  }
  return worst;
}

/** Throws if the checks would miss a violation, because a check that cannot fail proves nothing. */
export function checkTheChecks() {
  const start = 1_000_000;
  for (const [policy, { limit }] of Object.entries(POLICIES)) {
    const burst = Array.from({ length: limit }, () => start);
    const fits = worstOf(policy, burst).share;
    const exceeds = worstOf(policy, [...burst, start]).share;
    const excused = worstOf(policy, [...burst, start], [{ from: start - 1, to: start }]).share;
    if (fits !== 1 || exceeds <= 1 || excused > 1) throw new Error(`the check of "${policy}" does not work`);
  }
}

/**
 * Returns how fast a heap grows, in MB per minute: the slope over all samples, or over the later half if that is less.
 * A leak grows until the end; a heap that grows because a slow machine compiles code late does not.
 */
export function growthOf(samples) {
  return Math.min(slopeOf(samples), slopeOf(samples.slice(Math.floor(samples.length / 2))));
}

/** Returns the slope of values over time by least squares, in units per minute. */
function slopeOf(samples) {
  const n = samples.length;
  if (n < 3) return 0;
  const meanX = samples.reduce((sum, { minute }) => sum + minute, 0) / n;
  const meanY = samples.reduce((sum, { mb }) => sum + mb, 0) / n;
  const covariance = samples.reduce((sum, { minute, mb }) => sum + (minute - meanX) * (mb - meanY), 0);
  return covariance / samples.reduce((sum, { minute }) => sum + (minute - meanX) ** 2, 0);
}
