import { assertKnownMembers, invalidValue, optionAt, suggest, ThrottleConfigError } from '../core/errors.js';
import type { Checked } from '../core/literals/checked-options.js';
import {
  AN_ON_ERROR,
  assertOnError,
  assertPolicyName,
  type OnError,
  type Policy,
  policyId,
  type StoredRate,
  splitPolicyId,
} from '../core/policy.js';
import { parseRateAt, periodLabel, type Rate, type RateText, type TextOrElse } from '../core/rate.js';
import { assertNotMissing, missingValue } from '../core/value-options.js';
import { BLOCK_EXPECTED, type BlockOptions, readBlock } from './blocks/block-options.js';
import { BUILT_IN_STRATEGIES } from './built-in-strategies.js';
import { calendar } from './calendar/calendar.js';
import { calendarAt, readQuota } from './calendar/quota-options.js';
import type { CheckedSpec, StrategyName } from './checked-spec.js';
import { shapeCode } from './shape-code.js';
import { type Strategy, sizeOf } from './strategy.js';

/** Options of `definePolicy`. They may be omitted, but not be `undefined`. */
export interface PolicySpec {
  /** The rate, `"<count>/<unit>"`; see `parseRate`. */
  readonly rate: RateText;
  /** The name of a built-in strategy, or a custom strategy. Default: `sliding-window`. */
  readonly strategy?: StrategyName | Strategy | (string & {});
  /** Units that a bucket holds (`token-bucket`, `gcra`, `leaky-bucket`), at least 1. Default: the limit; `gcra`: 1. */
  readonly burst?: number;
  /** Counters of a `sliding-window`: 1 to 1000, a divisor of the period. Default: the largest divisor up to 10. */
  readonly segments?: number;
  /**
   * The part of the application that shares the budget: policies with the same name, scope, strategy, period and
   * segments are one budget. Default: `app`.
   */
  readonly scope?: string;
  /**
   * The unit that is counted, written as `qu` in `RateLimit-Policy`: 1 to 64 ASCII characters without quotes and
   * backslashes. The draft defines `requests` (the default, omitted), `content-bytes` and `concurrent-requests`.
   */
  readonly unit?: string;
  /** If false, no header shows the policy's decisions; a denied call still gets `Retry-After`. Default: true. */
  readonly headers?: boolean;
  /** What to do while a remote backend is unavailable: `local`, `allow` or `deny`. Default: that of the module. */
  readonly onError?: OnError;
  /**
   * Takes units from Redis in batches of at least `batch` (1 up to the limit) and spends them in the process, without a
   * round trip per call. Only for `fixed-window` with a period of at least a second. All processes together never
   * exceed the limit in a window. `remaining` is approximate, and units that a process holds when it crashes are lost
   * until the window ends. Default: the backend decides every charge. Ignored by a backend in the process.
   */
  readonly lease?: { readonly batch: number };
  /**
   * Blocks a subject after denials. If `true`, subjects are blocked by hand only (`Backend.blocks`). A policy with
   * blocks has its own budgets, so adding the option starts new counters. Default: no blocks.
   */
  readonly block?: true | BlockOptions;
  /** The time zone of a `calendar` quota, an IANA name such as `Europe/Berlin`. Default: `UTC`. */
  readonly timeZone?: string | undefined;
  /**
   * An instant at which a window of a `calendar` quota begins. Window k begins k hours, days, weeks, months or years
   * after it, at its time of day in `timeZone`, with the day clamped to the length of the month. Default: windows begin
   * with the units of the calendar.
   */
  readonly anchor?: Date | undefined;
  /** Unused units that a `calendar` quota carries into the next window at most, spent first: 0 (default) to limit. */
  readonly rollover?: number | undefined;
  /**
   * Shares of the limit of a `calendar` quota, above 0 and at most 1. When a subject reaches `ceil(limit * share)`
   * units, a `threshold` event is emitted, once per window. Default: none.
   */
  readonly thresholds?: readonly number[] | undefined;
}

/** The longest period: the current instant plus four periods is still exact. */
const MAX_PERIOD_MS = 2 ** 50;
/** The largest number of segments. */
export const MAX_SEGMENTS = 1000;
/** The shortest period of a lease: a shorter window ends soon after its units are leased. */
const MIN_LEASE_PERIOD_MS = 1000;
const BUCKETS: readonly string[] = ['token-bucket', 'gcra', 'leaky-bucket'];

/** An RFC 9651 string that needs no escapes. */
const UNIT = /^[ !#-[\]-~]{1,64}$/;

function isUnit(unit: unknown): boolean {
  return typeof unit === 'string' && UNIT.test(unit);
}

/** The options of `definePolicy` and their valid values, for error messages. */
export const SPEC_EXPECTED: Readonly<Record<keyof PolicySpec, string>> = {
  rate: '"<count>/<unit>" such as "5/min"',
  strategy: "a strategy's name",
  burst: 'a whole number of units, at least 1',
  segments: `a whole number from 1 to ${MAX_SEGMENTS} that divides the period`,
  scope: 'a string',
  unit: 'the name of the unit that is counted such as "content-bytes", 1 to 64 ASCII characters without quotes and backslashes',
  headers: 'true or false',
  onError: AN_ON_ERROR,
  lease: 'an object { batch: units }',
  block: BLOCK_EXPECTED,
  timeZone: 'the IANA name of a time zone such as "Europe/Berlin"',
  anchor: 'a valid Date',
  rollover: 'a whole number of units, from 0 to the limit',
  thresholds: 'a list of shares of the limit, each above 0 and at most 1, such as [0.8, 1]',
};

/**
 * Returns a policy of one rate: parsed, validated and frozen.
 *
 * @param name 1 to 64 letters, digits, `_`, `.` or `-`, starting with a letter
 * @throws ThrottleConfigError with the path, what was expected, and what was found
 * @example
 * const login = definePolicy('login', { rate: '5/min', strategy: 'fixed-window' });
 * await backend.spend([{ policy: login, subject: 'user:42', cost: 1 }]);
 */
export function definePolicy<const Spec extends TextOrElse | PolicySpec>(
  name: string,
  rateOrSpec: Checked<Spec, CheckedSpec<Spec, PolicySpec>>,
): Policy;
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
    'SLUICE_INVALID_RATE',
    `policies.${name}.rate: expected one rate, got ${policies.length}. Define a policy for each.`,
  );
}

/** Options of `definePolicies`. */
interface DefineOptions {
  readonly strategies?: readonly Strategy[];
  /** True to end all names with the period. */
  readonly byPeriod?: boolean;
  /** True if the rate comes from a plan or a function: a rollover above its limit is then cut to the limit. */
  readonly isRateApart?: boolean;
}

/**
 * Returns the policies of a specification: one per rate, none for `unlimited`. If there are several rates, or with
 * `byPeriod`, the name of each ends with its period: `default-1s`.
 */
export function definePolicies(
  path: string,
  name: string,
  spec: PolicySpec,
  { strategies = BUILT_IN_STRATEGIES, byPeriod = false, isRateApart = false }: DefineOptions = {},
): readonly Policy[] {
  if (spec === undefined) throw missingValue(path, 'a rate or an object with a rate');
  if (typeof spec !== 'object' || spec === null) throw invalidValue(path, 'a rate or an object with a rate', spec);
  assertKnownMembers(path, spec, Object.keys(SPEC_EXPECTED));
  for (const [member, expected] of Object.entries(SPEC_EXPECTED)) assertNotMissing(path, spec, member, expected);
  if (spec.scope !== undefined && typeof spec.scope !== 'string') {
    throw invalidValue(optionAt(path, 'scope'), SPEC_EXPECTED.scope, spec.scope);
  }
  if (spec.onError !== undefined) assertOnError(optionAt(path, 'onError'), spec.onError);
  if (spec.unit !== undefined && !isUnit(spec.unit)) {
    throw invalidValue(optionAt(path, 'unit'), SPEC_EXPECTED.unit, spec.unit);
  }
  if (spec.headers !== undefined && typeof spec.headers !== 'boolean') {
    throw invalidValue(optionAt(path, 'headers'), SPEC_EXPECTED.headers, spec.headers);
  }
  const strategy = findStrategy(path, spec.strategy, strategies);
  const rates = parseRateAt(optionAt(path, 'rate'), spec.rate);
  const policies = rates.map((rate) =>
    buildPolicy(
      path,
      byPeriod || rates.length > 1 ? `${name}-${periodLabel(rate.periodMs, rate.unit)}` : name,
      rate,
      // A month or a year has no fixed length, so it implies the strategy that counts it.
      spec.strategy === undefined && rate.unit !== undefined ? calendar : strategy,
      spec,
      isRateApart,
    ),
  );
  const duplicate = policies.find((policy, i) => policies.findIndex((other) => other.name === policy.name) !== i);
  if (duplicate !== undefined) {
    throw invalidValue(
      optionAt(path, 'rate'),
      'each period once (of two rates with the same period, only the lower one could deny a call)',
      spec.rate,
      'SLUICE_DUPLICATE_PERIOD',
    );
  }
  return policies;
}

/** Returns the policy of one rate. */
function buildPolicy(
  path: string,
  name: string,
  rate: Rate,
  strategy: Strategy,
  spec: PolicySpec,
  isRateApart: boolean,
): Policy {
  const { limit, periodMs } = rate;
  if (periodMs > MAX_PERIOD_MS)
    throw invalidValue(optionAt(path, 'rate'), 'a period of at most 2^50 ms', spec.rate, 'SLUICE_RATE_TOO_LARGE');
  const segments = readSegments(path, periodMs, strategy, spec.segments);
  const lease = readLease(optionAt(path, 'lease'), spec.lease, strategy, rate);
  const block = readBlock(optionAt(path, 'block'), spec.block);
  if (lease !== undefined && block !== undefined) throw blockedLease(path);
  const quota = readQuota(path, strategy.name, rate, spec, isRateApart);
  const policy: Policy = Object.freeze({
    name,
    id: policyId(
      name,
      spec.scope ?? 'app',
      shapeCode(strategy.name, periodMs, segments, quota?.calendar, block !== undefined),
    ),
    strategy: strategy.name,
    limit,
    periodMs,
    burst: readBurst(path, limit, strategy, spec.burst) + (quota?.rollover ?? 0),
    segments,
    ...(spec.unit !== undefined && { unit: spec.unit }),
    ...(spec.headers === false && { headers: spec.headers }),
    ...(spec.onError !== undefined && { onError: spec.onError }),
    ...(lease !== undefined && { lease }),
    ...(block !== undefined && { block }),
    ...(quota !== undefined && { calendar: quota.calendar }),
    ...(quota?.thresholds !== undefined && { thresholds: quota.thresholds }),
  });
  strategy.validate?.(policy, path);
  sizeOf(strategy, policy, path);
  return policy;
}

/**
 * Returns a policy with another rate.
 *
 * @param path names the policy in errors
 * @throws ThrottleConfigError for a rate that was resolved for another strategy, or that the policy cannot have
 */
export function policyAtRate(path: string, policy: Policy, rate: StoredRate, strategies: readonly Strategy[]): Policy {
  if (rate.strategy !== policy.strategy) {
    throw new ThrottleConfigError(
      'SLUICE_FIXED_RATE',
      `${path}: the rate was set for the strategy "${rate.strategy}", but the policy is a "${policy.strategy}"`,
    );
  }
  const { limit, periodMs, burst } = rate;
  const strategy = findStrategy(path, policy.strategy, strategies);
  const isSegmented = strategy.name === 'sliding-window' || rate.segments !== 1;
  const segments = readSegments(path, periodMs, strategy, isSegmented ? rate.segments : undefined);
  const [nameAndScope] = splitPolicyId(policy.id);
  const windows = policy.calendar && calendarAt(path, policy.calendar, periodMs);
  const id = `${nameAndScope}:${shapeCode(policy.strategy, periodMs, segments, windows, policy.block !== undefined)}`;
  const changed: Policy = Object.freeze({
    ...policy,
    id,
    limit,
    periodMs,
    burst,
    segments,
    ...(windows && { calendar: windows }),
  });
  strategy.validate?.(changed, path);
  sizeOf(strategy, changed, path);
  return changed;
}

function blockedLease(path: string): ThrottleConfigError {
  return new ThrottleConfigError(
    'SLUICE_LEASE_CONFLICT',
    `${optionAt(path, 'block')}: cannot be combined with a lease, because leased units are spent without the backend, which knows who is blocked. Leave out \`block\` or \`lease\`.`,
  );
}

function findStrategy(
  path: string,
  wanted: string | Strategy = 'sliding-window',
  known: readonly Strategy[],
): Strategy {
  if (typeof wanted === 'object' && wanted !== null && typeof wanted.step === 'function') return wanted;
  const found = known.find(({ name }) => name === wanted);
  if (found !== undefined) return found;
  const error = invalidValue(optionAt(path, 'strategy'), SPEC_EXPECTED.strategy, wanted);
  throw new ThrottleConfigError(
    'SLUICE_UNKNOWN_STRATEGY',
    `${error.problem}.${suggest(
      String(wanted),
      known.map(({ name }) => name),
    )}`,
  );
}

function readBurst(path: string, limit: number, { name }: Strategy, burst: number | undefined): number {
  if (burst === undefined) return name === 'gcra' ? 1 : limit;
  const isBuiltin = BUILT_IN_STRATEGIES.some((builtin) => builtin.name === name);
  if (isBuiltin && !BUCKETS.includes(name)) {
    throw new ThrottleConfigError(
      'SLUICE_UNUSED_OPTION',
      `${optionAt(path, 'burst')}: "${name}" has no burst. Leave it out, or use one of ${BUCKETS.join(', ')}.`,
    );
  }
  if (Number.isSafeInteger(burst) && burst >= 1) return burst;
  throw invalidValue(optionAt(path, 'burst'), SPEC_EXPECTED.burst, burst);
}

function readSegments(path: string, periodMs: number, { name }: Strategy, segments: number | undefined): number {
  if (segments === undefined) return name === 'sliding-window' ? largestDivisor(periodMs) : 1;
  if (name !== 'sliding-window' && BUILT_IN_STRATEGIES.some((builtin) => builtin.name === name)) {
    throw new ThrottleConfigError(
      'SLUICE_UNUSED_OPTION',
      `${optionAt(path, 'segments')}: "${name}" has no segments. Leave it out, or use "sliding-window".`,
    );
  }
  if (Number.isSafeInteger(segments) && segments >= 1 && segments <= MAX_SEGMENTS && periodMs % segments === 0)
    return segments;
  throw invalidValue(optionAt(path, 'segments'), `${SPEC_EXPECTED.segments} of ${periodMs} ms`, segments);
}

function largestDivisor(periodMs: number): number {
  let segments = 10;
  while (periodMs % segments !== 0) segments--;
  return segments;
}

function readLease(path: string, lease: PolicySpec['lease'], { name }: Strategy, rate: Rate): Policy['lease'] {
  if (lease === undefined) return undefined;
  if (typeof lease !== 'object' || lease === null || Array.isArray(lease)) {
    throw invalidValue(path, SPEC_EXPECTED.lease, lease);
  }
  assertKnownMembers(path, lease, ['batch']);
  if (name !== 'fixed-window') {
    throw new ThrottleConfigError(
      'SLUICE_LEASE_CONFLICT',
      `${path}: only a "fixed-window" can be leased, and this policy is a "${name}". Add { strategy: "fixed-window" }, or leave the lease out.`,
    );
  }
  const { limit, periodMs } = rate;
  if (periodMs < MIN_LEASE_PERIOD_MS) {
    throw invalidValue(path, `a period of at least ${MIN_LEASE_PERIOD_MS} ms`, periodMs);
  }
  const { batch } = lease;
  if (!(Number.isSafeInteger(batch) && batch >= 1 && batch <= limit)) {
    throw invalidValue(`${path}.batch`, `a whole number of units from 1 to the limit of ${limit}`, batch);
  }
  return Object.freeze({ batch });
}
