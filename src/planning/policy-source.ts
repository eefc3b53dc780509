import { type Awaitable, chain } from '../core/awaitable.js';
import { invalidValue, optionAt } from '../core/errors.js';
import type { Policy } from '../core/policy.js';
import type { Call } from '../transports/call.js';
import type { TierOptions } from './plans/plan-options.js';
import { type OwnPolicies, PlannedPolicies } from './plans/planned-policies.js';
import type { PolicyTiers } from './plans/plans.js';
import type { ModeSource } from './runtime/mode-source.js';

/** The policies of a limit, one for each of its rates, and what they do. */
export interface PolicySource extends OwnPolicies {
  /** All policies that are known at startup, those of every plan. None for a rate that is a function. */
  readonly known: readonly Policy[];
  /** What the policies do, if they are not enforced on every call. A function has been checked by `modeSource`. */
  readonly mode: ModeSource;
  /** Set if the plan of the call chooses the policies. `of` returns those of plans that do not name the limit's policy then. */
  readonly plans: PlannedPolicies | undefined;
  /**
   * Stands for the rate of a function that answers `unlimited`, if the limit may be overridden: only an override limits a call that is
   * charged under it.
   */
  readonly unlimited: readonly Policy[] | undefined;
}

/** Returns a source of the same policies for every call. */
export function fixedPolicies(policies: readonly Policy[], mode?: ModeSource): PolicySource {
  return { fixed: policies, known: policies, mode, plans: undefined, unlimited: undefined, of: () => policies };
}

/**
 * Returns the source of a limit whose policies depend on the plan.
 *
 * @param own what applies under plans that do not name the limit's policy
 * @param define makes the policies of a plan's entry; throws if it is invalid
 */
export function plannedPolicies(
  name: string,
  { lookup, entries }: PolicyTiers,
  own: PolicySource,
  define: (place: string, spec: TierOptions, when: string) => readonly Policy[],
): PolicySource {
  const byPlan = new Map<string, readonly Policy[]>();
  for (const [plan, { place, options }] of entries) {
    byPlan.set(plan, define(place, options, ` under the plan "${plan}"`));
  }
  const known = [...own.known, ...[...byPlan.values()].flat()];
  const plans = new PlannedPolicies(name, lookup, byPlan, own);
  const { mode, unlimited } = own;
  return { fixed: undefined, known, mode, plans, unlimited, of: (call) => own.of(call) };
}

/** Returns a source of the policies of every plan, one for each budget; a source that no plan chooses from, as it is. */
export function everyPlan(source: PolicySource): PolicySource {
  const { known, plans } = source;
  if (plans === undefined) return source;
  const withKnown = (own: readonly Policy[]) => [
    ...new Map([...known, ...own].map((policy) => [policy.id, policy])).values(),
  ];
  return { ...source, plans: undefined, of: (call) => chain(source.of(call), withKnown) };
}

/** Returns a source of the same policies, enforced on every call. */
export function enforced(source: PolicySource): PolicySource {
  return { ...source, mode: undefined };
}

/** Rates of one function whose policies are cached. */
const MAX_CACHED_RATES = 1000;

/**
 * Returns a source that asks a function for the rate of each call.
 *
 * @param define makes the policies of a rate; throws if the rate is invalid
 * @param place for errors
 * @param unlimited what stands for a rate that is `unlimited`; undefined: no policies
 */
export function policiesByRate(
  rateOf: (call: Call) => Awaitable<string>,
  define: (rate: string) => readonly Policy[],
  place: string,
  mode?: ModeSource,
  unlimited?: readonly Policy[],
): PolicySource {
  const cache = new Map<string, readonly Policy[]>();
  const policiesOf = (rate: string) => {
    const cached = cache.get(rate);
    if (cached !== undefined) return cached;
    if (typeof rate !== 'string')
      throw invalidValue(
        optionAt(place, 'rate'),
        'the function to answer with a rate such as "5/min"',
        rate,
        'SLUICE_INVALID_RESULT',
      );
    const defined = define(rate);
    const policies = defined.length === 0 && unlimited !== undefined ? unlimited : defined;
    if (cache.size >= MAX_CACHED_RATES) cache.clear();
    cache.set(rate, policies);
    return policies;
  };
  return {
    fixed: undefined,
    known: [],
    mode,
    plans: undefined,
    unlimited,
    of: (call) => {
      const rate = rateOf(call);
      return typeof rate === 'string' ? policiesOf(rate) : Promise.resolve(rate).then(policiesOf);
    },
  };
}
