import type { Policy } from '../../../core/policy.js';
import type { Grant } from '../../backend.js';
import { type Undecided, unexpectedReply } from './call-verdict.js';
import { policyArgs } from './policy-args.js';

/** The reply of lua/scripts/lease.lua. */
export interface LeaseReply {
  /** The server's time, in epoch milliseconds. */
  readonly serverMs: number;
  readonly verdict: LeaseVerdict;
}

export type LeaseVerdict = { readonly kind: 'decided'; readonly grant: Grant } | Undecided;

/** Status codes of lua/scripts/lease.lua for a request that is not decided. */
const STATUS_LATE = 2;
const STATUS_FOREIGN_VALUE = 3;

/**
 * Encodes the arguments of lua/scripts/lease.lua, which takes up to `wanted` units of a policy's budget.
 *
 * @param instant epoch milliseconds, or '' for the server's time
 * @param deadlineMs in the server's milliseconds
 */
export function leaseArgs(instant: string, deadlineMs: number, policy: Policy, wanted: number): readonly string[] {
  return [instant, `${deadlineMs}`, ...policyArgs(policy), `${wanted}`];
}

/**
 * Decodes a reply of lua/scripts/lease.lua.
 *
 * @throws TypeError if it is none
 */
export function decodeLeaseReply(reply: unknown): LeaseReply {
  if (!Array.isArray(reply) || reply.length < 3) throw unexpectedReply();
  // Some clients are configured to return numbers as strings.
  const numberAt = (index: number) => Number(reply[index]);
  const serverMs = numberAt(0);
  const status = numberAt(2);
  if (status === STATUS_LATE) return { serverMs, verdict: { kind: 'late' } };
  if (status === STATUS_FOREIGN_VALUE) return { serverMs, verdict: { kind: 'foreign-value' } };
  const grant = { at: numberAt(1), granted: numberAt(3), remaining: numberAt(4), endsInMs: numberAt(5) };
  return { serverMs, verdict: { kind: 'decided', grant } };
}
