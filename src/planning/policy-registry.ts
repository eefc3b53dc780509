import type { Backend } from '../backends/backend.js';
import { assertCapable } from '../backends/capabilities.js';
import { type Clock, systemClock } from '../core/clock.js';
import { noteInjectable } from '../core/copies.js';
import { invalidValue, optionAt, suggest, ThrottleConfigError } from '../core/errors.js';
import { type Policy, type StoredRate, storedRateOf } from '../core/policy.js';
import type { ModulePolicy } from '../decorators/budget-options.js';
import type { Limit } from '../decorators/policy-options.js';
import { QuotaWindows } from '../strategies/calendar/quota-windows.js';
import type { PolicySpec } from '../strategies/define-policy.js';
import type { Strategy } from '../strategies/strategy.js';
import type { By } from '../transports/call.js';
import { FunctionDeadlines } from '../transports/functions/function-deadlines.js';
import { addressHeaderWarning } from '../transports/identity/address-headers.js';
import { assertDistinctPolicies, BudgetClaims } from './budget-claims.js';
import { BudgetRegistry, isBudget } from './budgets/budget-registry.js';
import { type CompiledLimit, compileLimit } from './compiled-limit.js';
import { partsOf } from './concurrency/concurrency-limit.js';
import { type DeclaredLimit, declareLimit, distinguishUnnamed, nameOf } from './declared-limits.js';
import type { HandlerIdentity } from './handler-identity.js';
import { assertUnreservedName } from './option-checks.js';
import { resolveOverride } from './overrides/resolved-override.js';
import type { Plans } from './plans/plans.js';
import type { QuotaContext } from './quotas/quota-source.js';
import type { ModeSource } from './runtime/mode-source.js';
import { RuntimePolicy } from './runtime/runtime-policy.js';

/** The module's policies by name, and the limits of its `default`. */
export class PolicyRegistry {
  static {
    noteInjectable(PolicyRegistry);
  }

  readonly claims = new BudgetClaims();
  /** Clock and windows of the application's quotas. */
  readonly quotas: QuotaContext;
  /** The token budgets among the policies. */
  readonly budgets: BudgetRegistry;
  readonly #named = new Map<string, DeclaredLimit>();
  readonly #defaults: readonly DeclaredLimit[] = [];
  readonly #warnedOf = new WeakSet<By>();
  /** The policies of the limits compiled so far, by id; undefined after `takeKnownPolicies`. */
  #compiled: Map<string, Policy> | undefined = new Map();

  /**
   * @param backend the backend of the application, to check that it supports what a policy needs
   * @throws ThrottleConfigError naming the policy or the default
   */
  constructor(
    policies: Readonly<Record<string, ModulePolicy>>,
    defaults: readonly Limit[],
    readonly strategies: readonly Strategy[],
    private readonly warn: (message: string) => void = () => {},
    readonly plans?: Plans,
    /** The mode of limits that do not set one. */
    readonly mode?: ModeSource,
    private readonly backend?: Backend,
    clock: Clock = systemClock,
    /** Limits how long the application's functions may take. */
    readonly deadlines = new FunctionDeadlines(),
  ) {
    this.quotas = { clock, windows: new QuotaWindows() };
    this.budgets = new BudgetRegistry(this.quotas, strategies, deadlines, backend);
    this.add(policies);
    // Not `defaults.map`, which skips holes.
    const declared = Array.from(defaults, (limit, i) => {
      const place = defaults.length > 1 ? `default[${i}]` : 'default';
      const one = declareLimit(optionsOf(limit), 'module', place);
      // Compiled separately first, so that a mistake in one limit is reported before conflicts between limits.
      for (const part of partsOf(one)) compileLimit(part, ANY_HANDLER, strategies, mode, this.quotas);
      if (this.has(nameOf(one))) throw twoOfOneName(place, nameOf(one));
      return one;
    });
    this.#defaults = distinguishUnnamed(declared).map((one) => this.#underPlans(one));
    const limits = this.#defaults.flatMap((one) => this.compile(one, ANY_HANDLER));
    assertDistinctPolicies(limits);
    this.claims.claim(limits);
  }

  /** Adds policies. @throws ThrottleConfigError if a policy is invalid or its name is taken */
  add(policies: Readonly<Record<string, ModulePolicy>>): void {
    for (const [name, limit] of Object.entries(policies)) {
      const place = `policies.${name}`;
      assertNoSwitch(place, name, limit);
      assertUnreservedName(
        place,
        name,
        'Choose another name. For a limit of all handlers, use the module option "default".',
      );
      if (isBudget(limit)) {
        if (this.has(name) || this.hasDefault(name)) throw twoOfOneName(place, name);
        this.claims.claim([this.budgets.add(name, limit, place).limit]);
        continue;
      }
      const { options } = declareLimit(optionsOf(limit), 'module', place);
      if (options.name !== undefined && options.name !== name) {
        throw new ThrottleConfigError(
          'SLUICE_UNUSED_OPTION',
          `${place}.name: the policy is already named "${name}". Leave the name out.`,
        );
      }
      if (this.has(name) || this.hasDefault(name)) throw twoOfOneName(place, name);
      const runtime = new RuntimePolicy(name);
      const declared = this.#underPlans({ options: { ...options, name }, level: 'module', place, runtime });
      this.claims.claim(this.compile(declared, ANY_HANDLER));
      this.#named.set(name, declared);
    }
  }

  /**
   * Throws if a policy that is passed to the service has the name of a policy that a limit generated for one of its
   * rates.
   */
  assertUnclaimed(policy: Policy, place: string): void {
    this.claims.assertUnclaimed(policy, place);
  }

  /** Throws if a plan names an unknown policy. Call it after all policies are added. @throws ThrottleConfigError */
  assertPlannedPolicies(): void {
    this.plans?.assertPoliciesKnown([...this.names, ...new Set(this.#defaults.map(nameOf))]);
  }

  get defaults(): readonly DeclaredLimit[] {
    return this.#defaults;
  }

  get names(): readonly string[] {
    return [...this.#named.keys()];
  }

  has(name: string): boolean {
    return this.#named.has(name) || this.budgets.has(name);
  }

  /** Returns true for the name of a limit of the module's `default`. */
  hasDefault(name: string): boolean {
    return this.#defaults.some((one) => nameOf(one) === name);
  }

  /** Returns the policy with a name. @throws ThrottleConfigError that suggests the most similar known name */
  get(name: string, place: string): DeclaredLimit {
    const found = this.#named.get(name);
    if (found !== undefined) return found;
    if (this.budgets.has(name)) {
      throw new ThrottleConfigError(
        'SLUICE_WRONG_POLICY',
        `${place}: this policy is a token budget. Use throttle.budget("${name}").reserve(estimate).`,
      );
    }
    const fix = this.#named.size === 0 ? ` Add it: ThrottleModule.forRoot({ policies: { ... } }).` : '';
    throw new ThrottleConfigError(
      'SLUICE_UNKNOWN_POLICY',
      `${place}: no policy has this name.${suggest(name, this.names)}${fix}`,
    );
  }

  /** Returns the run-time state of a policy; undefined for an unknown name. */
  runtime(name: string): RuntimePolicy | undefined {
    return this.#named.get(name)?.runtime;
  }

  /**
   * Resolves a new rate of a policy. Like `overridden`, but the policy need not allow overrides.
   *
   * @param place for errors
   * @throws ThrottleConfigError for an unknown policy, and for a rate that does not fit it or is `unlimited`
   */
  changed(name: string, spec: Pick<PolicySpec, 'rate' | 'burst'>, place: string): StoredRate {
    const policy = resolveOverride(this.get(name, place), spec, place, this.strategies);
    if (policy !== undefined) return storedRateOf(policy);
    throw invalidValue(
      optionAt(place, 'rate'),
      'a rate such as "5/min" (for no limit, set the mode "off")',
      spec.rate,
      'SLUICE_INVALID_RATE',
    );
  }

  /**
   * Returns a policy at the rate of an override; undefined for the rate `unlimited`. If `burst` is omitted, that of the
   * policy applies. The number of segments stays the same if it divides the period.
   *
   * @param place for errors
   * @throws ThrottleConfigError for an unknown policy, for one that cannot have overrides, and for a rate that does not
   *   fit it
   */
  overridden(name: string, spec: Pick<PolicySpec, 'rate' | 'burst'>, place: string): Policy | undefined {
    const declared = this.#defaults.find((one) => nameOf(one) === name) ?? this.get(name, place);
    if (declared.options.overrides === undefined) {
      throw new ThrottleConfigError(
        'SLUICE_NOT_CONFIGURED',
        `${place}: this policy has no option "overrides". Add it, ${declared.place}: { overrides: true } allows overrides of the charged subject.`,
      );
    }
    return resolveOverride(declared, spec, place, this.strategies);
  }

  /**
   * Returns the limits with a name, for the service: a policy, or the module's defaults with that name.
   *
   * @param id the budget's name, if the handler sets one where it uses the policy
   */
  compiled(name: string, handler: HandlerIdentity | null, place: string, id?: string): readonly CompiledLimit[] {
    const defaults = this.#defaults.filter((one) => nameOf(one) === name);
    const declared = defaults.length > 0 ? defaults : [this.get(name, place)];
    return declared.flatMap(({ options, ...one }) =>
      this.compile({ ...one, options: id === undefined ? options : { ...options, id } }, handler),
    );
  }

  /** Returns the distinct policies of all limits compiled so far. Policies compiled later are not collected. */
  takeKnownPolicies(): readonly Policy[] {
    const known = [...(this.#compiled?.values() ?? [])];
    this.#compiled = undefined;
    return known;
  }

  #underPlans(declared: DeclaredLimit): DeclaredLimit {
    const tiers = this.plans?.tiersOf(nameOf(declared));
    if (tiers === undefined) return declared;
    const [first] = tiers.entries.values();
    if (declared.byPeriod !== true || first === undefined) return { ...declared, tiers };
    throw new ThrottleConfigError(
      'SLUICE_NAME_REQUIRED',
      `${first.place}: the \`default\` of the module has several unnamed limits, so "default" is ambiguous. Name one of them, and use that name here.`,
    );
  }

  /**
   * Compiles the parts of a limit (rate and concurrency) with the strategies of the application. Warns, once for each
   * `by`, of a limit that clients can evade.
   */
  compile(declared: DeclaredLimit, handler: HandlerIdentity | null): readonly CompiledLimit[] {
    return partsOf(declared).map((part) => this.#compile(part, handler));
  }

  #compile(declared: DeclaredLimit, handler: HandlerIdentity | null): CompiledLimit {
    const limit = compileLimit(declared, handler, this.strategies, this.mode, this.quotas, this.deadlines);
    if (limit.overrides !== undefined && this.backend !== undefined) {
      assertCapable(this.backend, limit, 'settings', 'overrides');
    }
    if (declared.options.block !== undefined && this.backend !== undefined) {
      assertCapable(this.backend, limit, 'blocks', 'block');
    }
    if (limit.concurrency !== undefined && this.backend !== undefined) {
      assertCapable(this.backend, limit, 'holds', 'concurrency');
    }
    // A budget per handler or class exists only for a real handler.
    if (this.#compiled !== undefined && (handler !== ANY_HANDLER || !hasHandler(limit))) {
      for (const policy of limit.policies.known) this.#compiled.set(policy.id, policy);
    }
    const warning = addressHeaderWarning(optionAt(limit.place, 'by'), limit.by);
    if (warning !== undefined && !this.#warnedOf.has(limit.by)) {
      this.#warnedOf.add(limit.by);
      this.warn(warning);
    }
    return limit;
  }
}

/** A placeholder for the handlers that will use a policy, so that its mistakes are found before any handler does. */
const ANY_HANDLER: HandlerIdentity = { classId: '', handlerId: '' };

/** Returns true if a limit has a budget for each handler or class. */
function hasHandler({ scope }: CompiledLimit): boolean {
  return scope.startsWith('handler:') || scope.startsWith('class:');
}

/** Throws for `policies: { runtime: true }`, which reads like the module's option. */
function assertNoSwitch(place: string, name: string, limit: unknown): void {
  if (name !== 'runtime' || typeof limit !== 'boolean') return;
  throw new ThrottleConfigError(
    'SLUICE_MISPLACED_OPTION',
    `${place}: expected a policy, got ${limit}. To follow changes at run time, set \`runtimePolicies: true\` beside \`policies\`.`,
  );
}

function optionsOf(limit: Limit): unknown {
  return typeof limit === 'string' ? { rate: limit } : limit;
}

function twoOfOneName(place: string, name: string): ThrottleConfigError {
  return new ThrottleConfigError(
    'SLUICE_DUPLICATE_POLICY',
    `${place}: two policies are named "${name}". Rename one of them.`,
  );
}
