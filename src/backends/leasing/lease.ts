import type { Charge } from '../../core/decision.js';
import type { Policy } from '../../core/policy.js';
import type { Grant, Target } from '../backend.js';

/** Longer subjects are not worth a lease: the backend decides each of their charges. */
const MAX_SUBJECT_LENGTH = 256;
/** A process's clock runs at most 0.1 % faster or slower than the server's. */
const CLOCK_RATE_MARGIN = 0.999;
/** How long a server that granted its last unit is assumed to have none. */
const EMPTY_MS = 1000;
/** Before every instant: a process's clock may start anywhere, even below zero. */
const NEVER_MS = Number.NEGATIVE_INFINITY;

/** Returns true if charges of this policy and subject are spent from leases. */
export function isLeased({ policy, subject }: Target): boolean {
  return policy.lease !== undefined && subject.length <= MAX_SUBJECT_LENGTH;
}

/** The total cost of a call's charges on one budget: the charge at `index` and those before it. */
export function totalUpTo(charges: readonly Charge[], index: number): number {
  const last = charges[index];
  let total = 0;
  for (let i = 0; i <= index; i++) {
    const charge = charges[i];
    if (charge?.subject === last?.subject && charge?.policy.id === last?.policy.id) total += charge?.cost ?? 0;
  }
  return total;
}

/**
 * A caller that waits for a grant. Callers are notified in the order of their requests, so the first one that still
 * lacks units requests the next grant for all those behind it.
 */
export interface GrantWaiter {
  /** A grant has arrived. It may be too small for this caller. */
  granted(): void;
  fail(error: unknown): void;
}

/** The units of one budget and subject that this process may spend without asking the server. */
export class Lease implements Target {
  /**
   * The latest grant's instant and the start of its window, in the server's milliseconds; -1 before the first grant.
   */
  at = -1;
  startMs = -1;
  /** Units to spend here, and units that the server had left after the latest grant. */
  held = 0;
  remainingAtServer = 0;
  /** Units granted in this window. `held` never exceeds it. */
  granted = 0;
  /**
   * Local instants until which the held units may be spent, the window lasts, and the server is known to have no units.
   */
  validUntilMs = NEVER_MS;
  endsMs = NEVER_MS;
  emptyUntilMs = NEVER_MS;

  /**
   * The latest grant: when it arrived, how long it took (at least 1), and the units held then. See `lease-renewal.ts`.
   */
  grantedMs = NEVER_MS;
  roundTripMs = 1;
  heldAtGrant = 0;
  /** True if the latest grant was not the first of its window, and if it may be renewed before it is used up. */
  followsGrant = false;
  mayRenew = false;

  /** The callers that wait for the grant in flight, and the units that they need in total. */
  readonly waiters: { readonly cost: number; readonly waiter: GrantWaiter }[] = [];
  shortfall = 0;
  isGrantPending = false;

  constructor(
    readonly policy: Policy,
    readonly subject: string,
  ) {}

  /**
   * The largest cost that would pass, as far as this process knows: others may have taken of it since the latest grant.
   */
  get remaining(): number {
    return Math.min(this.policy.limit, this.held + this.remainingAtServer);
  }

  isValid(now: number): boolean {
    return now < this.validUntilMs;
  }

  /** Returns true if held units cover a cost. */
  covers(cost: number, now: number): boolean {
    return now < this.validUntilMs && cost <= this.held && cost <= this.policy.limit;
  }

  isFromEarlierWindow({ at }: Grant): boolean {
    return windowStart(at, this.policy) < this.startMs;
  }

  /**
   * Takes in a grant of the held units' window, or of a later one: it adds to the units of its own window, and shows
   * that the window lasts; units of an earlier window can no longer be spent.
   *
   * @param requestedMs when the grant was requested. The end of the window is computed from that instant, so that it is
   *   never too late.
   */
  credit({ granted, remaining, at, endsInMs }: Grant, requestedMs: number, now: number): void {
    const startMs = windowStart(at, this.policy);
    const isSameWindow = startMs === this.startMs;
    this.held = granted + (isSameWindow ? this.held : 0);
    this.granted = granted + (isSameWindow ? this.granted : 0);
    this.followsGrant = isSameWindow;
    this.startMs = startMs;
    this.at = at;
    this.remainingAtServer = remaining;
    // The server's instant is rounded down, so the window may be a millisecond shorter.
    this.validUntilMs = requestedMs + Math.floor((endsInMs - 1) * CLOCK_RATE_MARGIN);
    this.endsMs = now + endsInMs;
    this.emptyUntilMs = remaining === 0 ? Math.min(this.validUntilMs, now + EMPTY_MS) : NEVER_MS;
  }

  /**
   * Puts units back that were taken from a grant of the server's instant `at`. The held units never exceed those
   * granted, because units charged before a reset belong to a count that no longer exists.
   *
   * @returns false if this lease has no units of their window, so that they must be returned to the server
   */
  putBack(at: number, units: number): boolean {
    const startMs = windowStart(at, this.policy);
    if (startMs === this.startMs) this.held = Math.min(this.granted, this.held + units);
    // Units of a window that is over are worth nothing.
    return startMs <= this.startMs;
  }
}

/** The start of the window of an instant. A receipt may hold any instant of its window. */
function windowStart(at: number, { periodMs }: Policy): number {
  return Math.floor(at / periodMs) * periodMs;
}
