import { assertKnownMembers, invalidValue, ThrottleConfigError } from '../core/errors.js';
import type { Policy } from '../core/policy.js';
import type { Rate } from '../core/rate.js';

/** In a shorter window units are hardly leased before it ends. */
const MIN_PERIOD_MS = 1000;

/** The option `lease` of a policy, checked and frozen. @throws ThrottleConfigError naming the place */
export function readLease(
  place: string,
  lease: { readonly batch: number } | undefined,
  strategy: string,
  { limit, periodMs }: Rate,
): Policy['lease'] {
  if (lease === undefined) return undefined;
  if (typeof lease !== 'object' || lease === null || Array.isArray(lease)) {
    throw invalidValue(place, 'an object { batch: units }', lease);
  }
  assertKnownMembers(place, lease, ['batch']);
  if (strategy !== 'fixed-window') {
    throw new ThrottleConfigError(
      `${place}: only a "fixed-window" can be leased, and this policy is a "${strategy}". Add { strategy: "fixed-window" }, or leave the lease out.`,
    );
  }
  if (periodMs < MIN_PERIOD_MS) throw invalidValue(place, `a period of at least ${MIN_PERIOD_MS} ms`, periodMs);
  const { batch } = lease;
  if (!(Number.isSafeInteger(batch) && batch >= 1 && batch <= limit)) {
    throw invalidValue(`${place}.batch`, `a whole number of units from 1 to the limit of ${limit}`, batch);
  }
  return Object.freeze({ batch });
}
