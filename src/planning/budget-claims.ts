import { type Policy, splitPolicyId } from '../core/policy.js';
import { type CompiledLimit, nameTaken } from './compiled-limit.js';

/**
 * Checks that no policy has the name that another limit gives to one of its own: of a limit `api` of two rates, one policy is
 * called `api-1s`, and a second limit of that name would be charged to the same budget by accident.
 *
 * Limits of one name may share a scope: those of the same strategy, period and segments share a budget there, and others have
 * budgets of their own.
 */
export class BudgetClaims {
  /** By name and scope of a policy: the first limit that has such a policy. */
  readonly #first = new Map<string, CompiledLimit>();

  /** @throws ThrottleConfigError naming the limit and the one that has the name already */
  claim(limits: readonly CompiledLimit[]): void {
    for (const limit of limits) {
      for (const policy of limit.policies.known) {
        this.assertUnclaimed(policy, limit.place, limit.name);
        const [nameAndScope] = splitPolicyId(policy.id);
        if (!this.#first.has(nameAndScope)) this.#first.set(nameAndScope, limit);
      }
    }
  }

  /**
   * Checks a policy without claiming its name.
   *
   * @param limitName the name of its limit
   * @throws ThrottleConfigError as `claim` does
   */
  assertUnclaimed({ id, name }: Policy, place: string, limitName = name): void {
    const [nameAndScope] = splitPolicyId(id);
    const first = this.#first.get(nameAndScope);
    if (first === undefined || first.name === limitName) return;
    throw nameTaken(place, name, first);
  }
}
