import { type Awaitable, chainAll, isNativePromise } from '../../core/awaitable.js';
import type { Charge, Receipt } from '../../core/decision.js';
import type { CompiledLimit } from '../../planning/compiled-limit.js';
import type { HandlerLimits } from '../../planning/handler-limits.js';
import { type Call, EXEMPT } from '../../transports/call.js';
import { isEmptySubject } from '../../transports/identity/subject.js';
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

/** The charges of a call in the guard, and the limits that are deferred to the handler phase. */
export interface GuardCharges {
  readonly now: PreparedCharges;
  /** The deferred limits. */
  readonly waiting: readonly CompiledLimit[];
  /** The charges of the address under these limits, if the call ends before the handler phase. */
  readonly address: PreparedCharges;
}

const NOTHING_GIVEN: GivenValues = {};

/** The handler phase of one call. */
export class HandlerPhase {
  /** True if the call was admitted; undefined until the phase runs. */
  isAdmitted: Awaitable<boolean> | undefined;
  /** The receipts of the address's charges, if the response closed before the phase ran. */
  charged: Promise<readonly Receipt[]> | undefined;
  /** Violations of deferred limits that the guard has reported, so that each policy has one per call. */
  reported: readonly Violation[] | undefined;
  /** Stops waiting for the response to close. */
  stopWatching = () => {};

  /**
   * @param owner the limiter that began the call; several applications in a process may bind interceptors to one
   *   function
   * @param taken the charges of the guard, to be refunded if this phase denies the call
   */
  constructor(
    readonly owner: object,
    readonly limits: readonly CompiledLimit[],
    readonly address: PreparedCharges,
    readonly taken: ChargedOutcome,
  ) {}
}

/** Determines for each limit of a handler the charges of the guard, or that it is deferred to the handler phase. */
export function prepareGuardCharges({ guard, handler }: HandlerLimits['byPhase'], call: Call): Awaitable<GuardCharges> {
  const lookups = sharedLookups(guard);
  const entries = chainAll(guard, (limit) => entryOf(limit, call, lookups));
  // The usual case, where nothing is asynchronous: without a closure.
  return isNativePromise(entries)
    ? entries.then((found) => assemble(found, handler, call))
    : assemble(entries, handler, call);
}

/**
 * The charges of a limit: those of the guard or, if the limit is deferred, those of the address if the call ends
 * before.
 */
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
  const byAddress = handler.map((limit) => ({ limit, charges: addressCharges(limit, call), isWaiting: true }));
  const waiting = [...entries.filter(isWaiting), ...byAddress];
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
 * Returns for each limit whether it would charge the address: because `by` finds no subject, no user or no plan; or
 * because it was deferred for a plan or the subjects of overrides, which are still unknown. A limit with several
 * charges may occur several times.
 */
export function areAddressCharged(limits: readonly CompiledLimit[], call: Call): Promise<readonly boolean[]> {
  const lookups = new SubjectLookups();
  const isCharged = async (limit: CompiledLimit): Promise<boolean> => {
    const search = { isUserMissing: false };
    const found = await boundBy(limit, lookups.find(limit, callUnder(limit, call), search));
    if (found === EXEMPT || (await isPlanKnown(limit, call))) return false;
    if (search.isUserMissing || isEmptySubject(found)) return true;
    return !isUserBy(limit.by) && (await isRateUnknown(limit, call));
  };
  return Promise.all(limits.map(isCharged));
}

/** Returns true if the rate of a limit is still unknown: its plan, or the subjects whose overrides apply. */
async function isRateUnknown(limit: CompiledLimit, call: Call): Promise<boolean> {
  return limit.policies.plans !== undefined || !(await areOverridersKnown(limit, callUnder(limit, call)));
}
