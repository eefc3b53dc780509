import type { Strategy } from '../strategy.js';

/**
 * Decides charges of a concurrency limit from the units that are held. Its capacity is the same at any time, with no
 * window. It has the functions of a strategy and keeps no state.
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
