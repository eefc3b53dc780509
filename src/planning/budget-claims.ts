import { ThrottleConfigError } from '../core/errors.js';
import { type Policy, splitPolicyId } from '../core/policy.js';
import type { CompiledLimit } from './compiled-limit.js';
import type { PolicySource } from './policy-source.js';

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

/** Throws if two policies of limits of one declaration have the same name, such as `default-1m`. */
export function assertDistinctPolicies(limits: readonly CompiledLimit[]): void {
  const seen = new Set<string>();
  for (const { policies, place } of limits) {
    for (const name of namesOf(policies)) {
      if (seen.has(name)) {
        throw new ThrottleConfigError(
          'SLUICE_NAME_REQUIRED',
          `${place}: there are two limits over one period here, both called "${name}". Give one of them a name of its own: { name: "..." }.`,
        );
      }
      seen.add(name);
    }
  }
}

/** Throws if two limits of a handler have policies of one name, which headers and messages could not tell apart. */
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

/** Returns the names of a limit's policies, each once: under several plans they are the same. */
function namesOf({ known }: PolicySource): ReadonlySet<string> {
  return new Set(known.map(({ name }) => name));
}

/** The error of a policy that has the name of another limit's policy: of a limit `api` of two rates one is called `api-1s`. */
function nameTaken(place: string, name: string, other: CompiledLimit): ThrottleConfigError {
  return new ThrottleConfigError(
    'SLUICE_DUPLICATE_POLICY',
    `${place}: "${name}" is already the name of a rate of ${other.place}. Give one of the two limits another name.`,
  );
}
