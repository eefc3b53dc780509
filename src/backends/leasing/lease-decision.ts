import type { Decision } from '../../core/decision.js';
import type { Policy } from '../../core/policy.js';
import type { Lease } from './lease-table.js';

/** An allowed charge of leased units, and what is left after it: what is held here, and what the server had left. */
export function allowedBy({ policy, held, remainingAtServer, endsMs }: Lease, now: number, spent = 0): Decision {
  const remaining = Math.min(policy.limit, held + remainingAtServer) - spent;
  return decision(policy, { allowed: true, remaining, retryAfterMs: 0, leftMs: endsMs - now });
}

/** A charge that is denied: until the window ends, or for ever where it is more than the limit. */
export function deniedBy(policy: Policy, lease: Lease | undefined, now: number, cost: number): Decision {
  const isOver = lease === undefined || now >= lease.endsMs;
  const remaining = isOver ? policy.limit : Math.min(policy.limit, lease.held + lease.remainingAtServer);
  const leftMs = isOver ? 1 : lease.endsMs - now;
  return decision(policy, { allowed: false, remaining, retryAfterMs: cost > policy.limit ? null : leftMs, leftMs });
}

function decision(
  { name, limit, periodMs }: Policy,
  told: { allowed: boolean; remaining: number; retryAfterMs: number | null; leftMs: number },
): Decision {
  return {
    policy: name,
    allowed: told.allowed,
    limit,
    remaining: told.remaining,
    resetMs: told.remaining >= limit ? 0 : told.leftMs,
    retryAfterMs: told.retryAfterMs,
    delayMs: 0,
    windowMs: periodMs,
    approximate: true,
  };
}

/** The server's decision on a leased charge: what is held here is left, too. */
export function withHeld(decision: Decision, held: number): Decision {
  return { ...decision, remaining: Math.min(decision.limit, decision.remaining + held), approximate: true };
}
