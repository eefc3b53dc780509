import { assertExact, MAX_COUNT, type State, type Strategy } from './strategy.js';

/**
 * Fixed window: units are counted in windows aligned to the epoch.
 *
 * Promise: at most `limit` in a window, and at most 2 x `limit` across a boundary. O(1).
 * A debt blocks until the window ends, and is then dropped.
 * State: start of the window, units used in it.
 * Source: the textbook fixed window counter; see "Redis: INCR, pattern: rate limiter".
 */
export const fixedWindow: Strategy = {
  name: 'fixed-window',

  step(state, now, { name, limit, periodMs }, cost) {
    const { start, used } = windowAt(state, now, periodMs);
    const allowed = cost <= limit - used || cost === 0;
    const after = allowed ? used + cost : used;
    const leftMs = start + periodMs - now;
    return {
      state: allowed && cost > 0 ? [start, after] : state,
      decision: {
        policy: name,
        allowed,
        limit,
        remaining: Math.max(0, limit - after),
        resetMs: after === 0 ? 0 : leftMs,
        retryAfterMs: allowed ? 0 : cost > limit ? null : leftMs,
        delayMs: 0,
        windowMs: periodMs,
      },
    };
  },

  amend(state, now, { periodMs }, at, from, to) {
    const charged = Math.floor(at / periodMs) * periodMs;
    if (to > from) {
      // A charge of an earlier window no longer counts.
      if (charged + periodMs <= now) return state;
      const { start, used } = windowAt(state, now, periodMs);
      return [start, used + Math.min(to - from, MAX_COUNT - used)];
    }
    const [start, used = 0] = state;
    // A charge of an earlier window has nothing to give back.
    if (start !== charged) return state;
    return [start, Math.max(0, used - (from - to))];
  },

  credit(state, now, { periodMs }, units) {
    const { start, used } = windowAt(state, now, periodMs);
    return used === 0 ? state : [start, Math.max(0, used - units)];
  },

  size: () => ({ wide: 1, counts: 1 }),

  validate({ limit }, path) {
    assertExact(limit, path, 'Lower the limit below 2^52.');
  },
};

/** Returns the start of the window that is used as the current one, and the units used in it. */
function windowAt(state: State, now: number, periodMs: number) {
  // Reads by index: destructuring an array is several times as expensive.
  const start = state[0];
  const used = state[1] ?? 0;
  const current = Math.floor(now / periodMs) * periodMs;
  if (start === undefined || start < current || start > now + periodMs) return { start: current, used: 0 };
  return { start, used };
}
