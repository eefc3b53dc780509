import { type Awaitable, chain } from '../../../core/awaitable.js';
import { assertCost, type Charge } from '../../../core/decision.js';
import { invalidArgument, optionAt } from '../../../core/errors.js';
import { scopedSubject } from '../../../core/key.js';
import type { Policy } from '../../../core/policy.js';
import type { CompiledLimit } from '../../../planning/compiled-limit.js';
import { type Call, type CostOf, EXEMPT, withContext } from '../../../transports/call.js';
import { addressOf, checkedSubject, type FoundSubject, isNobody } from '../../../transports/identity/subject.js';
import type { SubjectLookups } from '../../../transports/identity/subject-lookups.js';
import { findWithSearch } from '../../../transports/identity/user-lookup.js';
import type { KeepPermits } from '../permits/permit-taker.js';
import type { LateSearch } from './late-search.js';

/** Values that the service is given in place of those of the limits. */
export interface GivenValues {
  readonly cost?: number | undefined;
  /** Used verbatim. */
  readonly subject?: string | undefined;
  /** False: the call does not queue for permits. */
  readonly mayQueue?: boolean | undefined;
  /** Holds the permits that are taken. Default: they are those of the call. */
  readonly keep?: KeepPermits;
}

/** The charges of a limit that charges nothing. */
export const NO_CHARGES: readonly Charge[] = [];

/** Returns the call as the functions of a limit see it. */
export function callUnder({ context }: CompiledLimit, call: Call): Call {
  return context === undefined ? call : withContext(call, { ...context, ...call.context });
}

/** Returns the scope in the context of a call. @throws ThrottleConfigError for anything but a string */
export function scopeOf({ place }: CompiledLimit, { context: { scope } }: Call): string | undefined {
  if (scope === undefined || typeof scope === 'string') return scope;
  throw invalidArgument(optionAt(place, 'context.scope'), 'a string', scope);
}

/** Returns who is charged under a limit, within the scope of the call: the given subject, else whom `by` finds, else the address. */
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
  // First the usual case, without a promise.
  if (typeof found === 'string' && found !== '' && search?.isUserMissing !== true) return scopedSubject(scope, found);
  return chain(boundBy(limit, found), (one) => {
    if (one === EXEMPT) return EXEMPT;
    const subject = isNobody(one) || search?.isUserMissing === true ? addressOf(call) : one;
    return scopedSubject(
      scope,
      typeof subject === 'string' ? subject : checkedSubject(subject, optionAt(limit.place, 'by')),
    );
  });
}

/** Returns what the `by` of a limit finds, within its deadline. */
export function boundBy(limit: CompiledLimit, found: Awaitable<FoundSubject>): Awaitable<FoundSubject> {
  return limit.deadlines.bound(found, limit, 'by');
}

/** Returns the policies of a limit if no plan says otherwise. */
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

/** Returns what a call costs under a limit: what it was given, but for permits, which are taken or read. */
export function costUnder({ cost, concurrency }: CompiledLimit, given: number | undefined): number | CostOf {
  if (given === undefined || (concurrency !== undefined && given !== 0)) return cost;
  return given;
}

/** Returns what a call costs where functions cannot be asked yet. */
export function costAhead({ cost }: CompiledLimit): number {
  return typeof cost === 'number' ? cost : 1;
}

/** Returns a charge by each policy. None for a cost of 0. */
export function chargesFor(policies: readonly Policy[], subject: string, cost: number): readonly Charge[] {
  if (cost === 0) return NO_CHARGES;
  const only = policies[0]; // destructuring an array is several times as expensive
  if (only !== undefined && policies.length === 1) return [{ policy: only, subject, cost }];
  return policies.map((policy) => ({ policy, subject, cost }));
}
