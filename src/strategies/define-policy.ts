import { assertKnownMembers, invalidValue, optionAt, suggest, ThrottleConfigError } from '../core/errors.js';
import { assertPolicyName, type FailureMode, isFailureMode, type Policy, policyId } from '../core/policy.js';
import { parseRate, periodLabel, type Rate } from '../core/rate.js';
import { BUILT_IN_STRATEGIES, type BuiltinStrategy } from './built-in-strategies.js';
import { readLease } from './lease-option.js';
import { type Strategy, sizeOf } from './strategy.js';

/** What a policy is made from. */
export interface PolicySpec {
  /** The rate, `"<count>/<unit>"`: see `parseRate`. */
  readonly rate: string;
  /** A built-in strategy's name, or a strategy of your own. Default: `sliding-window`. */
  readonly strategy?: BuiltinStrategy | Strategy | (string & {});
  /** Units that a bucket holds (`token-bucket`, `gcra`, `leaky-bucket`): at least 1. Default: the limit; for `gcra` 1. */
  readonly burst?: number;
  /** Counters of a `sliding-window`, 1 to 1000, dividing the period. Default: the largest divisor of the period up to 10. */
  readonly segments?: number;
  /** Where the budget is shared: policies of one name and one scope are one budget. Default: `app`. */
  readonly scope?: string;
  /** What answers when a remote backend fails: `local`, `allow` or `deny`. Default: what is said where the backend is used. */
  readonly onError?: FailureMode;
  /**
   * Units taken from Redis in batches of at least `batch` (1 up to the limit) and spent in the process, without a round trip
   * each. `fixed-window` with a period of at least a second only. Never more than the limit in a window, all processes
   * together; `remaining` is approximate, and what a process holds when it crashes is lost until the window ends.
   * Default: every charge is decided by the backend. With a backend in the process it changes nothing.
   */
  readonly lease?: { readonly batch: number };
}

/** The longest period: four of them, and today's date, still add up exactly. */
const MAX_PERIOD_MS = 2 ** 50;
const MAX_SEGMENTS = 1000;
const BUCKETS: readonly string[] = ['token-bucket', 'gcra', 'leaky-bucket'];

/**
 * Makes a policy of one rate: parsed, validated, frozen.
 *
 * @param name 1 to 64 letters, digits, `_`, `.`, `-`, beginning with a letter
 * @throws ThrottleConfigError naming the place, what was expected, and what was found
 * @example
 * const login = definePolicy('login', { rate: '5/min', strategy: 'fixed-window' });
 * await backend.spend([{ policy: login, subject: 'user:42', cost: 1 }]);
 */
export function definePolicy(name: string, rateOrSpec: string | PolicySpec): Policy {
  assertPolicyName('definePolicy', name);
  const policies = definePolicies(
    `policies.${name}`,
    name,
    typeof rateOrSpec === 'string' ? { rate: rateOrSpec } : rateOrSpec,
  );
  const [policy] = policies;
  if (policy !== undefined && policies.length === 1) return policy;
  throw new ThrottleConfigError(
    `policies.${name}.rate: expected one rate, got ${policies.length}. Define a policy for each.`,
  );
}

/**
 * The policies of a specification, one a rate; none for `unlimited`. Of several rates, and where it is asked for, each
 * is called by its period too: `default-1s`.
 */
export function definePolicies(
  place: string,
  name: string,
  spec: PolicySpec,
  { strategies = BUILT_IN_STRATEGIES, byPeriod = false }: { strategies?: readonly Strategy[]; byPeriod?: boolean } = {},
): readonly Policy[] {
  if (typeof spec !== 'object' || spec === null) throw invalidValue(place, 'a rate or an object with a rate', spec);
  assertKnownMembers(place, spec, ['rate', 'strategy', 'burst', 'segments', 'scope', 'onError', 'lease']);
  if (typeof (spec.scope ?? '') !== 'string') throw invalidValue(optionAt(place, 'scope'), 'a text', spec.scope);
  if (spec.onError !== undefined && !isFailureMode(spec.onError)) {
    throw invalidValue(optionAt(place, 'onError'), '"local", "allow" or "deny"', spec.onError);
  }
  const strategy = findStrategy(place, spec.strategy, strategies);
  const rates = readRates(optionAt(place, 'rate'), spec.rate);
  const policies = rates.map((rate) =>
    build(place, byPeriod || rates.length > 1 ? `${name}-${periodLabel(rate.periodMs)}` : name, rate, strategy, spec),
  );
  const twice = policies.find((policy, i) => policies.findIndex((other) => other.name === policy.name) !== i);
  if (twice !== undefined) {
    throw invalidValue(
      optionAt(place, 'rate'),
      'each period once (of two rates over one period the lower always rules)',
      spec.rate,
    );
  }
  return policies;
}

function build(place: string, name: string, { limit, periodMs }: Rate, strategy: Strategy, spec: PolicySpec): Policy {
  if (periodMs > MAX_PERIOD_MS) throw invalidValue(optionAt(place, 'rate'), 'a period of at most 2^50 ms', spec.rate);
  const segments = readSegments(place, periodMs, strategy, spec.segments);
  const lease = readLease(optionAt(place, 'lease'), spec.lease, strategy.name, { limit, periodMs });
  const policy: Policy = Object.freeze({
    name,
    id: policyId(name, spec.scope ?? 'app'),
    strategy: strategy.name,
    limit,
    periodMs,
    burst: readBurst(place, limit, strategy, spec.burst),
    segments,
    shape: `${strategy.name} ${periodMs} ${segments}`,
    ...(spec.onError !== undefined && { onError: spec.onError }),
    ...(lease !== undefined && { lease }),
  });
  strategy.validate?.(policy, place);
  sizeOf(strategy, policy, place);
  return policy;
}

function readRates(place: string, text: string): readonly Rate[] {
  try {
    return parseRate(text);
  } catch (error) {
    throw error instanceof ThrottleConfigError ? new ThrottleConfigError(`${place}: ${error.message}`) : error;
  }
}

function findStrategy(
  place: string,
  wanted: string | Strategy = 'sliding-window',
  known: readonly Strategy[],
): Strategy {
  if (typeof wanted === 'object' && wanted !== null && typeof wanted.step === 'function') return wanted;
  const found = known.find(({ name }) => name === wanted);
  if (found !== undefined) return found;
  const error = invalidValue(optionAt(place, 'strategy'), "a strategy's name", wanted);
  throw new ThrottleConfigError(
    `${error.message}.${suggest(
      String(wanted),
      known.map(({ name }) => name),
    )}`,
  );
}

function readBurst(place: string, limit: number, { name }: Strategy, burst: number | undefined): number {
  if (burst === undefined) return name === 'gcra' ? 1 : limit;
  const isBuiltin = BUILT_IN_STRATEGIES.some((builtin) => builtin.name === name);
  if (isBuiltin && !BUCKETS.includes(name)) {
    throw new ThrottleConfigError(
      `${optionAt(place, 'burst')}: "${name}" has no burst. Leave it out, or use one of ${BUCKETS.join(', ')}.`,
    );
  }
  if (Number.isSafeInteger(burst) && burst >= 1) return burst;
  throw invalidValue(optionAt(place, 'burst'), 'a whole number of units, at least 1', burst);
}

function readSegments(place: string, periodMs: number, { name }: Strategy, segments: number | undefined): number {
  if (segments === undefined) return name === 'sliding-window' ? largestDivisor(periodMs) : 1;
  if (name !== 'sliding-window' && BUILT_IN_STRATEGIES.some((builtin) => builtin.name === name)) {
    throw new ThrottleConfigError(
      `${optionAt(place, 'segments')}: "${name}" has no segments. Leave it out, or use "sliding-window".`,
    );
  }
  if (Number.isSafeInteger(segments) && segments >= 1 && segments <= MAX_SEGMENTS && periodMs % segments === 0)
    return segments;
  throw invalidValue(
    optionAt(place, 'segments'),
    `a whole number from 1 to ${MAX_SEGMENTS} that divides the period of ${periodMs} ms`,
    segments,
  );
}

function largestDivisor(periodMs: number): number {
  let segments = 10;
  while (periodMs % segments !== 0) segments--;
  return segments;
}
