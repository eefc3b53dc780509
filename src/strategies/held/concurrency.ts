import type { Strategy } from '../strategy.js';

/**
 * The units that a limit of concurrency has: the same at any time, with no window in which they are used up. It decides as a strategy
 * does, on the units that are held, and keeps no state.
 */
export const concurrency: Pick<Strategy, 'name' | 'step' | 'amend'> = {
  name: 'concurrency',

  step(state, _now, { name, limit }, cost) {
    const allowed = cost <= limit;
    return {
      state,
      decision: {
        policy: name,
        allowed,
        limit,
        remaining: allowed ? limit - cost : limit,
        resetMs: 0,
        retryAfterMs: allowed ? 0 : null,
        delayMs: 0,
        windowMs: 0,
      },
    };
  },

  amend: (state) => state,
};
