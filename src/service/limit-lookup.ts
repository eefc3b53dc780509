import { invalidArgument, suggest, ThrottleConfigError } from '../core/errors.js';
import type { Policy } from '../core/policy.js';
import type { BudgetRegistry } from '../planning/budgets/budget-registry.js';
import { assertLeasable, budgetIdOf, type CompiledLimit } from '../planning/compiled-limit.js';
import { type ConcurrencyRules, rulesOf } from '../planning/concurrency/concurrency-limit.js';
import type { HandlerIdentity } from '../planning/handler-identity.js';
import type { HandlerLimits } from '../planning/handler-limits.js';
import type { PolicyRegistry } from '../planning/policy-registry.js';
import { fixedPolicies } from '../planning/policy-source.js';
import { QuotaSource } from '../planning/quotas/quota-source.js';
import { concurrency } from '../strategies/held/concurrency.js';
import { by } from '../transports/identity/by.js';

/** Finds the limits for a call of the service. */
export class LimitLookup {
  readonly #withoutHandler = new Map<string, readonly CompiledLimit[]>();
  readonly #byHandler = new WeakMap<HandlerIdentity, Map<string, readonly CompiledLimit[]>>();
  readonly #adHoc = new WeakMap<Policy, readonly CompiledLimit[]>();

  constructor(private readonly registry: PolicyRegistry) {}

  /** The token budgets of the module. */
  get budgets(): BudgetRegistry {
    return this.registry.budgets;
  }

  /** @throws ThrottleConfigError for an unknown policy, or if no policy is named and the handler has no limits */
  find(method: string, policy: unknown, handlerLimits: HandlerLimits | undefined): readonly CompiledLimit[] {
    if (typeof policy === 'string') return this.#byName(method, policy, handlerLimits);
    if (isPolicy(policy)) return this.#byPolicy(method, policy);
    if (policy !== undefined) {
      throw invalidArgument(`${method}()`, "a policy's name, or a policy that definePolicy() made", policy);
    }
    if (handlerLimits === undefined) {
      throw new ThrottleConfigError(
        'SLUICE_NO_CALL',
        `${method}() without a policy uses the limits of the handler, but ThrottleGuard and ThrottleInterceptor have seen no handler here. ` +
          `Name a policy, ${method}("name"), or pass { on: context }.`,
      );
    }
    if (handlerLimits.explicit.length > 0) return handlerLimits.explicit;
    const { names } = this.registry;
    throw new ThrottleConfigError(
      'SLUICE_UNKNOWN_POLICY',
      `${method}() in ${handlerLimits.label}: no limit of the method or its class applies. Add @Throttle("60/min", { manual: true }), ` +
        `or name a policy.${names.length > 0 ? ` Known: ${names.join(', ')}.` : ''}`,
    );
  }

  #byName(method: string, name: string, handlerLimits: HandlerLimits | undefined): readonly CompiledLimit[] {
    const byName = handlerLimits === undefined ? this.#withoutHandler : this.#namedIn(handlerLimits.handler);
    let limits = byName.get(name);
    if (limits === undefined) {
      limits = this.#named(method, name, handlerLimits);
      byName.set(name, limits);
    }
    return limits;
  }

  /**
   * Finds limits by name. A limit of the module takes precedence over one of the handler: both may have a limit
   * `default`.
   */
  #named(method: string, name: string, handlerLimits: HandlerLimits | undefined): readonly CompiledLimit[] {
    const place = `${method}("${name}")`;
    if (handlerLimits === undefined) return this.registry.compiled(name, null, place);
    const limits = limitsOf(handlerLimits);
    const called = limits.filter((limit) => limit.name === name);
    if (limits.length === 0 || this.registry.has(name) || this.registry.hasDefault(name)) {
      const [id] = called.map(budgetIdOf);
      return this.registry.compiled(name, handlerLimits.handler, place, id);
    }
    if (called.length > 0) return called;
    const known = new Set([...this.registry.names, ...limits.map((limit) => limit.name)]);
    throw new ThrottleConfigError(
      'SLUICE_UNKNOWN_POLICY',
      `${place} in ${handlerLimits.label}: no policy or limit has this name.${suggest(name, [...known])}`,
    );
  }

  #namedIn(handler: HandlerIdentity): Map<string, readonly CompiledLimit[]> {
    let byName = this.#byHandler.get(handler);
    if (byName === undefined) {
      byName = new Map();
      this.#byHandler.set(handler, byName);
    }
    return byName;
  }

  #byPolicy(method: string, policy: Policy): readonly CompiledLimit[] {
    let limits = this.#adHoc.get(policy);
    if (limits === undefined) {
      this.registry.assertUnclaimed(policy, `${method}(policy "${policy.name}")`);
      const place = `policy "${policy.name}"`;
      const { mode, deadlines } = this.registry;
      assertLeasable(place, [policy], mode);
      const quota = policy.calendar && new QuotaSource(undefined, place, this.registry.quotas);
      const concurrency = adHocConcurrency(policy, method);
      const policies = fixedPolicies([policy], mode);
      limits = [{ ...AD_HOC, name: policy.name, place, policies, concurrency, quota, deadlines }];
      this.#adHoc.set(policy, limits);
    }
    return limits;
  }
}

/** Returns the limits with the given cost, if there is one. */
export function withCost(limits: readonly CompiledLimit[], cost: number | undefined): readonly CompiledLimit[] {
  if (cost === undefined) return limits;
  // The cost applies to rates only: the number of permits is their weight.
  return limits.map((limit) => (limit.concurrency === undefined ? { ...limit, cost } : limit));
}

/** @throws ThrottleConfigError for a token budget, whose units are reserved instead of charged */
function adHocConcurrency({ name, held, strategy, limit }: Policy, method: string): ConcurrencyRules | undefined {
  if (held === undefined) return undefined;
  if (strategy === concurrency.name) return rulesOf({ limit });
  throw new ThrottleConfigError(
    'SLUICE_WRONG_POLICY',
    `${method}(policy "${name}"): the units of a token budget are reserved, not charged. Use a budget of the module: throttle.budget(name).reserve(estimate).`,
  );
}

const AD_HOC: Omit<CompiledLimit, 'name' | 'place' | 'policies' | 'concurrency' | 'quota' | 'deadlines'> = {
  level: 'module',
  scope: '',
  by: by.connection(),
  cost: 1,
  manual: false,
  phase: 'guard',
  chargeWhen: undefined,
  skip: undefined,
  overrides: undefined,
  message: undefined,
  onDenied: undefined,
  context: undefined,
};

/** Returns all limits of a handler, first those that `hit()` charges without a name. */
function limitsOf({ automatic, explicit }: HandlerLimits): readonly CompiledLimit[] {
  return [...new Set([...explicit, ...automatic])];
}

function isPolicy(policy: unknown): policy is Policy {
  return typeof policy === 'object' && policy !== null && 'id' in policy && 'periodMs' in policy && 'limit' in policy;
}
