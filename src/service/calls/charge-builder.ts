import { type Awaitable, chain, chainAll, isNativePromise } from '../../core/awaitable.js';
import { assertCost, type Charge, type Decision, type Outcome } from '../../core/decision.js';
import { describeValue, invalidValue, optionAt } from '../../core/errors.js';
import { scopedSubject } from '../../core/key.js';
import type { Policy } from '../../core/policy.js';
import type { Skip } from '../../decorators/policy-options.js';
import type { CompiledLimit } from '../../planning/compiled-limit.js';
import type { PlannedPolicies } from '../../planning/plans/planned-policies.js';
import { type Call, EXEMPT, withContext } from '../../transports/call.js';
import { addressOf, checkedSubject, isNobody } from '../../transports/identity/subject.js';
import { type SubjectLookups, sharedLookups } from '../../transports/identity/subject-lookups.js';
import { findWithSearch, type UserSearch } from '../../transports/identity/user-lookup.js';
import type { LateSearch } from './late-search.js';
import { withAddressOverrides, withOverrides } from './overridable-charges.js';

/** The charges of a call, and the limits that they come from: one a charge, or a single limit for all. */
export interface PreparedCharges {
  readonly charges: readonly Charge[];
  readonly limits: readonly CompiledLimit[];
  /** The decisions of limits that the plan of the call lifts: no backend makes them. Undefined if there are none. */
  readonly unlimited?: readonly Decision[];
}

/** Returns the limit that a charge comes from. */
export function limitAt({ limits }: PreparedCharges, index: number): CompiledLimit | undefined {
  return limits.length === 1 ? limits[0] : limits[index];
}

/** The outcome of a call, and the charges that it decides. */
export interface ChargedOutcome extends PreparedCharges {
  readonly outcome: Outcome;
}

/** Values that the service is given in place of those of the limits. */
export interface ChargeOverrides {
  readonly cost?: number | undefined;
  /** Used verbatim. */
  readonly subject?: string | undefined;
}

/**
 * Returns the charges of a call under these limits, in order. A limit has none if it exempts or skips the call, is unlimited
 * or costs 0.
 */
export function prepareCharges(
  limits: readonly CompiledLimit[],
  call: Call,
  overrides: ChargeOverrides,
): Awaitable<PreparedCharges> {
  const [only] = limits;
  if (only !== undefined && limits.length === 1) {
    const charges = chargesOfLimit(only, call, overrides);
    return isNativePromise(charges)
      ? charges.then((found) => ofOne(found, only, limits))
      : ofOne(charges, only, limits);
  }
  const lookups = overrides.subject === undefined ? sharedLookups(limits) : undefined;
  const lists = chainAll(limits, (limit) => chargesOfLimit(limit, call, overrides, undefined, lookups));
  return chain(lists, (found) => join(found, limits));
}

/** Joins the charges of several limits, each beside the limit that it comes from. */
function join(lists: readonly (readonly Charge[])[], limits: readonly CompiledLimit[]): PreparedCharges {
  const charges: Charge[] = [];
  const sources: CompiledLimit[] = [];
  let unlimited: readonly Decision[] | undefined;
  for (const [i, limit] of limits.entries()) {
    const list = lists[i] ?? NONE;
    unlimited = withLifted(unlimited, limit, list);
    for (const charge of list) {
      charges.push(charge);
      sources.push(limit);
    }
  }
  return unlimited === undefined ? { charges, limits: sources } : { charges, limits: sources, unlimited };
}

function ofOne(charges: readonly Charge[], limit: CompiledLimit, limits: readonly CompiledLimit[]): PreparedCharges {
  const unlimited = withLifted(undefined, limit, charges);
  return unlimited === undefined ? { charges, limits } : { charges, limits, unlimited };
}

/** Adds the decision of a limit that the plan of the call lifts, as its charges say. */
export function withLifted(
  unlimited: readonly Decision[] | undefined,
  { policies: { plans } }: CompiledLimit,
  charges: readonly Charge[],
): readonly Decision[] | undefined {
  if (plans === undefined) return unlimited;
  const decision = plans.decisionOn(charges);
  return decision === undefined ? unlimited : [...(unlimited ?? []), decision];
}

/** Returns whether `skip` exempts the call. @throws TypeError for anything but a boolean: a string would exempt every call */
export function isSkipped(skip: Skip | undefined, call: Call, place: string): Awaitable<boolean> {
  if (skip === undefined) return false;
  return chain(skip(call), (answer) => {
    if (typeof answer === 'boolean') return answer;
    throw new TypeError(`${optionAt(place, 'skip')}: expected true or false, got ${describeValue(answer)}`);
  });
}

const NONE: readonly Charge[] = [];

/**
 * Returns the charges of a call under one limit.
 *
 * @param search notes whether the limit looks for a user, or for whose overrides count, and finds none; the charges are the address's
 *   then
 * @param lookups asks the functions `by` that the limit may share with others of the call
 */
export function chargesOfLimit(
  limit: CompiledLimit,
  plainCall: Call,
  overrides: ChargeOverrides,
  search?: LateSearch,
  lookups?: SubjectLookups,
): Awaitable<readonly Charge[]> {
  const call = callUnder(limit, plainCall);
  const charges = ownCharges(limit, { call, plainCall }, overrides, search, lookups);
  if (limit.overrides === undefined) return charges;
  return chain(charges, (found) => withOverrides(limit, call, found, search));
}

function ownCharges(
  limit: CompiledLimit,
  { call, plainCall }: { readonly call: Call; readonly plainCall: Call },
  overrides: ChargeOverrides,
  search: LateSearch | undefined,
  lookups: SubjectLookups | undefined,
): Awaitable<readonly Charge[]> {
  const { skip, policies } = limit;
  const { fixed, mode, plans } = policies;
  if (skip === undefined && fixed !== undefined && mode === undefined)
    return resolveCharges(limit, fixed, call, overrides, search, lookups);
  if (mode === 'off') return NONE;
  return chain(isSkipped(skip, call, limit.place), (skipped) => {
    if (skipped) return NONE;
    return chain(typeof mode === 'function' ? mode(call) : mode, (found) => {
      if (found === 'off') return noCharges({ limit, call, plainCall }, overrides, search, lookups);
      const charges =
        plans === undefined
          ? chain(policies.of(call), (some) => resolveCharges(limit, some, call, overrides, search, lookups))
          : plannedCharges({ limit, plans, call, plainCall }, overrides, search, lookups);
      return found === 'monitor' ? chain(charges, monitored) : charges;
    });
  });
}

const NO_POLICIES: readonly Policy[] = [];

/** Charges nothing. A function may answer otherwise where the user or the plan is known, so a search for them goes on. */
function noCharges(
  { limit, call, plainCall }: Omit<PlannedCall, 'plans'>,
  overrides: ChargeOverrides,
  search: LateSearch | undefined,
  lookups: SubjectLookups | undefined,
): Awaitable<readonly Charge[]> {
  const { plans } = limit.policies;
  if (search === undefined) return NONE;
  if (plans === undefined) return resolveCharges(limit, NO_POLICIES, call, overrides, search, lookups);
  const free = { ...limit, cost: 0 };
  return chain(plannedCharges({ limit: free, plans, call, plainCall }, overrides, search, lookups), () => NONE);
}

/** Returns the charges of a limit that denies nothing. An empty list is known by its identity: see `PlannedPolicies.unlimited`. */
function monitored(charges: readonly Charge[]): readonly Charge[] {
  return charges.length === 0 ? charges : charges.map((charge) => ({ ...charge, mode: 'monitor' }));
}

/** Returns the call as the functions of a limit see it. */
export function callUnder({ context }: CompiledLimit, call: Call): Call {
  return context === undefined ? call : withContext(call, { ...context, ...call.context });
}

/**
 * Returns what a call costs its address under a limit whose functions cannot be asked yet. A cost that is a function counts as 1;
 * a limit with a function for `rate`, `mode` or `skip` charges nothing.
 */
export function addressCharges(limit: CompiledLimit, plainCall: Call): readonly Charge[] {
  const { policies, skip, cost } = limit;
  const { mode } = policies;
  if (skip !== undefined || typeof mode === 'function' || mode === 'off') return NONE;
  const call = callUnder(limit, plainCall);
  if (policies.plans !== undefined) {
    const unplanned = unplannedCharges(limit, policies.plans, call);
    return mode === 'monitor' ? monitored(unplanned) : unplanned;
  }
  if (policies.fixed === undefined) return NONE;
  const subject = scopedSubject(scopeOf(limit, call), addressOf(call));
  const charges = chargesFor(policies.fixed, subject, typeof cost === 'number' ? cost : 1);
  const overridable = limit.overrides === undefined ? charges : withAddressOverrides(limit, call, charges);
  return mode === 'monitor' ? monitored(overridable) : overridable;
}

/** A limit under plans, and a call under it. */
interface PlannedCall {
  readonly limit: CompiledLimit;
  readonly plans: PlannedPolicies;
  readonly call: Call;
  /** The call without the context of the limit: the plan of a call is that of all its limits. */
  readonly plainCall: Call;
}

/** Returns the charges of a call at the rates of its plan. */
function plannedCharges(
  planned: PlannedCall,
  overrides: ChargeOverrides,
  search: LateSearch | undefined,
  lookups: SubjectLookups | undefined,
): Awaitable<readonly Charge[]> {
  const { limit, plans, call } = planned;
  return chain(subjectFor(limit, call, overrides.subject, search, lookups), (subject) => {
    if (subject === EXEMPT) return NONE;
    // Until it is known who calls, nobody has a plan.
    if (search?.isUserMissing === true) return unplannedCharges(limit, plans, call);
    return chain(planOf(planned, subject, overrides.subject, search === undefined), (plan) => {
      if (plan === undefined) {
        if (search !== undefined) search.isPlanMissing = true;
        return unplannedCharges(limit, plans, call);
      }
      return chain(plans.under(plan, call), (policies) => {
        if (policies === undefined)
          return limit.overrides === undefined ? plans.unlimited : liftedCharges(planned, subject, overrides);
        return chain(costFor(limit, call, overrides.cost ?? limit.cost), (units) =>
          chargesFor(policies, subject, units),
        );
      });
    });
  });
}

/** Returns the charges of a call that its plan does not limit, and an override may: it counts before the plan. */
function liftedCharges(
  { limit, plans, call }: PlannedCall,
  subject: string,
  overrides: ChargeOverrides,
): Awaitable<readonly Charge[]> {
  return chain(limit.policies.of(call), (own) =>
    chain(costFor(limit, call, overrides.cost ?? limit.cost), (units) => {
      const charges = chargesFor(own, subject, units);
      return charges.length === 0 ? plans.unlimited : charges.map((charge) => ({ ...charge, unlimited: true }));
    }),
  );
}

/** @param isFinal whether a call without a plan has the default plan */
function planOf(
  { limit, plans, call, plainCall }: PlannedCall,
  charged: string,
  given: string | undefined,
  isFinal: boolean,
): Awaitable<string | undefined> {
  return plans.lookup.find(plainCall, { charged, given, scope: scopeOf(limit, call), isFinal });
}

/** Returns whether the plan of a call is known, of which only the guards have run. */
export async function isPlanKnown(limit: CompiledLimit, plainCall: Call): Promise<boolean> {
  const { plans } = limit.policies;
  if (plans === undefined) return false;
  const call = callUnder(limit, plainCall);
  const subject = await subjectFor(limit, call, undefined, undefined, undefined);
  return (
    subject === EXEMPT || (await planOf({ limit, plans, call, plainCall }, subject, undefined, false)) !== undefined
  );
}

/**
 * Returns what a call whose plan is not known costs its address: it counts under the default plan, apart from calls whose plan is
 * known. So nobody is denied at the rate of the default plan for what clients of other plans at the same address have done.
 */
function unplannedCharges(limit: CompiledLimit, { byDefault }: PlannedPolicies, call: Call): readonly Charge[] {
  const subject = scopedSubject(scopeOf(limit, call), `unplanned:${addressOf(call)}`);
  return chargesFor(byDefault, subject, typeof limit.cost === 'number' ? limit.cost : 1);
}

function resolveCharges(
  limit: CompiledLimit,
  policies: readonly Policy[],
  call: Call,
  overrides: ChargeOverrides,
  search: LateSearch | undefined,
  lookups: SubjectLookups | undefined,
): Awaitable<readonly Charge[]> {
  // A rate that is unlimited without a user may be another with one, so a search goes on.
  if (policies.length === 0 && search === undefined) return NONE;
  const subject = subjectFor(limit, call, overrides.subject, search, lookups);
  const cost = overrides.cost ?? limit.cost;
  if (typeof subject === 'string' && typeof cost === 'number') return chargesFor(policies, subject, cost);
  return chain(subject, (found) =>
    found === EXEMPT ? NONE : chain(costFor(limit, call, cost), (units) => chargesFor(policies, found, units)),
  );
}

function chargesFor(policies: readonly Policy[], subject: string, cost: number): readonly Charge[] {
  if (cost === 0) return NONE;
  const [only] = policies;
  if (only !== undefined && policies.length === 1) return [{ policy: only, subject, cost }];
  return policies.map((policy) => ({ policy, subject, cost }));
}

function subjectFor(
  limit: CompiledLimit,
  call: Call,
  given: string | undefined,
  search: UserSearch | undefined,
  lookups: SubjectLookups | undefined,
): Awaitable<string | typeof EXEMPT> {
  const scope = scopeOf(limit, call);
  if (given !== undefined) {
    if (typeof given !== 'string' || given === '') throw invalidValue('subject', 'a text that is not empty', given);
    return scopedSubject(scope, given);
  }
  const found = lookups === undefined ? findWithSearch(limit.by, call, search) : lookups.find(limit, call, search);
  if (typeof found === 'string' && found !== '' && search?.isUserMissing !== true) return scopedSubject(scope, found);
  return chain(found, (one) => {
    if (one === EXEMPT) return EXEMPT;
    const subject = isNobody(one) || search?.isUserMissing === true ? addressOf(call) : one;
    return scopedSubject(
      scope,
      typeof subject === 'string' ? subject : checkedSubject(subject, optionAt(limit.place, 'by')),
    );
  });
}

function scopeOf({ place }: CompiledLimit, { context: { scope } }: Call): string | undefined {
  if (scope === undefined || typeof scope === 'string') return scope;
  throw invalidValue(optionAt(place, 'context.scope'), 'a text', scope);
}

function costFor({ place }: CompiledLimit, call: Call, cost: CompiledLimit['cost']): Awaitable<number> {
  if (typeof cost === 'number') return cost;
  return chain(cost(call), (units) => {
    assertCost(units, optionAt(place, 'cost'));
    return units;
  });
}
