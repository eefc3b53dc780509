import type { Backend } from '../../backends/backend.js';
import { assertCapable } from '../../backends/capabilities.js';
import { assertKnownMembers, invalidValue, optionAt, suggest, ThrottleConfigError } from '../../core/errors.js';
import type { Policy } from '../../core/policy.js';
import { missingValue } from '../../core/value-options.js';
import { BUDGET_MEMBERS, type BudgetOptions } from '../../decorators/budget-options.js';
import { defineBudget } from '../../strategies/held/define-held-policy.js';
import type { Strategy } from '../../strategies/strategy.js';
import type { FunctionDeadlines } from '../../transports/functions/function-deadlines.js';
import { type CompiledLimit, compileLimit } from '../compiled-limit.js';
import { declareLimit } from '../declared-limits.js';
import { fixedPolicies } from '../policy-source.js';
import type { QuotaContext } from '../quotas/quota-source.js';

/** A token budget of the module. */
export interface Budget {
  readonly policy: Policy;
  /** Defines who is charged and how a denial is reported. Its only policy is that of the budget. */
  readonly limit: CompiledLimit;
}

/** Returns true for the options of a token budget among the module's policies. */
export function isBudget(options: unknown): options is BudgetOptions {
  return typeof options === 'object' && options !== null && 'budget' in options;
}

/** The token budgets of the module, by name. */
export class BudgetRegistry {
  readonly #budgets = new Map<string, Budget>();

  constructor(
    readonly quotas: QuotaContext,
    private readonly strategies: readonly Strategy[],
    private readonly deadlines: FunctionDeadlines,
    private readonly backend: Backend | undefined,
  ) {}

  has(name: string): boolean {
    return this.#budgets.has(name);
  }

  /** @throws ThrottleConfigError for an unknown name. `place` names the method in the message */
  get(name: string, place: string): Budget {
    const found = this.#budgets.get(name);
    if (found !== undefined) return found;
    throw new ThrottleConfigError(
      'SLUICE_UNKNOWN_POLICY',
      `${place}: no token budget has this name.${suggest(name, [...this.#budgets.keys()])} A budget is a policy of the module: { policies: { llm: { budget: "100000/min" } } }.`,
    );
  }

  /** Adds a budget. @throws ThrottleConfigError naming the invalid option */
  add(name: string, given: BudgetOptions, place: string): Budget {
    if ('rate' in given) {
      throw new ThrottleConfigError(
        'SLUICE_CONFLICTING_OPTIONS',
        `${place}: "rate" cannot be combined with \`budget\`. Leave one of the two out, or make the rate a separate policy.`,
      );
    }
    assertKnownMembers(place, given, BUDGET_MEMBERS);
    const { budget, onExpiry, carryDebt, ...options } = given;
    const path = optionAt(place, 'budget');
    if (budget === undefined) throw missingValue(path, A_RATE);
    if (typeof budget !== 'string') throw invalidValue(path, A_RATE, budget, 'SLUICE_INVALID_RATE');
    if (typeof options.anchor === 'function') throw invalidValue(optionAt(place, 'anchor'), 'a Date', options.anchor);
    const { by: _by, message: _message, onDenied: _onDenied, context: _context, scope: _scope, ...spec } = options;
    // Defines the policy first, because its errors name the options of a budget.
    const scope = scopeOf(options);
    const policy = defineBudget(name, {
      ...spec,
      budget,
      ...(onExpiry !== undefined && { onExpiry }),
      ...(carryDebt !== undefined && { carryDebt }),
      ...(scope !== undefined && { scope }),
    });
    const declared = declareLimit({ ...options, rate: budget, name }, 'module', place);
    const limit = compileLimit(declared, null, this.strategies, undefined, this.quotas, this.deadlines);
    if (this.backend !== undefined) assertCapable(this.backend, policy, 'holds', 'budget');
    const added = { policy, limit: { ...limit, policies: fixedPolicies([policy]) } };
    this.#budgets.set(name, added);
    return added;
  }
}

const A_RATE = 'a rate such as "100000/min"';

/** Returns the scope in the id of the policy; undefined for the scope of the application. */
function scopeOf({ scope }: Pick<BudgetOptions, 'scope'>): string | undefined {
  return typeof scope === 'object' && scope !== null ? `group:${scope.group}` : undefined;
}
