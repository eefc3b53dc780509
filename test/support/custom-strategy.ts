import { defineStrategy, MAX_COUNT } from '../../src/strategies/strategy.js';

/**
 * A strategy such as a user writes: a window that opens with its first charge, and not at the epoch's multiples.
 * State: when it opened, units used in it.
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
    // Opens a window for what is charged late, unless that has ended meanwhile, too.
    if (to > from && isOver) return now < at + periodMs ? [at, Math.min(to - from, MAX_COUNT)] : state;
    if (to > from) return [openedAt, Math.min(used + to - from, MAX_COUNT)];
    if (at < openedAt || at >= openedAt + periodMs) return state;
    return [openedAt, Math.max(0, used - (from - to))];
  },
});
