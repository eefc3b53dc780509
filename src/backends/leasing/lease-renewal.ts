import type { Policy } from '../../core/policy.js';
import type { Lease } from './lease.js';

/** A renewal is considered once this share of the units is left. */
const RENEWAL_SHARE = 1 / 3;
/** A renewal is due if the units left last no longer than this many round trips. */
const RENEWAL_ROUND_TRIPS = 2;
/** A request is for at most this many batches, unless the waiting callers need more. */
const MAX_BATCHES = 3;

/** Records the latest grant of the lease, which decides whether and when the lease is renewed. */
export function recordGrant(lease: Lease, requestedMs: number, now: number): void {
  lease.heldAtGrant = lease.held;
  lease.grantedMs = now;
  lease.roundTripMs = Math.max(1, now - requestedMs);
  // The last units of a limit are left for processes that need them.
  lease.mayRenew = lease.followsGrant && lease.remainingAtServer >= batchOf(lease.policy);
}

/**
 * Returns true if a lease should be renewed before it is used up, so that no call has to wait: at the rate since the
 * latest grant the units left will soon be spent, and so will another batch before the window ends.
 *
 * The first grant of a window is not renewed, since it may be all that the window needs. A grant is renewed at most
 * once: if that fails, the next call that lacks units requests a grant.
 */
export function isRenewalDue(lease: Lease, now: number): boolean {
  if (!lease.mayRenew || lease.held > lease.heldAtGrant * RENEWAL_SHARE) return false;
  const rate = spendRate(lease, now);
  if (lease.held > RENEWAL_ROUND_TRIPS * rate * lease.roundTripMs) return false;
  return rate * (lease.validUntilMs - now) >= lease.held + batchOf(lease.policy);
}

/**
 * The units to request from the server: a batch, or what the waiting callers lack if that is more. If the window has
 * used up a grant before, the units that will be spent during the round trip are added.
 */
export function unitsToRequest(lease: Lease, now: number): number {
  const { policy, followsGrant, roundTripMs, shortfall } = lease;
  const batch = batchOf(policy);
  const held = lease.isValid(now) ? lease.held : 0;
  const spentInFlight = followsGrant ? Math.floor(spendRate(lease, now) * roundTripMs) : 0;
  const extra = Math.min(spentInFlight, (MAX_BATCHES - 1) * batch);
  return Math.min(policy.limit, Math.max(batch, shortfall - held) + extra);
}

/** Units spent per millisecond since the latest grant. Units that were put back do not count. */
function spendRate({ heldAtGrant, held, grantedMs }: Lease, now: number): number {
  return Math.max(0, heldAtGrant - held) / Math.max(1, now - grantedMs);
}

function batchOf({ lease }: Policy): number {
  return lease?.batch ?? 1;
}
