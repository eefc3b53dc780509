import type { Policy } from '../core/policy.js';
import { assertExact, type State, type Strategy } from './strategy.js';

/**
 * The step that all three buckets share. The deficit is counted in units of 1/period, so that it falls by `limit` each
 * millisecond and a unit adds `periodMs`: whole numbers, however the rate divides.
 * State: deficit, and the instant as of which it is one.
 */
function bucket(name: string, holds: boolean): Strategy {
  return {
    name,

    step(state, now, policy, cost) {
      const { limit, periodMs, burst } = policy;
      const { t, deficit } = drainedAt(state, now, policy);
      const room = burst * periodMs - deficit;
      // A cost above the burst never passes; told apart first, so that no product grows past what is exact.
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
          delayMs: holds && allowed && cost > 0 && deficit > 0 ? aheadMs + Math.ceil(deficit / limit) : 0,
          windowMs: Math.ceil((burst * periodMs) / limit),
        },
      };
    },

    amend(state, now, policy, at, from, to) {
      if (state.length === 0) return state;
      const { limit, periodMs } = policy;
      const { t, deficit } = drainedAt(state, now, policy);
      // A charge from ahead of the state was left behind when the clock stepped back.
      if (at > t) return state;
      const given = (from - to) * periodMs;
      const idleMs = t - at;
      // What has drained since is back already, and is not given twice.
      if (idleMs >= Math.ceil(given / limit)) return state;
      return [Math.max(0, deficit - (given - idleMs * limit)), t];
    },

    size: () => ({ wide: 2, counts: 0 }),

    validate({ limit, periodMs, burst }, place) {
      assertExact(burst * periodMs, place, 'Lower the burst or shorten the period.');
      assertExact(limit, place, 'Lower the limit below 2^52.');
    },
  };
}

function drainedAt(state: State, now: number, { limit, periodMs }: Policy) {
  // By index: taking a list apart is several times as dear.
  const stored = state[0] ?? 0;
  const at = state[1];
  if (at === undefined || at > now + periodMs) return { t: now, deficit: 0 };
  const t = Math.max(now, at);
  const idleMs = t - at;
  return { t, deficit: idleMs >= Math.ceil(stored / limit) ? 0 : stored - idleMs * limit };
}

/**
 * Token bucket: holds `burst` units (by default `limit`) and fills at `limit` a period.
 *
 * Promise: at most burst + limit x T / period in any interval T. O(1).
 * Source: Partridge, "Gigabit Networking" (1994), 12.4; RFC 2697 uses it as a meter.
 */
export const tokenBucket = bucket('token-bucket', false);

/**
 * Generic cell rate algorithm: the token bucket with a burst of 1 by default, so that calls are spaced evenly.
 *
 * Promise: at most burst + limit x T / period in any interval T. O(1).
 * Source: ITU-T I.371, annex A; the deficit is the theoretical arrival time, less now, in other units.
 */
export const gcra = bucket('gcra', false);

/**
 * Leaky bucket as a queue: a call that is admitted waits (`delayMs`) until what was in the bucket before it has drained.
 *
 * Promise: calls leave no faster than `limit` a period; at most `burst` units (by default `limit`) are in the bucket. O(1).
 * Source: Turner, "New directions in communications" (1986); the queueing form.
 */
export const leakyBucket = bucket('leaky-bucket', true);
