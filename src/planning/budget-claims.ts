import { ThrottleConfigError } from '../core/errors.js';
import type { Policy } from '../core/policy.js';
import type { CompiledLimit } from './compiled-limit.js';

interface Claim {
  /** The name of the limit, which several policies may share. */
  readonly name: string;
  readonly shape: string;
  readonly place: string;
}

/**
 * Checks that no two limits count one budget differently. If they did, each would start the other's count anew, and
 * neither would limit.
 */
export class BudgetClaims {
  /** By the id of a budget: the first limit that uses it. */
  readonly #first = new Map<string, Claim>();

  /** @throws ThrottleConfigError naming the limit and the one that it contradicts */
  claim(limits: readonly CompiledLimit[]): void {
    for (const { name, policies, place } of limits) {
      for (const policy of policies.fixed ?? []) {
        this.assertSameCounting(policy, place, name);
        if (!this.#first.has(policy.id)) this.#first.set(policy.id, { name, shape: policy.shape, place });
      }
    }
  }

  /**
   * Checks a policy without claiming its budget.
   *
   * @param name the name of its limit
   * @throws ThrottleConfigError as `claim` does
   */
  assertSameCounting({ id, shape, name: policyName }: Policy, place: string, name = policyName): void {
    const first = this.#first.get(id);
    if (first === undefined || (first.name === name && first.shape === shape)) return;
    throw new ThrottleConfigError(
      `${place}: shares the budget "${policyName}" with ${first.place}, and counts it differently, so that neither would limit. ` +
        'Give both the same strategy, period and segments, or one of them another name.',
    );
  }
}
