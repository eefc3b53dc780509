import { type Awaitable, chain } from '../core/awaitable.js';
import { invalidValue, optionAt } from '../core/errors.js';
import type { Policy } from '../core/policy.js';
import type { Call } from '../transports/call.js';
import type { TierOptions } from './plans/plan-options.js';
import { type OwnPolicies, PlannedPolicies } from './plans/planned-policies.js';
import type { PolicyTiers } from './plans/plans.js';
import type { ModeSource } from './runtime/mode-source.js';

/** The policies of a limit, one for each of its rates, and their mode. */
export interface PolicySource extends OwnPolicies {
  /** All policies known at startup, including those of every plan. None for a rate that is a function. */
  readonly known: readonly Policy[];
  /** The mode, if the policies are not enforced on every call. The result of a function is checked by `modeSource`. */
  readonly mode: ModeSource;
  /**
   * Set if the policies depend on the plan of the call. Then `of` returns the policies under plans that do not name the
   * limit's policy.
   */
  readonly plans: PlannedPolicies | undefined;
  /**
   * Used if a rate function returns `unlimited` and the limit has overrides: only an override limits a call charged
   * under it.
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
 * @param own the source under plans that do not name the limit's policy
 * @param define returns the policies of a plan's entry; throws if it is invalid
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

/**
 * Returns a source of the policies of every plan, one for each budget. Returns a source that has no plans unchanged.
 */
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

/** The largest number of rates per function whose policies are cached. */
const MAX_CACHED_RATES = 1000;

/**
 * Returns a source that calls a function for the rate of each call.
 *
 * @param define returns the policies of a rate; throws if the rate is invalid
 * @param place for errors
 * @param unlimited the policies for the rate `unlimited`. Default: none
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
        'the function to return a rate such as "5/min"',
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
