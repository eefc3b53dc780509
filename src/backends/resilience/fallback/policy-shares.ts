import { type FailureMode, failureModeOf, type OnError, type Policy } from '../../../core/policy.js';

/** What a policy does while the backend is unavailable. */
export interface Failing {
  readonly mode: FailureMode;
  /** The policy with the share of its limit that this process enforces: itself, unless `onError` sets a share. */
  readonly shared: Policy;
}

/** Knows what each policy does while the backend is unavailable. It is computed once for each, as long as the policy is in use. */
export class PolicyShares {
  readonly #known = new WeakMap<Policy, Failing>();
  #latest: { readonly policy: Policy; readonly failing: Failing } | undefined;

  /** @param onError of policies that have none of their own */
  constructor(private readonly onError: OnError) {}

  of(policy: Policy): Failing {
    // Most calls have the policy of the call before.
    if (this.#latest?.policy !== policy)
      this.#latest = { policy, failing: this.#known.get(policy) ?? this.#add(policy) };
    return this.#latest.failing;
  }

  #add(policy: Policy): Failing {
    const onError = policy.onError ?? this.onError;
    const shared = typeof onError === 'string' ? policy : shareOf(policy, onError.local.share);
    const failing = { mode: failureModeOf(onError), shared };
    this.#known.set(policy, failing);
    return failing;
  }
}

/** Limit and burst are no part of a budget's identity, so that what counted under the whole limit counts under the share. */
function shareOf(policy: Policy, share: number): Policy {
  if (share === 1) return policy;
  const part = (units: number) => Math.max(1, Math.floor(units * share));
  // A policy under an override stays one.
  const shared: Policy = Object.create(Object.getPrototypeOf(policy));
  return Object.assign(shared, policy, { limit: part(policy.limit), burst: part(policy.burst) });
}
