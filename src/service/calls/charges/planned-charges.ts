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

/** A limit under plans, and a call under it. */
export interface PlannedCall {
  readonly limit: CompiledLimit;
  readonly plans: PlannedPolicies;
  readonly call: Call;
  /** The call without the context of the limit: the plan of a call is that of all its limits. */
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
    // Until it is known who calls, nobody has a plan.
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

/** Returns the charges of a call that is unlimited under its plan, unless an override limits it: that counts before the plan. */
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
 * Returns what a call whose plan is not known costs its address: it counts under the default plan, apart from calls whose plan is
 * known. So nobody is denied at the rate of the default plan for what clients of other plans at the same address have done.
 */
export function unplannedCharges(limit: CompiledLimit, { byDefault }: PlannedPolicies, call: Call): readonly Charge[] {
  const subject = scopedSubject(scopeOf(limit, call), `unplanned:${addressOf(call)}`);
  return chargesFor(byDefault, subject, costAhead(limit));
}

/** Returns whether the plan of a call is known, of which only the guards have run. */
export async function isPlanKnown(limit: CompiledLimit, plainCall: Call): Promise<boolean> {
  const { plans } = limit.policies;
  if (plans === undefined) return false;
  const call = callUnder(limit, plainCall);
  const subject = await subjectFor(limit, call, undefined, undefined, undefined);
  if (subject === EXEMPT) return true;
  return (await planOf({ limit, plans, call, plainCall }, subject, undefined, false)) !== undefined;
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
