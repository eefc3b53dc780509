import { type Awaitable, chain } from '../../../core/awaitable.js';
import type { Charge } from '../../../core/decision.js';
import { scopedSubject } from '../../../core/key.js';
import type { CompiledLimit } from '../../../planning/compiled-limit.js';
import type { PlannedPolicies } from '../../../planning/plans/planned-policies.js';
import { type Call, EXEMPT } from '../../../transports/call.js';
import { addressOf } from '../../../transports/identity/subject.js';
import type { SubjectLookups } from '../../../transports/identity/subject-lookups.js';
import {
  callUnder,
  chargesFor,
  costAhead,
  costFor,
  type GivenValues,
  NO_CHARGES,
  ownPolicies,
  scopeOf,
  subjectFor,
} from './charge-parts.js';
import type { LateSearch } from './late-search.js';

/** A limit with plans, and a call that it limits. */
export interface PlannedCall {
  readonly limit: CompiledLimit;
  readonly plans: PlannedPolicies;
  readonly call: Call;
  /** The call without the context of the limit: all limits of a call have the same plan. */
  readonly plainCall: Call;
}

/** Returns the charges of a call at the rates of its plan. */
export function plannedCharges(
  planned: PlannedCall,
  given: GivenValues,
  search: LateSearch | undefined,
  lookups: SubjectLookups | undefined,
): Awaitable<readonly Charge[]> {
  const { limit, plans, call } = planned;
  return chain(subjectFor(limit, call, given.subject, search, lookups), (subject) => {
    if (subject === EXEMPT) return NO_CHARGES;
    // While the user is unknown, there is no plan.
    if (search?.isUserMissing === true) return unplannedCharges(limit, plans, call);
    return chain(planOf(planned, subject, given.subject, search === undefined), (plan) => {
      if (plan !== undefined) return chargesUnder(plan, planned, subject, given);
      if (search !== undefined) search.isPlanMissing = true;
      return unplannedCharges(limit, plans, call);
    });
  });
}

function chargesUnder(
  plan: string,
  planned: PlannedCall,
  subject: string,
  given: GivenValues,
): Awaitable<readonly Charge[]> {
  const { limit, plans, call } = planned;
  return chain(limit.deadlines.bound(plans.under(plan, call), limit, 'rate'), (policies) => {
    if (policies === undefined) {
      return limit.overrides === undefined ? plans.unlimited : unlimitedCharges(planned, subject, given);
    }
    return chain(costFor(limit, call, given.cost ?? limit.cost), (units) => chargesFor(policies, subject, units));
  });
}

/**
 * Returns the charges of a call that is unlimited under its plan. An override still limits it, because it takes
 * precedence over the plan.
 */
function unlimitedCharges(
  { limit, plans, call }: PlannedCall,
  subject: string,
  given: GivenValues,
): Awaitable<readonly Charge[]> {
  return chain(ownPolicies(limit, call), (own) =>
    chain(costFor(limit, call, given.cost ?? limit.cost), (units) => {
      const charges = chargesFor(own, subject, units);
      return charges.length === 0 ? plans.unlimited : charges.map((charge) => ({ ...charge, unlimited: true }));
    }),
  );
}

/**
 * Returns the charges of the address for a call whose plan is not known. It counts under the default plan, separately
 * from calls with a known plan, so that nobody is denied at the default rate because of clients of other plans at the
 * same address.
 */
export function unplannedCharges(limit: CompiledLimit, { byDefault }: PlannedPolicies, call: Call): readonly Charge[] {
  const subject = scopedSubject(scopeOf(limit, call), `unplanned:${addressOf(call)}`);
  return chargesFor(byDefault, subject, costAhead(limit));
}

/** Returns true if the plan is known for a call of which only the guards have run. */
export async function isPlanKnown(limit: CompiledLimit, plainCall: Call): Promise<boolean> {
  const { plans } = limit.policies;
  if (plans === undefined) return false;
  const call = callUnder(limit, plainCall);
  const subject = await subjectFor(limit, call, undefined, undefined, undefined);
  if (subject === EXEMPT) return true;
  return (await planOf({ limit, plans, call, plainCall }, subject, undefined, false)) !== undefined;
}

/** @param isFinal true if a call without a plan has the default plan */
function planOf(
  { limit, plans, call, plainCall }: PlannedCall,
  charged: string,
  given: string | undefined,
  isFinal: boolean,
): Awaitable<string | undefined> {
  return plans.lookup.find(plainCall, { charged, given, scope: scopeOf(limit, call), isFinal });
}
