import type { Decision } from '../../core/decision.js';
import type { Policy } from '../../core/policy.js';
import { assertExact, MAX_COUNT, type State, type Strategy } from '../strategy.js';
import { reachedBetween } from './thresholds.js';

/** A window and a subject's usage in it. */
interface Quota {
  readonly startMs: number;
  readonly endMs: number;
  readonly used: number;
  /** Units of earlier windows. They are spent first. */
  readonly carried: number;
  /** The highest usage when a charge was taken. Thresholds up to it have been reported. */
  readonly peak: number;
}

/**
 * Calendar quota: units are counted in hours, days, weeks, months or years of a time zone.
 *
 * Promise: at most `limit` in a window, plus up to `burst - limit` units left unused before. O(1).
 * A debt blocks until the window ends, and is then dropped.
 * State: start of the window, units used in it, units carried into it, the highest usage when a charge was taken.
 * Arguments: the start of the first window that units are carried into, or 0 for any; then the starts of six windows as
 * the calling process sees them: two before the current one, the current one, and the next three. The backend's instant
 * selects the window. Windows outside that range are assumed to be as long as the outermost one.
 */
export const calendar: Strategy = {
  name: 'calendar',

  argumentCount: 7,

  step(state, now, policy, cost, args = NO_ARGUMENTS) {
    const quota = quotaAt(state, now, policy, args);
    const { startMs, endMs, used, carried, peak } = quota;
    const allowed = cost === 0 || cost <= policy.limit + carried - used;
    if (!allowed || cost === 0) {
      return { state, decision: decisionOn(quota, now, policy, args, cost, allowed, used) };
    }
    // Lists the members, here and below: a spread takes several times as long.
    const after = { startMs, endMs, used: used + cost, carried, peak };
    return {
      state: [startMs, after.used, carried, Math.max(peak, after.used)],
      decision: decisionOn(after, now, policy, args, cost, true, peak),
    };
  },

  record(state, now, policy, cost, args = NO_ARGUMENTS) {
    const quota = quotaAt(state, now, policy, args);
    const { startMs, carried, peak } = quota;
    const used = quota.used + Math.min(cost, MAX_COUNT - quota.used);
    return {
      state: [startMs, used, carried, Math.max(peak, used)],
      decision: decisionOn({ ...quota, used }, now, policy, args, cost, true, peak),
    };
  },

  amend(state, now, policy, at, from, to, args = NO_ARGUMENTS) {
    const charged = windowAround(at, args);
    // A charge of an earlier window no longer counts and has nothing to give back.
    if (charged.endMs <= now) return state;
    if (to > from) {
      const { startMs, used, carried, peak } = quotaAt(state, now, policy, args);
      return [startMs, used + Math.min(to - from, MAX_COUNT - used), carried, peak];
    }
    const [start, used = 0, carried = 0, peak = 0] = state;
    if (start !== charged.startMs) return state;
    return [start, Math.max(0, used - (from - to)), carried, peak];
  },

  credit(state, now, policy, units, args = NO_ARGUMENTS) {
    const { startMs, used, carried, peak } = quotaAt(state, now, policy, args);
    return used === 0 ? state : [startMs, Math.max(0, used - units), carried, peak];
  },

  size: () => ({ wide: 1, counts: 3 }),

  validate({ burst }, path) {
    assertExact(burst, path, 'Lower the limit and the rollover: together below 2^52.');
  },
};

const NO_ARGUMENTS: readonly number[] = [];

/** Returns the window of an instant, from the boundaries, which start at the second argument. */
function windowAround(instant: number, args: readonly number[]): { readonly startMs: number; readonly endMs: number } {
  const first = args[1] ?? 0;
  const last = args[6] ?? 0;
  if (instant < first) {
    const span = Math.max(1, (args[2] ?? 0) - first);
    const start = first - Math.ceil((first - instant) / span) * span;
    return { startMs: Math.max(0, start), endMs: start + span };
  }
  if (instant >= last) {
    const span = Math.max(1, last - (args[5] ?? 0));
    const start = last + Math.floor((instant - last) / span) * span;
    return { startMs: start, endMs: start + span };
  }
  let i = 1;
  while ((args[i + 1] ?? 0) <= instant) i++;
  return { startMs: args[i] ?? 0, endMs: args[i + 1] ?? 0 };
}

/** Returns the units that may be carried into the next window: at most those of a whole window. */
function rolloverOf({ limit, burst }: Policy): number {
  return Math.max(0, Math.min(burst - limit, limit));
}

/** Returns the window that is used as the current one, and the usage in it. */
function quotaAt(state: State, now: number, policy: Policy, args: readonly number[]): Quota {
  const rollover = rolloverOf(policy);
  const { startMs, endMs } = windowAround(now, args);
  const most = startMs >= (args[0] ?? 0) ? rollover : 0;
  // Reads by index: destructuring an array is several times as expensive.
  const start = state[0];
  const used = state[1] ?? 0;
  const carried = state[2] ?? 0;
  if (start === undefined || start > endMs) return { startMs, endMs, used: 0, carried: most, peak: 0 };
  if (start < startMs) {
    // After a window without a charge, the full rollover is carried.
    const unused = windowAround(start, args).endMs >= startMs ? Math.max(0, policy.limit + carried - used) : rollover;
    return { startMs, endMs, used: 0, carried: Math.min(most, unused), peak: 0 };
  }
  return {
    startMs: start,
    // If the clock has stepped back, this is the window of the latest instant.
    endMs: start > now ? windowAround(start, args).endMs : endMs,
    used,
    carried: Math.min(carried, start >= (args[0] ?? 0) ? rollover : 0),
    peak: state[3] ?? 0,
  };
}

/**
 * @param quota the window after the charge
 * @param reported the usage up to which thresholds have been reported
 */
function decisionOn(
  { startMs, endMs, used, carried }: Quota,
  now: number,
  policy: Policy,
  args: readonly number[],
  cost: number,
  allowed: boolean,
  reported: number,
): Decision {
  const { name, limit } = policy;
  const carriesFrom = args[0] ?? 0;
  const rollover = rolloverOf(policy);
  const most = startMs >= carriesFrom ? rollover : 0;
  const left = Math.max(0, limit + carried - used);
  // The most that is carried into the next window, and the end of that window.
  const nextMost = endMs >= carriesFrom ? rollover : 0;
  const nextEndMs = windowAround(endMs, args).endMs;
  let resetMs = 0;
  if (used > 0 || carried < most) resetMs = (left >= nextMost ? endMs : nextEndMs) - now;
  let retryAfterMs: number | null = 0;
  if (!allowed) {
    if (cost > limit + rollover) retryAfterMs = null;
    else if (cost <= limit + Math.min(nextMost, left)) retryAfterMs = endMs - now;
    else retryAfterMs = Math.max(nextEndMs, carriesFrom) - now;
  }
  const decision: Decision = {
    policy: name,
    allowed,
    limit: limit + most,
    remaining: left,
    resetMs,
    retryAfterMs,
    delayMs: 0,
    windowMs: endMs - startMs,
    window: { startMs, endMs, used },
  };
  const reached = reachedBetween(reported, used, policy);
  return reached === undefined ? decision : { ...decision, reached };
}
