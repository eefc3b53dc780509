import { type Awaitable, chain, chainAll } from '../../core/awaitable.js';
import type { Charge, Receipt } from '../../core/decision.js';
import type { CompiledLimit } from '../../planning/compiled-limit.js';
import type { HandlerLimits } from '../../planning/handler-limits.js';
import { type Call, EXEMPT } from '../../transports/call.js';
import { isNobody } from '../../transports/identity/subject.js';
import { findWithSearch } from '../../transports/identity/user-lookup.js';
import {
  addressCharges,
  type ChargedOutcome,
  callUnder,
  chargesOfLimit,
  joinCharges,
  type PreparedCharges,
} from './charge-builder.js';

/** What a call is charged in the guard, and what waits for the handler phase. */
export interface GuardCharges {
  readonly now: PreparedCharges;
  /** The limits that wait. */
  readonly waiting: readonly CompiledLimit[];
  /** What the address is charged under these limits if the call ends before the handler phase. */
  readonly address: PreparedCharges;
}

/** The handler phase of one call. */
export class HandlerPhase {
  /** Whether the call was admitted; undefined until the phase runs. */
  isAdmitted: Awaitable<boolean> | undefined;
  /** What the address was charged because the response closed before the phase ran. */
  charged: Promise<readonly Receipt[]> | undefined;
  /** Stops waiting for the response to close. */
  stopWatching = () => {};

  /**
   * @param owner the limiter that began the call: several applications of a process may bind interceptors to one function
   * @param taken what the guard took, to be returned if this phase denies the call
   */
  constructor(
    readonly owner: object,
    readonly limits: readonly CompiledLimit[],
    readonly address: PreparedCharges,
    readonly taken: ChargedOutcome,
  ) {}
}

/** Says for each limit of a handler what the guard charges, or that it waits for the handler phase. */
export function prepareGuardCharges({ guard, handler }: HandlerLimits['byPhase'], call: Call): Awaitable<GuardCharges> {
  const prepared = chainAll(guard, (limit) => {
    if (limit.phase !== 'user') {
      return chain(chargesOfLimit(limit, call, {}), (charges) => ({ limit, charges, isWaiting: false }));
    }
    const search = { isUserMissing: false };
    return chain(chargesOfLimit(limit, call, {}, search), (charges) => ({
      limit,
      charges,
      isWaiting: search.isUserMissing,
    }));
  });
  return chain(prepared, (found) => {
    const now = found.filter(({ isWaiting }) => !isWaiting);
    const unrun = handler.map((limit) => ({ limit, charges: addressCharges(limit, call) }));
    const waiting = [...found.filter(({ isWaiting }) => isWaiting), ...unrun];
    return { now: joinEntries(now), waiting: waiting.map(({ limit }) => limit), address: joinEntries(waiting) };
  });
}

interface Entry {
  readonly limit: CompiledLimit;
  readonly charges: readonly Charge[];
}

function joinEntries(entries: readonly Entry[]): PreparedCharges {
  return joinCharges(
    entries.map(({ charges }) => charges),
    entries.map(({ limit }) => limit),
  );
}

/** Joins the charges of both, in this order. */
export function joinPrepared(first: PreparedCharges, second: PreparedCharges): PreparedCharges {
  return { charges: [...first.charges, ...second.charges], limits: [...first.limits, ...second.limits] };
}

/** Returns true if a limit would charge the address, because `by` finds nobody, or no user where it looks for one. */
export async function isAddressCharged(limit: CompiledLimit, call: Call): Promise<boolean> {
  const search = { isUserMissing: false };
  const found = await findWithSearch(limit.by, callUnder(limit, call), search);
  return found !== EXEMPT && (search.isUserMissing || isNobody(found));
}
