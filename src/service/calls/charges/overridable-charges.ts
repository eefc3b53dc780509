import { type Awaitable, chain, chainAll } from '../../../core/awaitable.js';
import { type Charge, withMembers } from '../../../core/decision.js';
import { describeValue, optionAt } from '../../../core/errors.js';
import { scopedSubject, unscopedSubject } from '../../../core/key.js';
import type { CompiledLimit } from '../../../planning/compiled-limit.js';
import type { By, Call } from '../../../transports/call.js';
import { addressOf, isEmptySubject } from '../../../transports/identity/subject.js';
import { findWithSearch } from '../../../transports/identity/user-lookup.js';
import { NO_CHARGES } from './charge-parts.js';
import type { LateSearch } from './late-search.js';

/** The subjects whose overrides apply, or `unknown` if they are not known yet. */
type Overriders = readonly string[] | 'unknown';

/**
 * Adds the subjects whose overrides apply to the charges of a limit.
 *
 * @param search set in the guard phase, where a later result may differ
 * @returns charges of a separate budget of the address if these subjects are not known yet, so that nobody is denied at
 *   the policy's own rate because of clients with an override
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
  // Calls without a plan already have separate budgets.
  if (policies.plans !== undefined && (search?.isUserMissing || search?.isPlanMissing)) return charges;
  if (overrides === true) return charges.map((charge) => overriddenByCharged(charge, call));
  // The address is charged as long as the user is missing.
  if (search?.isUserMissing === true) return undecided(limit, charges, call);
  return chain(overridersOf(overrides, limit, call, search), (subjects) => {
    if (subjects !== 'unknown') return overriddenBy(subjects, limit, charges);
    if (search !== undefined) search.isOverriderMissing = true;
    return undecided(limit, charges, call);
  });
}

/** Like `withOverrides`, for charges of the address under a limit whose functions cannot be called yet. */
export function withAddressOverrides(limit: CompiledLimit, call: Call, charges: readonly Charge[]): readonly Charge[] {
  const { overrides } = limit;
  if (overrides === undefined) return charges;
  return overrides === true
    ? charges.map((charge) => overriddenByCharged(charge, call))
    : undecided(limit, charges, call);
}

/** Returns true if the subjects of overrides are known for a call of which only the guards have run. */
export async function areOverridersKnown(limit: CompiledLimit, call: Call): Promise<boolean> {
  const { overrides } = limit;
  if (overrides === undefined || overrides === true) return true;
  return (await overridersOf(overrides, limit, call, { isUserMissing: false })) !== 'unknown';
}

/** Adds the charged subject. It is stored without a scope: an override applies in all scopes of its subject. */
function overriddenByCharged(charge: Charge, { context }: Call): Charge {
  return withMembers(charge, { overriddenBy: [unscopedSubject(context.scope, charge.subject)] });
}

function overriddenBy(
  subjects: readonly string[],
  { policies }: CompiledLimit,
  charges: readonly Charge[],
): readonly Charge[] {
  if (subjects.length > 0) return charges.map((charge) => withMembers(charge, { overriddenBy: subjects }));
  if (!charges.some(({ unlimited }) => unlimited)) return charges;
  return policies.plans?.unlimited ?? NO_CHARGES;
}

/** Marks charges under an unlimited rate: only an override limits them. */
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

/**
 * Returns the subjects whose overrides apply; none if the functions find none. In the guard phase they may be found
 * later.
 */
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
      const subjects = found.filter((one) => !isEmptySubject(one)).map((one) => checkedOverrider(one, limit));
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
