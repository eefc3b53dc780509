import { assertExact, MAX_COUNT, type State, type Strategy } from './strategy.js';

/**
 * Sliding window over segments: the period is divided into equal segments with a counter each. The estimate is the
 * units of the full segments plus the share of the oldest segment that is still inside the window.
 *
 * Promise: at most `limit` in any interval of period x (1 - 1/segments), less than 2 x `limit` in any period; a unit is
 * available again after at most period x (1 + 1/segments). O(segments).
 * A debt counts in the segment of its charge, and leaves the window with it.
 * State: number of the newest segment since the epoch, then its counter and those of the `segments` before it.
 * Source: the sliding window counter that Cloudflare described ("How we built rate limiting capable of scaling to
 * millions of domains", 2017), there with one segment.
 */
export const slidingWindow: Strategy = {
  name: 'sliding-window',

  step(state, now, { name, limit, periodMs, segments }, cost) {
    const span = periodMs / segments;
    const found = asOf(state, now, span, segments);
    const newest = found[0] ?? 0;
    const within = Math.max(0, now - newest * span);
    const room = limit * span - usedAt(found, 0, within, span);
    const allowed = cost === 0 || (cost <= limit && cost * span <= room);
    const written = allowed && cost > 0;
    const last = written ? 1 : newestUsed(found);
    return {
      state: written ? charged(found, cost) : state,
      changed: found === state ? 2 : found.length,
      decision: {
        policy: name,
        allowed,
        limit,
        remaining: Math.max(0, Math.floor((written ? room - cost * span : room) / span)),
        resetMs: last === 0 ? 0 : (newest - last + segments + 2) * span - now,
        retryAfterMs: allowed ? 0 : cost > limit ? null : roomAt(found, within, span, (limit - cost) * span) - now,
        delayMs: 0,
        windowMs: periodMs,
      },
    };
  },

  amend(state, now, { periodMs, segments }, at, from, to) {
    const span = periodMs / segments;
    if (to > from) {
      const age = Math.max(0, Math.floor(now / span) - Math.floor(at / span));
      // A charge whose segment has left the window no longer counts.
      return age > segments ? state : recorded(asOf(state, now, span, segments), age + 1, to - from, span);
    }
    const index = (state[0] ?? 0) - Math.floor(at / span) + 1;
    const units = index < 1 ? 0 : (state[index] ?? 0);
    if (units === 0) return state;
    const amended = [...state];
    amended[index] = Math.max(0, units - (from - to));
    return amended;
  },

  credit(state, now, { periodMs, segments }, units) {
    const after = asOf(state, now, periodMs / segments, segments).slice();
    let left = units;
    for (let i = 1; i < after.length && left > 0; i++) {
      const given = Math.min(after[i] ?? 0, left);
      after[i] = (after[i] ?? 0) - given;
      left -= given;
    }
    return left === units ? state : after;
  },

  size: ({ segments }) => ({ wide: 1, counts: segments + 1 }),

  validate({ limit, periodMs, segments }, path) {
    assertExact(2 * limit * (periodMs / segments), path, 'Lower the limit, shorten the period, or raise the segments.');
  },
};

/**
 * Returns the state as of `now`: its newest segment is the current one, and segments that left the window are dropped.
 */
function asOf(state: State, now: number, span: number, segments: number): State {
  const current = Math.floor(now / span);
  const stored = state[0];
  const isEmpty = stored === undefined || stored * span > now + span * segments;
  if (!isEmpty && stored >= current) return state;
  const moved = isEmpty ? segments + 1 : current - stored;
  const found = [current];
  for (let i = 1; i <= segments + 1; i++) found.push(i <= moved ? 0 : (state[i - moved] ?? 0));
  return found;
}

function charged(state: State, cost: number): State {
  const after = state.slice();
  after[1] = (after[1] ?? 0) + cost;
  return after;
}

/** Adds units to a counter, as many as can be counted exactly. */
function recorded(state: State, index: number, units: number, span: number): State {
  let total = 0;
  for (let i = 1; i < state.length; i++) total += state[i] ?? 0;
  const after = state.slice();
  after[index] = (after[index] ?? 0) + Math.min(units, Math.max(0, Math.floor(MAX_COUNT / span) - total));
  return after;
}

/**
 * Returns the usage (units x span) `within` milliseconds into the segment that is `ahead` segments after the newest
 * one, if there is no further traffic: all units of the full segments, plus the share of the oldest one that is still
 * in the window.
 */
function usedAt(state: State, ahead: number, within: number, span: number): number {
  const oldest = state.length - 1 - ahead;
  let full = 0;
  for (let i = 1; i < oldest; i++) full += state[i] ?? 0;
  return full * span + (state[oldest] ?? 0) * (span - within);
}

/** Returns the number of the newest counter that is not 0, or 0 if all are. */
function newestUsed(state: State): number {
  for (let i = 1; i < state.length; i++) if ((state[i] ?? 0) > 0) return i;
  return 0;
}

/** Returns the first instant at which the usage is at most `most` (units x span). */
function roomAt(state: State, within: number, span: number, most: number): number {
  let ahead = 0;
  // Usage falls continuously, so the instant is in the first segment at whose end the usage is low enough.
  while (ahead + 2 < state.length && usedAt(state, ahead, span, span) > most) ahead++;
  const oldest = state[state.length - 1 - ahead] ?? 0;
  const budget = most - usedAt(state, ahead, span, span);
  const into = oldest === 0 ? 0 : span - Math.min(span, Math.floor(budget / oldest));
  return ((state[0] ?? 0) + ahead) * span + Math.max(into, ahead === 0 ? within : 0);
}
