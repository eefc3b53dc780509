import { type FailureMode, failureModeOf, type OnError, type Policy } from '../../../core/policy.js';

/** Knows what each policy does while the backend is unavailable. */
export class PolicyShares {
  /** Each is made once, for as long as the policy is in use. */
  readonly #shared = new WeakMap<Policy, Policy>();

  /** @param onError the default for policies without `onError` */
  constructor(private readonly onError: OnError) {}

  /** Returns the failure mode of a policy. Called for each charge, and so without a look-up. */
  modeOf(policy: Policy): FailureMode {
    return failureModeOf(policy.onError ?? this.onError);
  }

  /** Returns a policy with the share of its limit that this process enforces: itself, unless `onError` sets a share. */
  shareOf(policy: Policy): Policy {
    const onError = policy.onError ?? this.onError;
    if (typeof onError === 'string' || onError.local.share === 1) return policy;
    let shared = this.#shared.get(policy);
    if (shared === undefined) {
      shared = shareOf(policy, onError.local.share);
      this.#shared.set(policy, shared);
    }
    return shared;
  }
}

/**
 * Limit and burst are no part of a budget's identity, so that what counted under the whole limit counts under the
 * share.
 */
function shareOf(policy: Policy, share: number): Policy {
  const part = (units: number) => Math.max(1, Math.floor(units * share));
  // A policy under an override stays one.
  const shared: Policy = Object.create(Object.getPrototypeOf(policy));
  return Object.assign(shared, policy, { limit: part(policy.limit), burst: part(policy.burst) });
}
