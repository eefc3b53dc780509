import type { Decision } from '../core/decision.js';
import { invalidValue } from '../core/errors.js';
import type { Policy } from '../core/policy.js';
import { MAX_COUNT, type State, type Strategy } from './strategy.js';

/** The largest limit, and so the largest number of entries of a log. */
const MAX_LIMIT = 10_000;

/** The room of fewer values is not freed: it is not worth a copy. */
const LEAST_FREED = 32;

/**
 * Sliding log: keeps every charge with its instant for one period. Charges at the same instant are merged.
 *
 * Promise: exactly at most `limit` in any interval of one period (half-open, (t - period, t]). O(charges in a period),
 * so limits above 10 000 are rejected.
 * A debt counts until its entries leave. A log has at most 10 000 entries; units recorded beyond that are added to a
 * later entry, so they never count for a shorter time.
 * State: pairs of instant and units, oldest first.
 * Source: the textbook sliding window log.
 */
export const slidingLog: Strategy = {
  name: 'sliding-log',

  step(state, now, policy, cost) {
    const live = liveAt(state, now, policy.periodMs);
    const decision = decide(live, live.t, now, policy, cost);
    const written = decision.allowed && cost > 0;
    return { state: written ? append(state.slice(live.first), live.t, cost) : state, decision };
  },

  amend(state, now, { periodMs }, at, from, to) {
    if (to > from) {
      const { first, t, sum } = liveAt(state, now, periodMs);
      // If the clock has stepped back, the charge was counted in the newest entry.
      const instant = t - Math.max(0, now - at);
      return instant <= t - periodMs
        ? state
        : inserted(state.slice(first), instant, Math.min(to - from, MAX_COUNT - sum));
    }
    for (let i = 0; i + 1 < state.length; i += 2) {
      if (state[i] !== at) continue;
      const left = Math.max(0, (state[i + 1] ?? 0) - (from - to));
      return [...state.slice(0, i), ...(left > 0 ? [at, left] : []), ...state.slice(i + 2)];
    }
    return state;
  },

  credit(state, now, { periodMs }, units) {
    const live = state.slice(liveAt(state, now, periodMs).first);
    let left = units;
    while (live.length > 0 && left > 0) {
      const newest = live[live.length - 1] ?? 0;
      if (newest <= left) live.length -= 2;
      else live[live.length - 1] = newest - left;
      left -= Math.min(newest, left);
    }
    return left === units ? state : live;
  },

  validate({ limit }, path) {
    if (limit > MAX_LIMIT) {
      throw invalidValue(
        `${path}: strategy "sliding-log"`,
        `a limit of at most ${MAX_LIMIT} (it remembers every charge; "sliding-window" has no such bound)`,
        limit,
        'SLUICE_RATE_TOO_LARGE',
      );
    }
  },
};

/**
 * A state of `sliding-log` that is changed in place: a queue of entries. It decides as `slidingLog.step` does, in
 * amortised constant time. That copies all entries for each charge, and adds them up: on 5 000 entries this takes a
 * hundredth of the time.
 *
 * `step` writes nothing that counts: it moves a cursor over entries that have left, and back if the clock steps back.
 * They are dropped by the next charge.
 */
export class ChargeLog implements LiveEntries {
  entries: number[];
  first = 0;
  sum = 0;
  /** The index of the oldest entry of the state. Those before it were dropped, and their room is not free yet. */
  #oldest = 0;

  constructor(state: State) {
    this.entries = state.slice();
    for (let i = 1; i < state.length; i += 2) this.sum += state[i] ?? 0;
  }

  /** Decides a charge, as `slidingLog.step` does. */
  step(now: number, policy: Policy, cost: number): Decision {
    return decide(this, this.#moveTo(now, policy.periodMs), now, policy, cost);
  }

  /** Adds a charge that was decided at this instant. */
  add(now: number, periodMs: number, cost: number): void {
    const t = this.#moveTo(now, periodMs);
    const { entries, first } = this;
    const newest = entries.length - 2;
    this.sum += cost;
    if (first > newest) {
      this.entries = [t, cost];
      this.first = this.#oldest = 0;
      return;
    }
    this.#oldest = first;
    if (entries[newest] === t) entries[newest + 1] = (entries[newest + 1] ?? 0) + cost;
    else entries.push(t, cost);
    if (first >= LEAST_FREED && 2 * first >= entries.length) this.#freeRoom();
  }

  /** Returns a copy of the state. */
  toState(): State {
    return this.entries.slice(this.#oldest);
  }

  /** Moves the cursor to the first entry that counts at an instant. Returns the instant that counts as now. */
  #moveTo(now: number, periodMs: number): number {
    const { entries } = this;
    const end = leftUntil(entries, now, periodMs);
    let { first, sum } = this;
    for (; first < entries.length && (entries[first] ?? 0) <= end; first += 2) sum -= entries[first + 1] ?? 0;
    for (; first > this.#oldest && (entries[first - 2] ?? 0) > end; first -= 2) sum += entries[first - 1] ?? 0;
    this.first = first;
    this.sum = sum;
    return instantIn(entries, now, periodMs);
  }

  /**
   * Drops the entries before the oldest one. They are half of all then, so that each entry is copied once on average.
   */
  #freeRoom(): void {
    this.entries = this.entries.slice(this.#oldest);
    this.first = this.#oldest = 0;
  }
}

/** The entries of a log that count. */
interface LiveEntries {
  /** Pairs of instant and units, oldest first; entries that have left may precede those that count. */
  readonly entries: State;
  /** The index of the first entry in the period. */
  readonly first: number;
  /** The units in the period. */
  readonly sum: number;
}

/**
 * Decides a charge on the entries that count.
 *
 * @param t the instant that counts as now
 */
function decide(
  { entries, first, sum }: LiveEntries,
  t: number,
  now: number,
  { name, limit, periodMs }: Policy,
  cost: number,
): Decision {
  const allowed = cost <= limit - sum || cost === 0;
  const written = allowed && cost > 0;
  const newest = written ? t : (entries[entries.length - 2] ?? now);
  const after = written ? sum + cost : sum;
  return {
    policy: name,
    allowed,
    limit,
    remaining: Math.max(0, limit - after),
    resetMs: after === 0 ? 0 : newest + periodMs - now,
    retryAfterMs: allowed ? 0 : cost > limit ? null : roomAt(entries, first, sum + cost - limit) + periodMs - now,
    delayMs: 0,
    windowMs: periodMs,
  };
}

/** Returns the entries in the period, and the instant that counts as now. */
function liveAt(entries: State, now: number, periodMs: number) {
  const end = leftUntil(entries, now, periodMs);
  let first = 0;
  while (first < entries.length && (entries[first] ?? 0) <= end) first += 2;
  let sum = 0;
  for (let i = first + 1; i < entries.length; i += 2) sum += entries[i] ?? 0;
  return { entries, first, t: instantIn(entries, now, periodMs), sum };
}

/** Returns the instant that counts as now: that of the newest entry if the clock has stepped back. */
function instantIn(entries: State, now: number, periodMs: number): number {
  const newest = entries[entries.length - 2] ?? now;
  return newest > now + periodMs ? now : Math.max(now, newest);
}

/**
 * Returns the instant of the last entries that have left: all, if they were written for more than a period after now.
 */
function leftUntil(entries: State, now: number, periodMs: number): number {
  const newest = entries[entries.length - 2] ?? now;
  return newest > now + periodMs ? newest : Math.max(now, newest) - periodMs;
}

function append(live: number[], t: number, cost: number): State {
  if (live[live.length - 2] === t) live[live.length - 1] = (live[live.length - 1] ?? 0) + cost;
  else live.push(t, cost);
  return live;
}

/**
 * Adds units to the entry of an instant, or adds an entry. A full log adds them to the next later entry, or moves its
 * newest one.
 */
function inserted(live: number[], instant: number, units: number): State {
  if (units === 0) return live;
  let i = live.length;
  while (i > 0 && (live[i - 2] ?? 0) >= instant) i -= 2;
  const isFull = live.length >= 2 * MAX_LIMIT;
  if (isFull && i === live.length) {
    i -= 2;
    live[i] = instant;
  }
  if (isFull || live[i] === instant) live[i + 1] = (live[i + 1] ?? 0) + units;
  else live.splice(i, 0, instant, units);
  return live;
}

/** Returns the instant of the entry that must leave the period before `excess` units have left it. */
function roomAt(state: State, first: number, excess: number): number {
  let left = 0;
  let i = first;
  while (i + 3 < state.length && left + (state[i + 1] ?? 0) < excess) {
    left += state[i + 1] ?? 0;
    i += 2;
  }
  return state[i] ?? 0;
}
