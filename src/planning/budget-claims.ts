import { ThrottleConfigError } from '../core/errors.js';
import { type Policy, splitPolicyId } from '../core/policy.js';
import type { CompiledLimit } from './compiled-limit.js';
import type { PolicySource } from './policy-source.js';

/**
 * Checks that two limits do not have policies of the same name. A limit `api` with two rates has, for example, a policy
 * `api-1s`; another limit named `api-1s` would share its budget by accident.
 *
 * Limits with the same name may share a scope. There, limits with the same strategy, period and segments share a
 * budget; others have separate budgets.
 */
export class BudgetClaims {
  /** By name and scope of a policy: the first limit that has it. */
  readonly #first = new Map<string, CompiledLimit>();

  /** @throws ThrottleConfigError naming the limit and the one that already has the name */
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
   * @throws ThrottleConfigError like `claim`
   */
  assertUnclaimed({ id, name }: Policy, place: string, limitName = name): void {
    const [nameAndScope] = splitPolicyId(id);
    const first = this.#first.get(nameAndScope);
    if (first === undefined || first.name === limitName) return;
    throw nameTaken(place, name, first);
  }
}

/** Throws if limits of one declaration have policies of the same name, such as `default-1m`. */
export function assertDistinctPolicies(limits: readonly CompiledLimit[]): void {
  const seen = new Set<string>();
  for (const { policies, place } of limits) {
    for (const name of namesOf(policies)) {
      if (seen.has(name)) {
        throw new ThrottleConfigError(
          'SLUICE_NAME_REQUIRED',
          `${place}: two unnamed limits have the same period here, so both would be named "${name}". Name one of them: { name: "..." }.`,
        );
      }
      seen.add(name);
    }
  }
}

/**
 * Throws if two limits of a handler have policies of the same name: headers and messages could not distinguish them.
 */
export function assertDistinctNames(limits: readonly CompiledLimit[]): void {
  const first = new Map<string, CompiledLimit>();
  for (const limit of limits) {
    for (const name of namesOf(limit.policies)) {
      const other = first.get(name);
      if (other !== undefined) throw nameTaken(limit.place, name, other);
      first.set(name, limit);
    }
  }
}

/** Returns the distinct names of a limit's policies. The policies of several plans have the same names. */
function namesOf({ known }: PolicySource): ReadonlySet<string> {
  return new Set(known.map(({ name }) => name));
}

/**
 * Returns the error for a policy with the name of another limit's policy, such as `api-1s` of a limit `api` with two
 * rates.
 */
function nameTaken(place: string, name: string, other: CompiledLimit): ThrottleConfigError {
  return new ThrottleConfigError(
    'SLUICE_DUPLICATE_POLICY',
    `${place}: the name "${name}" is already used by a rate of ${other.place}. Rename one of the two limits.`,
  );
}
