import type { Awaitable } from '../core/awaitable.js';
import { invalidValue, optionAt } from '../core/errors.js';
import type { Policy } from '../core/policy.js';
import type { Call } from '../transports/call.js';

/** The policies of a limit, one for each of its rates. */
export interface PolicySource {
  /** The policies if they are the same for every call. An empty array limits nothing. */
  readonly fixed: readonly Policy[] | undefined;
  of(call: Call): Awaitable<readonly Policy[]>;
}

/** Returns a source of the same policies for every call. */
export function fixedPolicies(policies: readonly Policy[]): PolicySource {
  return { fixed: policies, of: () => policies };
}

/** Rates of one function whose policies are cached. */
const MAX_CACHED_RATES = 1000;

/**
 * Returns a source that asks a function for the rate of each call.
 *
 * @param define makes the policies of a rate; throws if the rate is invalid
 * @param place for errors
 */
export function policiesByRate(
  rateOf: (call: Call) => Awaitable<string>,
  define: (rate: string) => readonly Policy[],
  place: string,
): PolicySource {
  const cache = new Map<string, readonly Policy[]>();
  const policiesOf = (rate: string) => {
    const cached = cache.get(rate);
    if (cached !== undefined) return cached;
    if (typeof rate !== 'string')
      throw invalidValue(optionAt(place, 'rate'), 'the function to answer with a rate such as "5/min"', rate);
    const policies = define(rate);
    if (cache.size >= MAX_CACHED_RATES) cache.clear();
    cache.set(rate, policies);
    return policies;
  };
  return {
    fixed: undefined,
    of: (call) => {
      const rate = rateOf(call);
      return typeof rate === 'string' ? policiesOf(rate) : Promise.resolve(rate).then(policiesOf);
    },
  };
}
