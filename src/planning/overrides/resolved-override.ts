import { optionAt, ThrottleConfigError } from '../../core/errors.js';
import type { Policy } from '../../core/policy.js';
import { assertSingleRate, parseRate } from '../../core/rate.js';
import { canGrant } from '../../strategies/built-in-strategies.js';
import { definePolicies, type PolicySpec } from '../../strategies/define-policy.js';
import type { Strategy } from '../../strategies/strategy.js';
import { type DeclaredLimit, nameOf } from '../declared-limits.js';

/**
 * Returns a policy at the rate of an override; undefined if that is `unlimited`.
 *
 * @param place for errors
 * @throws ThrottleConfigError for a rate that does not fit the policy
 */
export function resolveOverride(
  declared: DeclaredLimit,
  { rate, burst }: Pick<PolicySpec, 'rate' | 'burst'>,
  place: string,
  strategies: readonly Strategy[],
): Policy | undefined {
  const { strategy, burst: ownBurst, segments, cost, rollover } = declared.options;
  const name = nameOf(declared);
  const spec: PolicySpec = {
    rate,
    ...(strategy !== undefined && { strategy }),
    ...burstOf(burst === undefined ? ownBurst : burst),
  };
  assertSingleRate(optionAt(place, 'rate'), rate);
  const [policy] = definePolicies(place, name, spec, { strategies });
  if (policy === undefined) {
    if (burst === undefined) return undefined;
    throw new ThrottleConfigError(
      'SLUICE_UNUSED_OPTION',
      `${optionAt(place, 'burst')}: an unlimited rate has no burst. Leave it out.`,
    );
  }
  assertSameCalendar(policy, declared, optionAt(place, 'rate'), rate);
  if (policy.calendar !== undefined) {
    // Keeps the rollover of the policy, up to the new limit.
    const quota = { ...policy, burst: policy.limit + Math.min(rollover ?? 0, policy.limit) };
    assertAffordable(quota, cost, place);
    return quota;
  }
  assertAffordable(policy, cost, place);
  if (segments === undefined || policy.periodMs % segments !== 0) return policy;
  return definePolicies(place, name, { ...spec, segments }, { strategies })[0];
}

function burstOf(burst: number | undefined): Pick<PolicySpec, 'burst'> {
  return burst === undefined ? {} : { burst };
}

/** Throws if a call costs more than the rate ever grants: every call would be denied. */
function assertAffordable(policy: Policy, cost: unknown, place: string): void {
  if (typeof cost !== 'number' || canGrant(policy, cost)) return;
  throw new ThrottleConfigError(
    'SLUICE_COST_TOO_HIGH',
    `${optionAt(place, 'rate')}: this rate grants at most ${policy.burst} at once, but a call costs ${cost}. Set a higher rate.`,
  );
}

/**
 * Throws unless policy and rate have the same windows: a quota keeps its unit, and another policy cannot become a
 * quota.
 */
function assertSameCalendar(policy: Policy, { options }: DeclaredLimit, path: string, rate: string): void {
  const own = typeof options.rate === 'string' ? parseRate(options.rate)[0] : undefined;
  const isQuota = options.strategy === 'calendar' || (options.strategy === undefined && own?.unit !== undefined);
  const isSame = isQuota ? policy.periodMs === (own?.periodMs ?? policy.periodMs) : policy.calendar === undefined;
  if (isSame && isQuota === (policy.calendar !== undefined)) return;
  throw new ThrottleConfigError(
    'SLUICE_CALENDAR_RATE',
    `${path}: expected ${isQuota ? `the same unit as the rate of the policy, "${String(options.rate)}"` : 'a period of fixed length, because the policy is not a calendar quota'}, got "${rate}"`,
  );
}
