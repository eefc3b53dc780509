import { type Awaitable, chain, chainAll, isNativePromise } from '../../core/awaitable.js';
import { assertCost, type Charge, type Outcome } from '../../core/decision.js';
import { describeValue, invalidValue, optionAt } from '../../core/errors.js';
import { scopedSubject } from '../../core/key.js';
import type { Policy } from '../../core/policy.js';
import type { Skip } from '../../decorators/policy-options.js';
import type { CompiledLimit } from '../../planning/compiled-limit.js';
import { type Call, EXEMPT, withContext } from '../../transports/call.js';
import { addressOf, checkedSubject, isNobody } from '../../transports/identity/subject.js';
import { type SubjectLookups, sharedLookups } from '../../transports/identity/subject-lookups.js';
import { findWithSearch, type UserSearch } from '../../transports/identity/user-lookup.js';

/** The charges of a call, and the limits that they come from: one a charge, or a single limit for all. */
export interface PreparedCharges {
  readonly charges: readonly Charge[];
  readonly limits: readonly CompiledLimit[];
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
    return isNativePromise(charges) ? charges.then((found) => ({ charges: found, limits })) : { charges, limits };
  }
  const lookups = overrides.subject === undefined ? sharedLookups(limits) : undefined;
  const lists = chainAll(limits, (limit) => chargesOfLimit(limit, call, overrides, undefined, lookups));
  return chain(lists, (found) => join(found, limits));
}

/** Joins the charges of several limits, each beside the limit that it comes from. */
function join(lists: readonly (readonly Charge[])[], limits: readonly CompiledLimit[]): PreparedCharges {
  const charges: Charge[] = [];
  const sources: CompiledLimit[] = [];
  for (const [i, limit] of limits.entries()) {
    for (const charge of lists[i] ?? []) {
      charges.push(charge);
      sources.push(limit);
    }
  }
  return { charges, limits: sources };
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
 * @param search notes whether the limit looks for a user and finds none; the charges are the address's then
 * @param lookups asks the functions `by` that the limit may share with others of the call
 */
export function chargesOfLimit(
  limit: CompiledLimit,
  plainCall: Call,
  overrides: ChargeOverrides,
  search?: UserSearch,
  lookups?: SubjectLookups,
): Awaitable<readonly Charge[]> {
  const { skip, policies } = limit;
  const call = callUnder(limit, plainCall);
  const { fixed } = policies;
  if (skip === undefined && fixed !== undefined) return resolveCharges(limit, fixed, call, overrides, search, lookups);
  return chain(isSkipped(skip, call, limit.place), (skipped) => {
    if (skipped) return NONE;
    return chain(policies.of(call), (found) => resolveCharges(limit, found, call, overrides, search, lookups));
  });
}

/** Returns the call as the functions of a limit see it. */
export function callUnder({ context }: CompiledLimit, call: Call): Call {
  return context === undefined ? call : withContext(call, { ...context, ...call.context });
}

/**
 * Returns what a call costs its address under a limit whose functions cannot be asked yet. A cost that is a function counts as 1;
 * a limit with a function for `rate` or `skip` charges nothing.
 */
export function addressCharges(limit: CompiledLimit, plainCall: Call): readonly Charge[] {
  const { policies, skip, cost } = limit;
  if (policies.fixed === undefined || skip !== undefined) return NONE;
  const call = callUnder(limit, plainCall);
  const subject = scopedSubject(scopeOf(limit, call), addressOf(call));
  return chargesFor(policies.fixed, subject, typeof cost === 'number' ? cost : 1);
}

function resolveCharges(
  limit: CompiledLimit,
  policies: readonly Policy[],
  call: Call,
  overrides: ChargeOverrides,
  search: UserSearch | undefined,
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
