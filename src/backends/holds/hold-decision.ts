import { type Decision, withReason } from '../../core/decision.js';
import type { State } from '../../strategies/strategy.js';
import { MAX_HOLDERS } from '../hold-store.js';
import type { BudgetWindow } from './budget-window.js';
import type { OpenHold, OpenHolds } from './open-holds.js';

/** A budget at an instant, after holds that had expired were removed and charged. */
export interface BudgetState {
  readonly window: BudgetWindow;
  /** The usage of the window, as the strategy stores it. */
  readonly used: State;
  readonly holds: OpenHolds;
}

/** The units and holders that earlier holds of a call take from a budget if the call is allowed. */
export interface Pending {
  readonly units: number;
  readonly holders: number;
  /** The instant at which the last of them expires. */
  readonly latestMs: number;
}

export const NOTHING_PENDING: Pending = { units: 0, holders: 0, latestMs: 0 };

/** Decides a hold of `units` after the earlier holds of the call. A hold of 0 units only reads. */
export function decideHold(
  budget: BudgetState,
  units: number,
  now: number,
  expiresAt = 0,
  before = NOTHING_PENDING,
): Decision {
  return decide(budget, units, now, expiresAt, before, undefined);
}

/** Decides `units` more for an open hold. The wait assumes that this hold stays open. */
export function decideGrowth(budget: BudgetState, grown: OpenHold, units: number, now: number): Decision {
  return decide(budget, units, now, 0, NO_NEW_HOLDER, grown);
}

const NO_NEW_HOLDER: Pending = { units: 0, holders: -1, latestMs: 0 };

function decide(
  budget: BudgetState,
  units: number,
  now: number,
  expiresAt: number,
  before: Pending,
  grown: OpenHold | undefined,
): Decision {
  const { window, used, holds } = budget;
  const { window: quota, resetMs, remaining, ...read } = window.read(window.carry(used, now), now);
  const total = before.units + units;
  const holders = before.holders + 1;
  const allowed = units === 0 || (holds.held + total <= remaining && holds.size + holders <= MAX_HOLDERS);
  // A denied call takes nothing, so it reports the room that it found.
  const taken = allowed ? total : 0;
  const hasHolder = holds.size + (allowed ? holders - (units === 0 ? 1 : 0) : 0) < MAX_HOLDERS;
  const latestMs = Math.max(holds.latestMs() ?? now, allowed ? Math.max(before.latestMs, expiresAt) : 0);
  const decision: Decision = {
    policy: read.policy,
    allowed,
    limit: read.limit,
    remaining: hasHolder ? Math.max(0, remaining - holds.held - taken) : 0,
    resetMs: Math.max(resetMs, latestMs - now + resetAfter(budget, holds.held + taken, latestMs)),
    retryAfterMs: allowed ? 0 : waitFor(budget, total, holders, now, grown),
    delayMs: 0,
    windowMs: read.windowMs,
    ...(quota !== undefined && { window: quota }),
  };
  return withReason(decision, window.policy);
}

/** Returns the reset of a budget at an instant, with all held units charged to its window. */
function resetAfter({ window, used }: BudgetState, held: number, at: number): number {
  const isCharged = held > 0 && window.policy.held?.onExpiry === 'charge';
  return isCharged ? window.read(window.charge(used, at, held), at).resetMs : 0;
}

/**
 * Returns the milliseconds until there is room, if no hold is extended or ended. Steps from one expiry, or one start of
 * a window, to the next.
 */
function waitFor(
  { window, used, holds }: BudgetState,
  units: number,
  holders: number,
  now: number,
  grown: OpenHold | undefined,
): number | null {
  const { onExpiry } = window.policy.held ?? {};
  const waiting = holds
    .byExpiry()
    .filter((hold) => hold !== grown)
    .values();
  let { held, size } = holds;
  let hold = waiting.next().value;
  let state = used;
  let at = now;
  for (;;) {
    state = window.carry(state, at);
    const { remaining } = window.read(state, at);
    if (held + units <= remaining && size + holders <= MAX_HOLDERS) return at - now;
    const turn = window.nextTurn(state, at);
    if (hold === undefined && turn === Number.POSITIVE_INFINITY) {
      const waitMs = size + holders > MAX_HOLDERS ? null : window.waitFor(state, at, held + units);
      return waitMs === null ? null : at - now + waitMs;
    }
    if (hold === undefined || turn < hold.expiresAt) {
      at = turn;
      continue;
    }
    at = hold.expiresAt;
    if (onExpiry === 'charge') state = window.charge(state, at, hold.units);
    held -= hold.units;
    size -= 1;
    hold = waiting.next().value;
  }
}
