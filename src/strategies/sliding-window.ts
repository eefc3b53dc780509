import { assertExact, type State, type Strategy } from './strategy.js';

/**
 * Sliding window over segments: the period is cut into equal segments with a counter each; the estimate is the units of
 * the full segments, and of the oldest one the share of it that is still inside the window.
 *
 * Promise: at most `limit` in any interval of period x (1 - 1/segments), less than 2 x `limit` in any period; a unit is
 * back after at most period x (1 + 1/segments). O(segments).
 * State: number of the newest segment since the epoch, then its counter and those of the `segments` before it.
 * Source: the sliding window counter that Cloudflare described ("How we built rate limiting capable of scaling to
 * millions of domains", 2017), there with one segment.
 */
export const slidingWindow: Strategy = {
  name: 'sliding-window',

  step(state, now, { name, limit, periodMs, segments }, cost) {
    const span = periodMs / segments;
    const { newest, counts } = segmentsAt(state, now, span, segments);
    const within = Math.max(0, now - newest * span);
    const room = limit * span - usedAt(counts, 0, within, span);
    const allowed = cost === 0 || (cost <= limit && cost * span <= room);
    const written = allowed && cost > 0;
    if (written) counts[0] = (counts[0] ?? 0) + cost;
    const last = newestUsed(counts);
    return {
      state: written ? [newest, ...counts] : state,
      decision: {
        policy: name,
        allowed,
        limit,
        remaining: Math.max(0, Math.floor((written ? room - cost * span : room) / span)),
        resetMs: last < 0 ? 0 : (newest - last + segments + 1) * span - now,
        retryAfterMs: allowed
          ? 0
          : cost > limit
            ? null
            : roomAt(counts, newest, within, span, (limit - cost) * span) - now,
        delayMs: 0,
        windowMs: periodMs,
      },
    };
  },

  amend(state, _now, { periodMs, segments }, at, from, to) {
    const index = (state[0] ?? 0) - Math.floor(at / (periodMs / segments)) + 1;
    const units = index < 1 ? 0 : (state[index] ?? 0);
    if (units === 0) return state;
    const amended = [...state];
    amended[index] = Math.max(0, units - (from - to));
    return amended;
  },

  words: ({ segments }) => segments + 2,

  validate({ limit, periodMs, segments }, place) {
    assertExact(
      2 * limit * (periodMs / segments),
      place,
      'Lower the limit, shorten the period, or raise the segments.',
    );
  },
};

/** The counters as of `now`, newest first; `segments` + 1 of them, the last being the one that is leaving the window. */
function segmentsAt(state: State, now: number, span: number, segments: number) {
  const current = Math.floor(now / span);
  const stored = state[0] ?? current;
  const counts: number[] = [];
  if (state.length === 0 || stored * span > now + span * segments) {
    for (let i = 0; i <= segments; i++) counts.push(0);
    return { newest: current, counts };
  }
  const shift = Math.min(segments + 1, Math.max(0, current - stored));
  for (let i = 0; i <= segments; i++) counts.push(i < shift ? 0 : (state[i - shift + 1] ?? 0));
  return { newest: Math.max(current, stored), counts };
}

/**
 * Units x span that count `ahead` segments after the newest one, `within` milliseconds into that segment, with no
 * further traffic: the full segments whole, the oldest by the share still inside.
 */
function usedAt(counts: readonly number[], ahead: number, within: number, span: number): number {
  const oldest = counts.length - 1 - ahead;
  let full = 0;
  for (let i = 0; i < oldest; i++) full += counts[i] ?? 0;
  return full * span + (counts[oldest] ?? 0) * (span - within);
}

function newestUsed(counts: readonly number[]): number {
  for (let i = 0; i < counts.length; i++) if ((counts[i] ?? 0) > 0) return i;
  return -1;
}

/** The first instant at which no more than `most` (units x span) count. */
function roomAt(counts: readonly number[], newest: number, within: number, span: number, most: number): number {
  let ahead = 0;
  // Usage falls without a jump, so the segment is the first at whose end few enough count.
  while (ahead + 1 < counts.length && usedAt(counts, ahead, span, span) > most) ahead++;
  const oldest = counts[counts.length - 1 - ahead] ?? 0;
  const budget = most - usedAt(counts, ahead, span, span);
  const into = oldest === 0 ? 0 : span - Math.min(span, Math.floor(budget / oldest));
  return (newest + ahead) * span + Math.max(into, ahead === 0 ? within : 0);
}
