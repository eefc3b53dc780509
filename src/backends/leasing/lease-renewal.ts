import type { Policy } from '../../core/policy.js';
import type { Lease } from './lease-table.js';

/** A lease is looked at for its renewal when so great a share of it is left. */
const LAST_SHARE = 1 / 3;
/** What is left must not last for so many round trips. */
const TRIPS = 2;
/** A grant is of so many batches at most, unless more is lacking. */
const MOST_BATCHES = 3;

/** Remembers of a grant that has come what tells whether, and when, it is to be renewed. */
export function noteGrant(lease: Lease, isSteady: boolean, askedMs: number, now: number): void {
  lease.heldAtGrant = lease.held;
  lease.grantedMs = now;
  lease.roundTripMs = Math.max(1, now - askedMs);
  lease.followsGrant = isSteady;
  // The last units of a limit are left to whoever needs them.
  lease.mayRenew = isSteady && lease.remainingAtServer >= batchOf(lease.policy);
}

/**
 * Whether a lease is to be renewed before it is used up, so that nobody waits for it: at the rate since the latest grant
 * what is left is soon spent, and so is another batch before the window ends. Never the first grant of a window, which may
 * be all that is used of it; and once a grant: where it fails, whoever lacks units asks again.
 */
export function isToRenew(lease: Lease, now: number): boolean {
  if (!lease.mayRenew || lease.held > lease.heldAtGrant * LAST_SHARE) return false;
  const rate = rateOf(lease, now);
  if (lease.held > TRIPS * rate * lease.roundTripMs) return false;
  return rate * (lease.validUntilMs - now) >= lease.held + batchOf(lease.policy);
}

/**
 * Units that the server is asked for: a batch, or what those who wait lack, where that is more; and where others of this
 * window have been spent already, what is spent at their rate until the new ones are there.
 */
export function wantedOf(lease: Lease, now: number): number {
  const { policy, validUntilMs, followsGrant, roundTripMs } = lease;
  const batch = batchOf(policy);
  const held = now < validUntilMs ? lease.held : 0;
  const meanwhile = followsGrant ? Math.floor(rateOf(lease, now) * roundTripMs) : 0;
  const more = Math.min(meanwhile, (MOST_BATCHES - 1) * batch);
  return Math.min(policy.limit, Math.max(batch, lease.shortfall - held) + more);
}

/** Units a millisecond. What was put back was not spent. */
function rateOf({ heldAtGrant, held, grantedMs }: Lease, now: number): number {
  return Math.max(0, heldAtGrant - held) / Math.max(1, now - grantedMs);
}

function batchOf({ lease }: Policy): number {
  return lease?.batch ?? 1;
}
