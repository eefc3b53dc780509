import type { Policy } from '../core/policy.js';
import { assertExact, MAX_COUNT, type State, type Strategy } from './strategy.js';

/**
 * Returns a bucket strategy. All of them share one step.
 *
 * The deficit is counted in units of 1/period: it falls by `limit` per millisecond, and a unit adds `periodMs`. So it
 * is a whole number for every rate.
 * State: the deficit, and the instant that it was computed for.
 * A debt is a deficit above the burst. It drains like any deficit, and until it has drained nothing passes.
 *
 * @param isQueue true to delay an admitted call until the units before it have drained
 */
export function bucket(name: string, { isQueue }: { readonly isQueue: boolean }): Strategy {
  return {
    name,

    step(state, now, policy, cost) {
      const { limit, periodMs, burst } = policy;
      const { t, deficit } = drainedAt(state, now, policy);
      const room = burst * periodMs - deficit;
      // A cost above the burst can never pass. It is limited to the burst first, so that the product stays exact.
      const wanted = Math.min(cost, burst) * periodMs;
      const allowed = cost === 0 || (cost <= burst && wanted <= room);
      const after = allowed ? deficit + wanted : deficit;
      const aheadMs = t - now;
      return {
        state: allowed && cost > 0 ? [after, t] : state,
        decision: {
          policy: policy.name,
          allowed,
          limit: burst,
          remaining: Math.max(0, Math.floor((burst * periodMs - after) / periodMs)),
          resetMs: after === 0 ? 0 : aheadMs + Math.ceil(after / limit),
          retryAfterMs: allowed ? 0 : cost > burst ? null : aheadMs + Math.ceil((wanted - room) / limit),
          delayMs: isQueue && allowed && cost > 0 && deficit > 0 ? aheadMs + Math.ceil(deficit / limit) : 0,
          windowMs: bucketWindowMs(policy),
        },
      };
    },

    amend(state, now, policy, at, from, to) {
      const { limit, periodMs } = policy;
      const { t, deficit } = drainedAt(state, now, policy);
      // The added units count from now on: the time in which the bucket was empty does not reduce them.
      if (to > from) return [deficit + Math.min(to - from, Math.floor((MAX_COUNT - deficit) / periodMs)) * periodMs, t];
      if (state.length === 0) return state;
      // The charge is later than the state, so it was discarded when the clock stepped back.
      if (at > t) return state;
      const given = (from - to) * periodMs;
      const idleMs = t - at;
      // Units that have drained since the charge are available again already.
      if (idleMs >= Math.ceil(given / limit)) return state;
      return [Math.max(0, deficit - (given - idleMs * limit)), t];
    },

    credit(state, now, policy, units) {
      const { periodMs } = policy;
      const { t, deficit } = drainedAt(state, now, policy);
      if (deficit === 0) return state;
      return [Math.max(0, deficit - Math.min(units, Math.ceil(deficit / periodMs)) * periodMs), t];
    },

    size: () => ({ wide: 2, counts: 0 }),

    validate({ limit, periodMs, burst }, path) {
      assertExact(burst * periodMs, path, 'Lower the burst or shorten the period.');
      assertExact(limit, path, 'Lower the limit below 2^52.');
    },
  };
}

/** Returns the time in which an empty bucket fills, which its decisions report as the window. */
export function bucketWindowMs({ limit, periodMs, burst }: Policy): number {
  return Math.ceil((burst * periodMs) / limit);
}

/** Returns the instant that is used as now, and the deficit at that instant. */
function drainedAt(state: State, now: number, { limit, periodMs }: Policy) {
  // Reads by index: destructuring an array is several times as expensive.
  const stored = state[0] ?? 0;
  const at = state[1];
  if (at === undefined || at > now + periodMs) return { t: now, deficit: 0 };
  const t = Math.max(now, at);
  const idleMs = t - at;
  return { t, deficit: idleMs >= Math.ceil(stored / limit) ? 0 : stored - idleMs * limit };
}
