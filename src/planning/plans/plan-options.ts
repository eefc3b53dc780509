import type { Awaitable } from '../../core/awaitable.js';
import { assertKnownMembers, invalidValue, suggest, ThrottleConfigError } from '../../core/errors.js';
import type { RateText, TextOrElse } from '../../core/rate.js';
import { missingValue } from '../../core/value-options.js';
import type { Call } from '../../transports/call.js';
import { isRecord } from '../option-checks.js';

/**
 * Returns the name of the plan of a call's client. `undefined` and `null` mean that it is not known. If it is still not
 * known after all guards, or if there are no guards, the default plan applies.
 *
 * @param subject the `subject` that was passed to a method of `ThrottleService`; undefined for all other calls
 * @example
 * const of: PlanOf = ({ request }, subject) => accounts.planOf(subject ?? request?.headers['x-api-key']);
 */
export type PlanOf = (call: Call, subject?: string) => Awaitable<string | null | undefined>;

/** The name of a plan. The literal in the union makes TypeScript before 5.3 infer literals for members of this type. */
type PlanName = 'free' | (string & {});

/**
 * The rate and the burst of a policy under a plan.
 *
 * @example
 * const pro: Tier = { api: { rate: '2000/h', burst: 50 } };
 */
export interface TierOptions {
  /** `"<count>/<unit>"` (see `parseRate`), or `unlimited`. */
  readonly rate: RateText;
  /** Units that a bucket holds, at least 1; for bucket strategies only. Default: that of the policy. */
  readonly burst?: number;
}

/**
 * The rates of policies under a plan, by policy name.
 *
 * @example
 * const tiers: Record<string, Tier> = { free: { api: '100/h' }, enterprise: { api: 'unlimited' } };
 */
export type Tier = Readonly<Record<string, TextOrElse | TierOptions>>;

/**
 * Plans (tiers of service) set the rates of policies for the clients that have them.
 *
 * @example
 * ThrottleModule.forRoot({
 *   policies: { api: { rate: '100/h', by: by.header('x-api-key') }, export: '5/day' },
 *   plans: {
 *     of: ({ request }) => accounts.planOf(request?.headers['x-api-key']),
 *     default: 'free',
 *     tiers: { free: {}, pro: { api: '2000/h', export: '50/day' }, enterprise: { api: 'unlimited' } },
 *   },
 * })
 */
export interface PlanOptions {
  /** Returns the name of a call's plan: one of `tiers`. */
  readonly of: PlanOf;
  /** The plan of clients whose plan is not known, or is not in `tiers`. */
  readonly default: PlanName;
  /**
   * The plans by name. Each has rates by policy name: one or several rates, `unlimited`, or `{ rate, burst }`. A policy
   * that a plan does not name keeps its own rate.
   */
  readonly tiers: Readonly<Record<string, Tier>>;
  /** Milliseconds for which the result of an asynchronous `of` is cached for a subject, at least 0. Default: 30 000. */
  readonly cacheMs?: number;
}

/** The path of the plans in error messages. */
export const PLANS = 'plans';

const MEMBERS: readonly string[] = ['of', 'default', 'tiers', 'cacheMs'];
const TIER_MEMBERS: readonly string[] = ['rate', 'burst'];
const AN_ENTRY = 'a rate such as "100/h", "unlimited", or options { rate, burst? }';

/**
 * Checks plans. Rates are checked when they are compiled, and policy names once all policies are known.
 *
 * @throws ThrottleConfigError naming the option
 */
export function assertPlanOptions(plans: PlanOptions): void {
  assertKnownMembers(PLANS, plans, MEMBERS);
  const { of, default: defaultPlan, tiers, cacheMs }: Readonly<Partial<Record<keyof PlanOptions, unknown>>> = plans;
  assertFunction(of);
  if (tiers === undefined) throw missing('tiers', 'plans by name, such as { free: { api: "100/h" } }');
  if (!isRecord(tiers)) throw invalidValue(`${PLANS}.tiers`, 'an object of plans by name', tiers);
  for (const [name, tier] of Object.entries(tiers)) assertTier(`${PLANS}.tiers.${name}`, tier);
  assertDefault(defaultPlan, Object.keys(tiers));
  if (cacheMs !== undefined && !(Number.isSafeInteger(cacheMs) && Number(cacheMs) >= 0)) {
    throw invalidValue(`${PLANS}.cacheMs`, 'a whole number of milliseconds, at least 0', cacheMs);
  }
}

function assertFunction(of: unknown): void {
  const expected = 'a function of the call that returns the name of a plan';
  if (of === undefined) throw missing('of', expected);
  if (typeof of !== 'function') throw invalidValue(`${PLANS}.of`, expected, of);
  if (of.length <= 2) return;
  throw new ThrottleConfigError(
    'SLUICE_INVALID_FUNCTION',
    `${PLANS}.of: expected ${expected}, got one that takes ${of.length} arguments but would get only the call and a subject. Wrap it: (call) => ...`,
  );
}

function assertDefault(name: unknown, known: readonly string[]): void {
  const expected = 'the name of one of the plans in tiers';
  if (name === undefined) throw missing('default', expected);
  if (typeof name !== 'string') throw invalidValue(`${PLANS}.default`, expected, name);
  if (known.includes(name)) return;
  throw new ThrottleConfigError(
    'SLUICE_UNKNOWN_PLAN',
    `${PLANS}.default: there is no plan "${name}".${suggest(name, known)}`,
  );
}

function assertTier(place: string, tier: unknown): void {
  const expected = 'an object of rates by the names of policies, such as { api: "100/h" }';
  if (tier === undefined) throw missingValue(place, expected, 'Write {} for a plan that changes no policy.');
  if (!isRecord(tier)) throw invalidValue(place, expected, tier);
  for (const [policy, entry] of Object.entries(tier)) assertEntry(`${place}.${policy}`, entry);
}

function assertEntry(place: string, entry: unknown): void {
  if (entry === undefined) throw missingValue(place, AN_ENTRY, `Leave it out to keep the policy's own rate.`);
  if (typeof entry === 'string') return;
  if (typeof entry === 'function') {
    throw new ThrottleConfigError(
      'SLUICE_INVALID_OPTION',
      `${place}: expected ${AN_ENTRY}, got a function. A plan has a fixed rate; a policy's own rate may be a function.`,
    );
  }
  if (!isRecord(entry)) throw invalidValue(place, AN_ENTRY, entry);
  for (const member of Object.keys(entry)) {
    if (TIER_MEMBERS.includes(member)) continue;
    throw new ThrottleConfigError(
      'SLUICE_MISPLACED_OPTION',
      `${place}.${member}: a plan changes only the rate and the burst of a policy. Set it in the policy, for all plans, or give the plan a separate policy.`,
    );
  }
  const { rate }: { rate?: unknown } = entry;
  if (typeof rate === 'string') return;
  if (rate === undefined) throw missingValue(`${place}.rate`, 'a rate such as "100/h", or "unlimited"');
  throw invalidValue(`${place}.rate`, 'a rate such as "100/h", or "unlimited"', rate, 'SLUICE_INVALID_RATE');
}

function missing(member: string, expected: string): ThrottleConfigError {
  return missingValue(`${PLANS}.${member}`, expected);
}
