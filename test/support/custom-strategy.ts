import { defineStrategy, MAX_COUNT } from '../../src/strategies/strategy.js';

/**
 * A typical custom strategy: a window that begins with its first charge instead of aligned to the epoch. State: when it
 * began, units used in it.
 */
export const anchoredWindow = defineStrategy({
  name: 'anchored-window',

  step(state, now, { name, limit, periodMs }, cost) {
    const [openedAt = now, stored = 0] = state;
    const isOver = stored === 0 || now >= openedAt + periodMs || openedAt > now + periodMs;
    const opened = isOver ? now : openedAt;
    const used = isOver ? 0 : stored;
    const allowed = cost === 0 || used + cost <= limit;
    const after = allowed ? used + cost : used;
    const leftMs = opened + periodMs - now;
    return {
      state: allowed && cost > 0 ? [opened, after] : state,
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
    const [openedAt = at, used = 0] = state;
    const isOver = used === 0 || now >= openedAt + periodMs || openedAt > now + periodMs;
    // Begins a window for a late charge, unless that window has also ended in the meantime.
    if (to > from && isOver) return now < at + periodMs ? [at, Math.min(to - from, MAX_COUNT)] : state;
    if (to > from) return [openedAt, Math.min(used + to - from, MAX_COUNT)];
    if (at < openedAt || at >= openedAt + periodMs) return state;
    return [openedAt, Math.max(0, used - (from - to))];
  },
});
