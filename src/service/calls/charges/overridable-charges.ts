import { type Awaitable, chain, chainAll } from '../../../core/awaitable.js';
import type { Charge } from '../../../core/decision.js';
import { describeValue, optionAt } from '../../../core/errors.js';
import { scopedSubject, unscopedSubject } from '../../../core/key.js';
import type { CompiledLimit } from '../../../planning/compiled-limit.js';
import type { By, Call } from '../../../transports/call.js';
import { addressOf, isNobody } from '../../../transports/identity/subject.js';
import { findWithSearch } from '../../../transports/identity/user-lookup.js';
import { NO_CHARGES } from './charge-parts.js';
import type { LateSearch } from './late-search.js';

/** Whose overrides count, or `unknown` if it cannot be told yet. */
type Overriders = readonly string[] | 'unknown';

/**
 * Adds to the charges of a limit whose overrides count for them.
 *
 * @param search given in the guard phase: what is found in it may be found otherwise later
 * @returns charges of a budget of the address, apart from all others, if it cannot be told yet: nobody is denied at the policy's own
 *   rate for what clients with another one have done
 */
export function withOverrides(
  limit: CompiledLimit,
  call: Call,
  own: readonly Charge[],
  search: LateSearch | undefined,
): Awaitable<readonly Charge[]> {
  const { overrides, policies } = limit;
  if (overrides === undefined || own.length === 0) return own;
  const charges = freed(own, policies);
  // Calls without a plan have budgets apart from all others already.
  if (policies.plans !== undefined && (search?.isUserMissing || search?.isPlanMissing)) return charges;
  if (overrides === true) return charges.map((charge) => overriddenByCharged(charge, call));
  // The address is charged for as long as the user is missing.
  if (search?.isUserMissing === true) return undecided(limit, charges, call);
  return chain(overridersOf(overrides, limit, call, search), (subjects) => {
    if (subjects !== 'unknown') return overriddenBy(subjects, limit, charges);
    if (search !== undefined) search.isOverriderMissing = true;
    return undecided(limit, charges, call);
  });
}

/** The same for charges of the address, under a limit whose functions cannot be asked yet. */
export function withAddressOverrides(limit: CompiledLimit, call: Call, charges: readonly Charge[]): readonly Charge[] {
  const { overrides } = limit;
  if (overrides === undefined) return charges;
  return overrides === true
    ? charges.map((charge) => overriddenByCharged(charge, call))
    : undecided(limit, charges, call);
}

/** Returns whether it is known whose overrides count for a call under a limit, of which only the guards have run. */
export async function areOverridersKnown(limit: CompiledLimit, call: Call): Promise<boolean> {
  const { overrides } = limit;
  if (overrides === undefined || overrides === true) return true;
  return (await overridersOf(overrides, limit, call, { isUserMissing: false })) !== 'unknown';
}

/** The subject of an override has no scope: it counts wherever its subject is charged. */
function overriddenByCharged(charge: Charge, { context }: Call): Charge {
  return { ...charge, overriddenBy: [unscopedSubject(context.scope, charge.subject)] };
}

function overriddenBy(
  subjects: readonly string[],
  { policies }: CompiledLimit,
  charges: readonly Charge[],
): readonly Charge[] {
  if (subjects.length > 0) return charges.map((charge) => ({ ...charge, overriddenBy: subjects }));
  if (!charges.some(({ unlimited }) => unlimited)) return charges;
  return policies.plans?.unlimited ?? NO_CHARGES;
}

/** Says of charges under a rate that is unlimited that only an override limits them. */
function freed(charges: readonly Charge[], { unlimited }: CompiledLimit['policies']): readonly Charge[] {
  return unlimited !== undefined && charges[0]?.policy === unlimited[0]
    ? charges.map((charge) => ({ ...charge, unlimited: true }))
    : charges;
}

function undecided({ policies }: CompiledLimit, charges: readonly Charge[], call: Call): readonly Charge[] {
  if (charges[0]?.policy === policies.unlimited?.[0]) return NO_CHARGES;
  const subject = scopedSubject(call.context.scope, `undecided:${addressOf(call)}`);
  return charges.map(({ unlimited: _, ...charge }) => ({ ...charge, subject }));
}

/** Nobody has an override where nobody is found; in the guard phase, what is undefined there may be found later. */
function overridersOf(
  overrides: readonly By[],
  limit: CompiledLimit,
  call: Call,
  search: LateSearch | undefined,
): Awaitable<Overriders> {
  const own = search && { isUserMissing: false };
  return chain(
    chainAll(overrides, (find) => limit.deadlines.bound(findWithSearch(find, call, own), limit, 'overrides')),
    (found) => {
      if (search !== undefined && (own?.isUserMissing === true || found.includes(undefined))) return 'unknown';
      const subjects = found.filter((one) => !isNobody(one)).map((one) => checkedOverrider(one, limit));
      return [...new Set(subjects)];
    },
  );
}

function checkedOverrider(found: unknown, { place }: CompiledLimit): string {
  if (typeof found === 'string') return found;
  throw new TypeError(
    `${optionAt(place, 'overrides')}: expected a subject, a string, or null or undefined for nobody, got ${describeValue(found)}`,
  );
}
