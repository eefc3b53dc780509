import { optionAt, ThrottleConfigError } from '../core/errors.js';
import type { Policy, StoredRate } from '../core/policy.js';
import type { ChargeWhen, MessageOption, OnDenied, Phase, PolicyOptions, Skip } from '../decorators/policy-options.js';
import { canGrant } from '../strategies/built-in-strategies.js';
import { assertQuotas } from '../strategies/calendar/quota-options.js';
import { definePolicies, policyAtRate } from '../strategies/define-policy.js';
import type { Strategy } from '../strategies/strategy.js';
import type { By, CallContext, CostOf } from '../transports/call.js';
import { FunctionDeadlines } from '../transports/functions/function-deadlines.js';
import { by } from '../transports/identity/by.js';
import { isUserBy } from '../transports/identity/user-lookup.js';
import { type ConcurrencyRules, concurrencyOf, permitSource, rulesOf } from './concurrency/concurrency-limit.js';
import { type DeclaredLimit, type Level, nameOf } from './declared-limits.js';
import type { HandlerIdentity } from './handler-identity.js';
import type { TierOptions } from './plans/plan-options.js';
import type { PolicyTiers } from './plans/plans.js';
import { atOwnStrategy } from './plans/tier-rate.js';
import { fixedPolicies, type PolicySource, plannedPolicies, policiesByRate } from './policy-source.js';
import { type QuotaContext, QuotaSource } from './quotas/quota-source.js';
import { type ModeSource, modeSource } from './runtime/mode-source.js';

/** A limit of one handler, ready to be charged. Only the values that depend on the call are still open. */
export interface CompiledLimit {
  /** Its name, or `default`. */
  readonly name: string;
  readonly level: Level;
  /** For errors: `@Throttle on ReportsController.list`. */
  readonly place: string;
  /** The scope of its budget, as written in the ids of policies. */
  readonly scope: string;
  readonly policies: PolicySource;
  /**
   * Set if it limits how many calls run at a time. Its units are permits, which are held; its cost is the number of
   * permits per call.
   */
  readonly concurrency: ConcurrencyRules | undefined;
  /** Set if its policies are, or may be, calendar quotas. */
  readonly quota: QuotaSource | undefined;
  readonly by: By;
  readonly cost: number | CostOf;
  readonly manual: boolean;
  /**
   * When it is charged. `either`: by the guard if user, plan and the subjects of overrides are known there, else in the
   * handler phase.
   */
  readonly phase: Phase | 'either';
  /** Which calls stay charged after they have ended. Undefined: all of them. */
  readonly chargeWhen: ChargeWhen | undefined;
  readonly skip: Skip | undefined;
  /**
   * The subjects whose overrides apply: the charged subject (`true`), or those that these functions return, most
   * specific first.
   */
  readonly overrides: true | readonly By[] | undefined;
  readonly message: MessageOption | undefined;
  readonly onDenied: OnDenied | undefined;
  readonly context: CallContext | undefined;
  /** Limits how long its functions may take. */
  readonly deadlines: FunctionDeadlines;
}

type Rate = Exclude<PolicyOptions['rate'], undefined>;

const DEFAULT_SCOPES = { module: 'app', class: 'class', method: 'handler' } as const;

/**
 * Pass 3: compiles a declared limit: a rate, or a concurrency (see `partsOf`).
 *
 * @param handler the handler that it is compiled for; `null` for a use of the service outside any handler
 * @param mode of limits without one of their own
 * @param quotas clock and windows of quotas. Default: the clock of the process
 * @param deadlines limits how long the application's functions may take
 * @throws ThrottleConfigError naming the place
 */
export function compileLimit(
  declared: DeclaredLimit,
  handler: HandlerIdentity | null,
  strategies: readonly Strategy[],
  mode?: ModeSource,
  quotas?: QuotaContext,
  deadlines = new FunctionDeadlines(),
): CompiledLimit {
  const { options, level, place } = declared;
  const scope = scopeOf(options, level, handler, place);
  const ownMode = modeOf(declared, mode);
  const { rate } = options;
  const concurrency = rate === undefined ? concurrencyOf(options) : undefined;
  const policies =
    rate === undefined
      ? permitSource(declared, scope, ownMode)
      : policySource(declared, rate, scope, strategies, ownMode);
  return {
    name: nameOf(declared),
    level,
    place,
    scope,
    policies,
    concurrency: concurrency && rulesOf(concurrency),
    quota: mayBeQuota(policies, options) ? new QuotaSource(options.anchor, place, quotas) : undefined,
    by: options.by ?? by.connection(),
    cost: (concurrency === undefined ? options.cost : concurrency.weight) ?? 1,
    manual: options.manual ?? false,
    phase: options.phase ?? (mayWait(declared) ? 'either' : 'guard'),
    chargeWhen: options.chargeWhen,
    skip: options.skip,
    overrides: overridersOf(declared),
    message: options.message,
    onDenied: options.onDenied,
    context: isEmpty(options.context) ? undefined : options.context,
    deadlines,
  };
}

/** Returns true if a later guard may set values that decide who is charged, or at which rate. */
function mayWait({ options: { by, overrides }, tiers }: DeclaredLimit): boolean {
  const isRateLate = tiers !== undefined || (overrides !== undefined && overrides !== true);
  return isRateLate || (by !== undefined && isUserBy(by));
}

/** @throws ThrottleConfigError for a policy that cannot have overrides */
function overridersOf({ options: { overrides, lease }, place, byPeriod }: DeclaredLimit): CompiledLimit['overrides'] {
  if (overrides === undefined) return undefined;
  const path = optionAt(place, 'overrides');
  if (lease !== undefined) {
    throw new ThrottleConfigError(
      'SLUICE_LEASE_CONFLICT',
      `${path}: cannot be combined with a lease, because leased units are spent at one rate for all subjects. Leave one of the two options out.`,
    );
  }
  if (byPeriod === true) {
    throw new ThrottleConfigError(
      'SLUICE_NAME_REQUIRED',
      `${path}: an override refers to its policy by name, and this one has no name. Add { name: "..." }.`,
    );
  }
  if (overrides === true) return true;
  return typeof overrides === 'function' ? [overrides] : overrides;
}

function nothingToOverride(place: string): ThrottleConfigError {
  return new ThrottleConfigError(
    'SLUICE_FIXED_RATE',
    `${optionAt(place, 'overrides')}: an override replaces a rate, but this policy is unlimited. Set a rate that is high enough for subjects without an override.`,
  );
}

/** Throws if a policy with overrides has several rates, its own or `at` a plan: an override is one rate. */
function assertOneRate(place: string, policies: readonly Policy[], at: string): void {
  if (policies.length < 2) return;
  const several = at === place ? 'this policy has' : `${at} has`;
  throw new ThrottleConfigError(
    'SLUICE_FIXED_RATE',
    `${optionAt(place, 'overrides')}: an override replaces one rate, but ${several} ${policies.length}. Make each rate a separate policy.`,
  );
}

/** Returns true if the limit may be a calendar quota: a rate function may return a month or a year, which imply it. */
function mayBeQuota({ known }: PolicySource, { rate, strategy = 'calendar' }: PolicyOptions): boolean {
  return (
    (typeof rate === 'function' && strategy === 'calendar') || known.some(({ calendar }) => calendar !== undefined)
  );
}

/**
 * Returns true if there is no context. Then functions of the limit receive the call itself, so that limits can share
 * their results.
 */
function isEmpty(context: CallContext | undefined): boolean {
  return context === undefined || Object.keys(context).length === 0;
}

const NAMED_BUDGET = 'id:';

/** Returns the option `id` of a limit. */
export function budgetIdOf({ scope }: CompiledLimit): string | undefined {
  return scope.startsWith(NAMED_BUDGET) ? scope.slice(NAMED_BUDGET.length) : undefined;
}

/** Returns the scope as written in the ids of policies. */
function scopeOf(options: PolicyOptions, level: Level, handler: HandlerIdentity | null, place: string): string {
  const { scope = DEFAULT_SCOPES[level], id } = options;
  if (scope === 'app' || typeof scope === 'object') {
    if (id !== undefined) throw idWithoutHandler(place, scope);
    return scope === 'app' ? 'app' : `group:${scope.group}`;
  }
  if (id !== undefined) return `${NAMED_BUDGET}${id}`;
  if (handler === null) {
    throw new ThrottleConfigError(
      'SLUICE_NO_CALL',
      `${place}: has a budget for each ${scope}, but there is no handler here. Call this within a request, or set the scope "app" or { group }.`,
    );
  }
  return scope === 'class' ? `class:${handler.classId}` : `handler:${handler.handlerId}`;
}

function idWithoutHandler(place: string, scope: 'app' | { readonly group: string }): ThrottleConfigError {
  const owner = scope === 'app' ? 'the application' : `the group "${scope.group}"`;
  return new ThrottleConfigError(
    'SLUICE_UNUSED_OPTION',
    `${optionAt(place, 'id')}: names the budget of a handler or a class, but the budget of this limit belongs to ${owner}. Leave it out, or add scope: "handler" or "class".`,
  );
}

/** Returns the mode of a limit: its own, else that of the module. */
function modeOf({ options: { mode }, place }: DeclaredLimit, ofModule: ModeSource): ModeSource {
  return mode === undefined ? ofModule : modeSource(mode, optionAt(place, 'mode'));
}

function policySource(
  declared: DeclaredLimit,
  rate: Rate,
  scope: string,
  strategies: readonly Strategy[],
  mode: ModeSource,
): PolicySource {
  const { options, place, byPeriod = false, tiers, runtime } = declared;
  const budget = { ...budgetOptions(options), scope };
  const define = (at: string, spec: TierOptions) => {
    const isRateApart = spec.rate !== options.rate;
    const policies = definePolicies(
      at,
      nameOf(declared),
      { ...budget, ...spec },
      { strategies, byPeriod, isRateApart },
    );
    if (options.overrides !== undefined) assertOneRate(place, policies, at);
    if (typeof options.anchor === 'function') assertQuotas(optionAt(at, 'anchor'), policies);
    return policies;
  };
  const affordable = (at: string, spec: TierOptions, when?: string) => {
    const policies = define(at, spec);
    assertAffordable(place, policies, options.cost, when);
    return policies;
  };
  const own =
    typeof rate === 'string'
      ? fixedPolicies(affordable(place, { rate }), mode)
      : policiesOfFunction(rate, options, place, (text) => define(place, { rate: text }), mode);
  if (options.overrides !== undefined && own.fixed?.length === 0) throw nothingToOverride(place);
  assertLeasable(place, own.fixed ?? [], mode);
  if (tiers !== undefined) assertNotLeased(options, place, tiers);
  const inTier = (at: string, spec: TierOptions, when: string) =>
    affordable(at, atOwnStrategy(at, nameOf(declared), options, spec), when);
  const source = tiers === undefined ? own : plannedPolicies(nameOf(declared), tiers, own, inTier);
  if (runtime === undefined) return source;
  const written = own.fixed ?? define(place, { rate: anyRate(options) });
  const atRate = (rate: StoredRate): readonly Policy[] => {
    const changed = written.map((policy) => policyAtRate(place, policy, rate, strategies));
    assertAffordable(place, changed, options.cost);
    return changed;
  };
  runtime.track({ own, source, atRate });
  return source;
}

function policiesOfFunction(
  rateOf: Exclude<Rate, string>,
  options: PolicyOptions,
  place: string,
  define: (rate: string) => readonly Policy[],
  mode: ModeSource,
): PolicySource {
  if (options.lease !== undefined) {
    throw new ThrottleConfigError(
      'SLUICE_LEASE_CONFLICT',
      `${optionAt(place, 'lease')}: a rate that is a function cannot be leased. Write a fixed rate, or leave the lease out.`,
    );
  }
  // Reports mistakes in the other options at startup.
  const any = define(anyRate(options));
  // A quota is counted in windows of its unit, and an unlimited one has none.
  const mayBeOverridden = options.overrides !== undefined && options.strategy !== 'calendar';
  return policiesByRate(rateOf, define, place, mode, mayBeOverridden ? any : undefined);
}

/**
 * Returns a rate that is valid with the other options: a quota for any rollover, or a period divisible by the segments.
 */
function anyRate({ segments, strategy }: Pick<PolicyOptions, 'segments' | 'strategy'>): string {
  if (strategy === 'calendar') return '1000000000000000/day';
  return `1/${Number.isSafeInteger(segments) && Number(segments) > 0 ? segments : 1000}ms`;
}

function assertNotLeased({ lease }: PolicyOptions, place: string, { entries }: PolicyTiers): void {
  const [tier] = entries.values();
  if (lease === undefined || tier === undefined) return;
  throw new ThrottleConfigError(
    'SLUICE_LEASE_CONFLICT',
    `${optionAt(place, 'lease')}: units are leased at one rate for all clients, but ${tier.place} has another. Leave out the lease, or the rate of the plan.`,
  );
}

/** Returns the given options that belong to the policy. An anchor that is a function does not. */
function budgetOptions(options: PolicyOptions) {
  const { strategy, burst, segments, unit, headers, onError, lease, block, timeZone, anchor, rollover, thresholds } =
    options;
  return {
    ...(timeZone !== undefined && { timeZone }),
    ...(anchor !== undefined && typeof anchor !== 'function' && { anchor }),
    ...(rollover !== undefined && { rollover }),
    ...(thresholds !== undefined && { thresholds }),
    ...(strategy !== undefined && { strategy }),
    ...(burst !== undefined && { burst }),
    ...(segments !== undefined && { segments }),
    ...(unit !== undefined && { unit }),
    ...(headers !== undefined && { headers }),
    ...(onError !== undefined && { onError }),
    ...(lease !== undefined && { lease }),
    ...(block !== undefined && { block }),
  };
}

/** Throws if a cost exceeds what a full limit grants: every call would be denied. */
function assertAffordable(
  place: string,
  policies: readonly Policy[],
  cost: number | CostOf | undefined,
  when = '',
): void {
  if (typeof cost !== 'number') return;
  for (const policy of policies) {
    if (canGrant(policy, cost)) continue;
    const { burst, strategy } = policy;
    const hint = strategy === 'gcra' ? ' ("gcra" has a burst of 1 by default)' : '';
    throw new ThrottleConfigError(
      'SLUICE_COST_TOO_HIGH',
      `${optionAt(place, 'cost')}: a cost of ${cost} can never pass, because the limit grants at most ${burst} at once${when}${hint}. Lower the cost, or raise the rate.`,
    );
  }
}

/** Throws if a leased policy may have a mode other than `on`: leased units are spent without the backend. */
export function assertLeasable(place: string, policies: readonly Policy[], mode: ModeSource): void {
  if (mode === undefined || !policies.some(({ lease }) => lease !== undefined)) return;
  const found = typeof mode === 'function' ? 'is a function' : `is "${mode}"`;
  throw new ThrottleConfigError(
    'SLUICE_LEASE_CONFLICT',
    `${optionAt(place, 'lease')}: a lease needs the mode "on", but the mode here ${found}. Leave the lease out, or set the mode "on".`,
  );
}
