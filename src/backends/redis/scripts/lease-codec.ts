import type { Outcome } from '../../../core/decision.js';
import type { Policy } from '../../../core/policy.js';
import type { Grant } from '../../backend.js';

/** A script's answer to one call. */
export type CallVerdict =
  | {
      readonly kind: 'decided';
      readonly outcome: Outcome;
      readonly leftBehind: readonly { policy: string; was: string }[];
    }
  | { readonly kind: 'late' }
  | { readonly kind: 'garbage' };

/** The answer of lua/lease.lua. */
export type LeaseReply =
  | { readonly kind: 'decided'; readonly grant: Grant; readonly was: string | undefined }
  | { readonly kind: 'late' }
  | { readonly kind: 'garbage' };

/** A policy as the scripts read it. */
export function policyArgs({ strategy, limit, periodMs, burst, segments }: Policy): string[] {
  return [strategy, String(limit), String(periodMs), String(burst), String(segments)];
}

/** What lua/lease.lua says of a call that is not decided. */
const LEASE_LATE = 2;
const LEASE_GARBAGE = 3;

/** Reads the reply of lua/lease.lua. */
export function decodeLeaseReply(reply: unknown): { readonly serverMs: number; readonly leased: LeaseReply } {
  if (!Array.isArray(reply) || reply.length < 3) throw unexpectedReply();
  const [serverMs, at, status, granted, remaining, endsInMs] = reply.map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const was: unknown = reply[6];
  const grant = { granted, remaining, at, endsInMs };
  if (status === LEASE_LATE || status === LEASE_GARBAGE)
    return { serverMs, leased: { kind: status === LEASE_LATE ? 'late' : 'garbage' } };
  return {
    serverMs,
    leased: { kind: 'decided', grant, was: typeof was === 'string' && was !== '0' ? was : undefined },
  };
}

/** What a reply is that no script of ours gives. */
export function unexpectedReply(): TypeError {
  return new TypeError(
    'the script answered in another form: a member of a decision may be missing in the Lua of a strategy',
  );
}

/** The indexes of items, by the place that each is at, in order of first appearance. */
export function groupBy<T>(items: readonly T[], placeOf: (item: T) => number): readonly (readonly number[])[] {
  const groups = new Map<number, number[]>();
  items.forEach((item, i) => {
    const place = placeOf(item);
    const group = groups.get(place);
    if (group === undefined) groups.set(place, [i]);
    else group.push(i);
  });
  return [...groups.values()];
}
