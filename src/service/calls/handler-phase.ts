import { type Awaitable, chainAll, isNativePromise } from '../../core/awaitable.js';
import type { Charge, Receipt } from '../../core/decision.js';
import type { CompiledLimit } from '../../planning/compiled-limit.js';
import type { HandlerLimits } from '../../planning/handler-limits.js';
import { type Call, EXEMPT } from '../../transports/call.js';
import { isNobody } from '../../transports/identity/subject.js';
import { SubjectLookups, sharedLookups } from '../../transports/identity/subject-lookups.js';
import { isUserBy } from '../../transports/identity/user-lookup.js';
import { addressCharges, chargesOfLimit } from './charges/charge-builder.js';
import { boundBy, callUnder, type GivenValues } from './charges/charge-parts.js';
import type { LateSearch } from './charges/late-search.js';
import { areOverridersKnown } from './charges/overridable-charges.js';
import { isPlanKnown } from './charges/planned-charges.js';
import {
  type ChargedOutcome,
  JoinedCharges,
  NOTHING_PREPARED,
  type PreparedCharges,
} from './charges/prepared-charges.js';
import type { Violation } from './events.js';

/** What a call is charged in the guard, and what waits for the handler phase. */
export interface GuardCharges {
  readonly now: PreparedCharges;
  /** The limits that wait. */
  readonly waiting: readonly CompiledLimit[];
  /** What the address is charged under these limits if the call ends before the handler phase. */
  readonly address: PreparedCharges;
}

const NOTHING_GIVEN: GivenValues = {};

/** The handler phase of one call. */
export class HandlerPhase {
  /** Whether the call was admitted; undefined until the phase runs. */
  isAdmitted: Awaitable<boolean> | undefined;
  /** What the address was charged because the response closed before the phase ran. */
  charged: Promise<readonly Receipt[]> | undefined;
  /** Violations that the guard has reported of limits which wait: each policy's is one a call. */
  reported: readonly Violation[] | undefined;
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
  const lookups = sharedLookups(guard);
  const entries = chainAll(guard, (limit) => entryOf(limit, call, lookups));
  // Without a closure in the usual case, where nothing is asynchronous.
  return isNativePromise(entries)
    ? entries.then((found) => assemble(found, handler, call))
    : assemble(entries, handler, call);
}

/** The charges of a limit: what the guard takes, or, if the limit waits, what the address is charged if the call ends before. */
interface Entry {
  readonly limit: CompiledLimit;
  readonly charges: readonly Charge[];
  readonly isWaiting: boolean;
}

function entryOf(limit: CompiledLimit, call: Call, lookups: SubjectLookups | undefined): Awaitable<Entry> {
  const search: LateSearch | undefined = limit.phase === 'either' ? { isUserMissing: false } : undefined;
  const charges = chargesOfLimit(limit, call, NOTHING_GIVEN, search, lookups);
  if (isNativePromise(charges)) {
    return charges.then((found) => ({ limit, charges: found, isWaiting: isLate(search) }));
  }
  return { limit, charges, isWaiting: isLate(search) };
}

function isLate(search: LateSearch | undefined): boolean {
  if (search === undefined) return false;
  return search.isUserMissing || search.isPlanMissing === true || search.isOverriderMissing === true;
}

function assemble(entries: readonly Entry[], handler: readonly CompiledLimit[], call: Call): GuardCharges {
  if (handler.length === 0 && !entries.some(isWaiting))
    return { now: join(entries), waiting: [], address: NOTHING_PREPARED };
  const unasked = handler.map((limit) => ({ limit, charges: addressCharges(limit, call), isWaiting: true }));
  const waiting = [...entries.filter(isWaiting), ...unasked];
  return {
    now: join(entries.filter((entry) => !entry.isWaiting)),
    waiting: waiting.map(({ limit }) => limit),
    // A call that has ended needs no permit.
    address: join(waiting.filter(({ limit }) => limit.concurrency === undefined)),
  };
}

function isWaiting(entry: Entry): boolean {
  return entry.isWaiting;
}

function join(entries: readonly Entry[]): PreparedCharges {
  const joined = new JoinedCharges();
  for (const { limit, charges } of entries) joined.add(limit, charges);
  return joined;
}

/**
 * Says for each limit whether it would charge the address, because `by` finds nobody, or no user where it looks for one, nor a
 * plan, where the plan says who calls; or because it waited for a plan, or for whose overrides count, which nobody has found. A
 * limit with several charges may come several times.
 */
export function areAddressCharged(limits: readonly CompiledLimit[], call: Call): Promise<readonly boolean[]> {
  const lookups = new SubjectLookups();
  const isCharged = async (limit: CompiledLimit): Promise<boolean> => {
    const search = { isUserMissing: false };
    const found = await boundBy(limit, lookups.find(limit, callUnder(limit, call), search));
    if (found === EXEMPT || (await isPlanKnown(limit, call))) return false;
    if (search.isUserMissing || isNobody(found)) return true;
    return !isUserBy(limit.by) && (await isRateUnknown(limit, call));
  };
  return Promise.all(limits.map(isCharged));
}

/** Returns whether the rate of a limit is still unknown: its plan, which is not known here, or whose overrides count. */
async function isRateUnknown(limit: CompiledLimit, call: Call): Promise<boolean> {
  return limit.policies.plans !== undefined || !(await areOverridersKnown(limit, callUnder(limit, call)));
}
