import { type Awaitable, chain, chainAll, isNativePromise } from '../../../core/awaitable.js';
import { type Charge, withMembers } from '../../../core/decision.js';
import { describeValue, optionAt } from '../../../core/errors.js';
import { scopedSubject } from '../../../core/key.js';
import type { Policy } from '../../../core/policy.js';
import type { Skip } from '../../../decorators/policy-options.js';
import type { CompiledLimit } from '../../../planning/compiled-limit.js';
import { type Call, EXEMPT } from '../../../transports/call.js';
import type { FunctionOwner } from '../../../transports/functions/function-deadlines.js';
import { addressOf } from '../../../transports/identity/subject.js';
import { type SubjectLookups, sharedLookups } from '../../../transports/identity/subject-lookups.js';
import {
  callUnder,
  chargesFor,
  costAhead,
  costFor,
  costUnder,
  type GivenValues,
  NO_CHARGES,
  ownPolicies,
  scopeOf,
  subjectFor,
} from './charge-parts.js';
import type { LateSearch } from './late-search.js';
import { withAddressOverrides, withOverrides } from './overridable-charges.js';
import { type PlannedCall, plannedCharges, unplannedCharges } from './planned-charges.js';
import { chargesOfOne, JoinedCharges, type PreparedCharges } from './prepared-charges.js';

/**
 * Returns the charges of a call under these limits, in order. A limit has no charges if it exempts or skips the call,
 * is unlimited, or costs 0.
 */
export function prepareCharges(
  limits: readonly CompiledLimit[],
  call: Call,
  given: GivenValues,
): Awaitable<PreparedCharges> {
  const only = limits[0]; // destructuring an array is several times as expensive
  if (only !== undefined && limits.length === 1) {
    const charges = chargesOfLimit(only, call, given);
    return isNativePromise(charges)
      ? charges.then((found) => chargesOfOne(found, only, limits))
      : chargesOfOne(charges, only, limits);
  }
  const lookups = given.subject === undefined ? sharedLookups(limits) : undefined;
  const lists = chainAll(limits, (limit) => chargesOfLimit(limit, call, given, undefined, lookups));
  return chain(lists, (found) => {
    const joined = new JoinedCharges();
    for (const [i, limit] of limits.entries()) joined.add(limit, found[i] ?? NO_CHARGES);
    return joined;
  });
}

/**
 * Returns whether `skip` exempts the call.
 *
 * @throws TypeError for anything but a boolean: a string would exempt every call
 */
export function isSkipped(
  skip: Skip | undefined,
  call: Call,
  owner: FunctionOwner & Pick<CompiledLimit, 'deadlines'>,
): Awaitable<boolean> {
  if (skip === undefined) return false;
  return chain(owner.deadlines.bound(skip(call), owner, 'skip'), (answer) => {
    if (typeof answer === 'boolean') return answer;
    throw new TypeError(`${optionAt(owner.place, 'skip')}: expected true or false, got ${describeValue(answer)}`);
  });
}

/**
 * Returns the charges of a call under one limit.
 *
 * @param search records if the limit looks for a user, or for the subjects of overrides, and finds none. Then the
 *   address is charged
 * @param lookups calls functions `by` that the limit may share with other limits of the call
 */
export function chargesOfLimit(
  limit: CompiledLimit,
  plainCall: Call,
  given: GivenValues,
  search?: LateSearch,
  lookups?: SubjectLookups,
): Awaitable<readonly Charge[]> {
  const call = callUnder(limit, plainCall);
  const charges = ownCharges(limit, call, plainCall, given, search, lookups);
  const { overrides, quota } = limit;
  const overridable =
    overrides === undefined ? charges : chain(charges, (found) => withOverrides(limit, call, found, search));
  if (quota === undefined) return overridable;
  return chain(overridable, (found) => limit.deadlines.bound(quota.addWindows(found, call), limit, 'anchor'));
}

function ownCharges(
  limit: CompiledLimit,
  call: Call,
  plainCall: Call,
  given: GivenValues,
  search: LateSearch | undefined,
  lookups: SubjectLookups | undefined,
): Awaitable<readonly Charge[]> {
  const { skip, policies } = limit;
  const { fixed, mode, plans } = policies;
  if (skip === undefined && fixed !== undefined && mode === undefined)
    return resolveCharges(limit, fixed, call, given, search, lookups);
  if (mode === 'off') return NO_CHARGES;
  return chain(isSkipped(skip, call, limit), (skipped) => {
    if (skipped) return NO_CHARGES;
    const wanted = typeof mode === 'function' ? limit.deadlines.bound(mode(call), limit, 'mode') : mode;
    return chain(wanted, (found) => {
      if (found === 'off') return noCharges({ limit, call, plainCall }, given, search, lookups);
      const charges =
        plans === undefined
          ? chain(ownPolicies(limit, call), (some) => resolveCharges(limit, some, call, given, search, lookups))
          : plannedCharges({ limit, plans, call, plainCall }, given, search, lookups);
      return found === 'monitor' ? chain(charges, monitored) : charges;
    });
  });
}

const NO_POLICIES: readonly Policy[] = [];

/**
 * Charges nothing. When user and plan are known, a function may return a different result, so the search for them
 * continues.
 */
function noCharges(
  { limit, call, plainCall }: Omit<PlannedCall, 'plans'>,
  given: GivenValues,
  search: LateSearch | undefined,
  lookups: SubjectLookups | undefined,
): Awaitable<readonly Charge[]> {
  const { plans } = limit.policies;
  if (search === undefined) return NO_CHARGES;
  if (plans === undefined) return resolveCharges(limit, NO_POLICIES, call, given, search, lookups);
  const free = { ...limit, cost: 0 };
  return chain(plannedCharges({ limit: free, plans, call, plainCall }, given, search, lookups), () => NO_CHARGES);
}

/**
 * Returns the charges of a monitored limit. Returns an empty array as it is, because `PlannedPolicies.unlimited` is
 * compared by identity.
 */
function monitored(charges: readonly Charge[]): readonly Charge[] {
  return charges.length === 0 ? charges : charges.map((charge) => withMembers(charge, { mode: 'monitor' }));
}

/**
 * Returns the charges of the call's address under a limit whose functions cannot be called yet. A cost function counts
 * as 1; a limit with a function for `rate`, `mode` or `skip` charges nothing.
 */
export function addressCharges(limit: CompiledLimit, plainCall: Call): readonly Charge[] {
  const { skip, policies } = limit;
  const { mode, plans } = policies;
  if (skip !== undefined || typeof mode === 'function' || mode === 'off') return NO_CHARGES;
  const call = callUnder(limit, plainCall);
  const charges = plans === undefined ? ownAddressCharges(limit, call) : unplannedCharges(limit, plans, call);
  const withWindows = limit.quota === undefined ? charges : limit.quota.addKnownWindows(charges);
  return mode === 'monitor' ? monitored(withWindows) : withWindows;
}

function ownAddressCharges(limit: CompiledLimit, call: Call): readonly Charge[] {
  const { fixed } = limit.policies;
  if (fixed === undefined) return NO_CHARGES;
  const subject = scopedSubject(scopeOf(limit, call), addressOf(call));
  return withAddressOverrides(limit, call, chargesFor(fixed, subject, costAhead(limit)));
}

function resolveCharges(
  limit: CompiledLimit,
  policies: readonly Policy[],
  call: Call,
  given: GivenValues,
  search: LateSearch | undefined,
  lookups: SubjectLookups | undefined,
): Awaitable<readonly Charge[]> {
  // A rate that is unlimited without a user may differ with one, so the search continues.
  if (policies.length === 0 && search === undefined) return NO_CHARGES;
  const subject = subjectFor(limit, call, given.subject, search, lookups);
  const cost = costUnder(limit, given.cost);
  if (typeof subject === 'string' && typeof cost === 'number') return chargesFor(policies, subject, cost);
  return chain(subject, (found) =>
    found === EXEMPT ? NO_CHARGES : chain(costFor(limit, call, cost), (units) => chargesFor(policies, found, units)),
  );
}
