import { type Decision, withMembers, withReason } from '../../core/decision.js';
import type { Policy } from '../../core/policy.js';
import type { Lease } from './lease.js';

/** The decision on an allowed charge, after which the lease is as given, less `spent` units. */
export function allowedBy(lease: Lease, now: number, spent = 0): Decision {
  const remaining = lease.remaining - spent;
  return decision(lease.policy, { allowed: true, remaining, retryAfterMs: 0, leftMs: lease.endsMs - now });
}

/** The decision on a charge that is denied until the window ends, or for ever if its cost is above the limit. */
export function deniedBy(policy: Policy, lease: Lease | undefined, now: number, cost: number): Decision {
  const isOver = lease === undefined || now >= lease.endsMs;
  const remaining = isOver ? policy.limit : lease.remaining;
  const leftMs = isOver ? 1 : lease.endsMs - now;
  const denial = { allowed: false, remaining, retryAfterMs: cost > policy.limit ? null : leftMs, leftMs };
  return withReason(decision(policy, denial), policy);
}

/** The server's decision on a charge, with the units held here added to those that remain. */
export function withHeldUnits(decision: Decision, held: number): Decision {
  const remaining = Math.min(decision.limit, decision.remaining + held);
  return withMembers(decision, { remaining, approximate: true });
}

function decision(
  { name, limit, periodMs }: Policy,
  found: { allowed: boolean; remaining: number; retryAfterMs: number | null; leftMs: number },
): Decision {
  return {
    policy: name,
    allowed: found.allowed,
    limit,
    remaining: found.remaining,
    resetMs: found.remaining >= limit ? 0 : found.leftMs,
    retryAfterMs: found.retryAfterMs,
    delayMs: 0,
    windowMs: periodMs,
    approximate: true,
  };
}
