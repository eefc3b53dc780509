import { invalidValue } from '../core/errors.js';
import { MAX_COUNT, type State, type Strategy } from './strategy.js';

/** The largest limit, and so the largest number of entries of a log. */
const MAX_LIMIT = 10_000;

/**
 * Sliding log: keeps every charge with its instant for one period. Charges at the same instant are merged.
 *
 * Promise: exactly at most `limit` in any interval of one period (half-open, (t - period, t]). O(charges in a period),
 * so limits above 10 000 are rejected.
 * A debt counts until its entries leave. A log has at most 10 000 entries; units recorded beyond that are added to a
 * later entry, so they never count for a shorter time.
 * State: pairs of instant and units, oldest first.
 * Source: the textbook sliding window log.
 */
export const slidingLog: Strategy = {
  name: 'sliding-log',

  step(state, now, { name, limit, periodMs }, cost) {
    const { first, t, sum } = liveAt(state, now, periodMs);
    const allowed = cost <= limit - sum || cost === 0;
    const written = allowed && cost > 0;
    const newest = written ? t : (state[state.length - 2] ?? now);
    const after = written ? sum + cost : sum;
    return {
      state: written ? append(state.slice(first), t, cost) : state,
      decision: {
        policy: name,
        allowed,
        limit,
        remaining: Math.max(0, limit - after),
        resetMs: after === 0 ? 0 : newest + periodMs - now,
        retryAfterMs: allowed ? 0 : cost > limit ? null : roomAt(state, first, sum + cost - limit) + periodMs - now,
        delayMs: 0,
        windowMs: periodMs,
      },
    };
  },

  amend(state, now, { periodMs }, at, from, to) {
    if (to > from) {
      const { first, t, sum } = liveAt(state, now, periodMs);
      // If the clock has stepped back, the charge was counted in the newest entry.
      const instant = t - Math.max(0, now - at);
      return instant <= t - periodMs
        ? state
        : inserted(state.slice(first), instant, Math.min(to - from, MAX_COUNT - sum));
    }
    for (let i = 0; i + 1 < state.length; i += 2) {
      if (state[i] !== at) continue;
      const left = Math.max(0, (state[i + 1] ?? 0) - (from - to));
      return [...state.slice(0, i), ...(left > 0 ? [at, left] : []), ...state.slice(i + 2)];
    }
    return state;
  },

  credit(state, now, { periodMs }, units) {
    const live = state.slice(liveAt(state, now, periodMs).first);
    let left = units;
    while (live.length > 0 && left > 0) {
      const newest = live[live.length - 1] ?? 0;
      if (newest <= left) live.length -= 2;
      else live[live.length - 1] = newest - left;
      left -= Math.min(newest, left);
    }
    return left === units ? state : live;
  },

  validate({ limit }, path) {
    if (limit > MAX_LIMIT) {
      throw invalidValue(
        `${path}: strategy "sliding-log"`,
        `a limit of at most ${MAX_LIMIT} (it remembers every charge; "sliding-window" has no such bound)`,
        limit,
        'SLUICE_RATE_TOO_LARGE',
      );
    }
  },
};

/** Returns the index of the first entry in the period, the instant that is used as now, and the units in the period. */
function liveAt(state: State, now: number, periodMs: number) {
  const newest = state[state.length - 2] ?? now;
  if (newest > now + periodMs) return { first: state.length, t: now, sum: 0 };
  const t = Math.max(now, newest);
  let first = 0;
  while (first < state.length && (state[first] ?? 0) <= t - periodMs) first += 2;
  let sum = 0;
  for (let i = first + 1; i < state.length; i += 2) sum += state[i] ?? 0;
  return { first, t, sum };
}

function append(live: number[], t: number, cost: number): State {
  if (live[live.length - 2] === t) live[live.length - 1] = (live[live.length - 1] ?? 0) + cost;
  else live.push(t, cost);
  return live;
}

/**
 * Adds units to the entry of an instant, or adds an entry. A full log adds them to the next later entry, or moves its
 * newest one.
 */
function inserted(live: number[], instant: number, units: number): State {
  if (units === 0) return live;
  let i = live.length;
  while (i > 0 && (live[i - 2] ?? 0) >= instant) i -= 2;
  const isFull = live.length >= 2 * MAX_LIMIT;
  if (isFull && i === live.length) {
    i -= 2;
    live[i] = instant;
  }
  if (isFull || live[i] === instant) live[i + 1] = (live[i + 1] ?? 0) + units;
  else live.splice(i, 0, instant, units);
  return live;
}

/** Returns the instant of the entry that must leave the period before `excess` units have left it. */
function roomAt(state: State, first: number, excess: number): number {
  let left = 0;
  let i = first;
  while (i + 3 < state.length && left + (state[i + 1] ?? 0) < excess) {
    left += state[i + 1] ?? 0;
    i += 2;
  }
  return state[i] ?? 0;
}
