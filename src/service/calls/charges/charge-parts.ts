import { type Awaitable, chain } from '../../../core/awaitable.js';
import { assertCost, type Charge } from '../../../core/decision.js';
import { invalidArgument, optionAt } from '../../../core/errors.js';
import { scopedSubject } from '../../../core/key.js';
import type { Policy } from '../../../core/policy.js';
import type { CompiledLimit } from '../../../planning/compiled-limit.js';
import { type Call, type CostOf, EXEMPT, withContext } from '../../../transports/call.js';
import { addressOf, checkedSubject, type FoundSubject, isEmptySubject } from '../../../transports/identity/subject.js';
import type { SubjectLookups } from '../../../transports/identity/subject-lookups.js';
import { findWithSearch } from '../../../transports/identity/user-lookup.js';
import type { KeepPermits } from '../permits/permit-taker.js';
import type { LateSearch } from './late-search.js';

/** Values passed to the service that replace those of the limits. */
export interface GivenValues {
  readonly cost?: number | undefined;
  /** The subject, used verbatim. */
  readonly subject?: string | undefined;
  /** If false, the call does not queue for permits. */
  readonly mayQueue?: boolean | undefined;
  /** Called with the permits that are taken. Default: the call holds them. */
  readonly keep?: KeepPermits;
}

/** No charges. */
export const NO_CHARGES: readonly Charge[] = [];

/** Returns the call with the context of a limit, for its functions. */
export function callUnder({ context }: CompiledLimit, call: Call): Call {
  return context === undefined ? call : withContext(call, { ...context, ...call.context });
}

/** Returns the scope in the context of a call. @throws ThrottleConfigError for anything but a string */
export function scopeOf({ place }: CompiledLimit, { context: { scope } }: Call): string | undefined {
  if (scope === undefined || typeof scope === 'string') return scope;
  throw invalidArgument(optionAt(place, 'context.scope'), 'a string', scope);
}

/**
 * Returns the subject charged under a limit, within the scope of the call: the given subject, else the result of `by`,
 * else the address.
 */
export function subjectFor(
  limit: CompiledLimit,
  call: Call,
  given: string | undefined,
  search: LateSearch | undefined,
  lookups: SubjectLookups | undefined,
): Awaitable<string | typeof EXEMPT> {
  const scope = scopeOf(limit, call);
  if (given !== undefined) {
    if (typeof given !== 'string' || given === '')
      throw invalidArgument('subject', 'a string that is not empty', given);
    return scopedSubject(scope, given);
  }
  const found = lookups === undefined ? findWithSearch(limit.by, call, search) : lookups.find(limit, call, search);
  // The usual case, without a promise.
  if (typeof found === 'string' && found !== '' && search?.isUserMissing !== true) return scopedSubject(scope, found);
  return chain(boundBy(limit, found), (one) => {
    if (one === EXEMPT) return EXEMPT;
    const subject = isEmptySubject(one) || search?.isUserMissing === true ? addressOf(call) : one;
    return scopedSubject(
      scope,
      typeof subject === 'string' ? subject : checkedSubject(subject, optionAt(limit.place, 'by')),
    );
  });
}

/** Returns the result of a limit's `by`, with its deadline. */
export function boundBy(limit: CompiledLimit, found: Awaitable<FoundSubject>): Awaitable<FoundSubject> {
  return limit.deadlines.bound(found, limit, 'by');
}

/** Returns the policies of a limit, ignoring plans. */
export function ownPolicies(limit: CompiledLimit, call: Call): Awaitable<readonly Policy[]> {
  return limit.deadlines.bound(limit.policies.of(call), limit, 'rate');
}

/** Returns the units that a call costs. */
export function costFor(limit: CompiledLimit, call: Call, cost: CompiledLimit['cost']): Awaitable<number> {
  if (typeof cost === 'number') return cost;
  const option = limit.concurrency === undefined ? 'cost' : 'concurrency.weight';
  return chain(limit.deadlines.bound(cost(call), limit, option), (units) => {
    assertCost(units, optionAt(limit.place, option));
    return units;
  });
}

/**
 * Returns the cost of a call under a limit: the given cost, if any. For permits a given cost of 0 reads; any other
 * means the limit's own weight.
 */
export function costUnder({ cost, concurrency }: CompiledLimit, given: number | undefined): number | CostOf {
  if (given === undefined || (concurrency !== undefined && given !== 0)) return cost;
  return given;
}

/** Returns the cost of a call where functions cannot be called yet. */
export function costAhead({ cost }: CompiledLimit): number {
  return typeof cost === 'number' ? cost : 1;
}

/** Returns one charge per policy; none for a cost of 0. */
export function chargesFor(policies: readonly Policy[], subject: string, cost: number): readonly Charge[] {
  if (cost === 0) return NO_CHARGES;
  const only = policies[0]; // destructuring an array is several times as expensive
  if (only !== undefined && policies.length === 1) return [{ policy: only, subject, cost }];
  return policies.map((policy) => ({ policy, subject, cost }));
}
