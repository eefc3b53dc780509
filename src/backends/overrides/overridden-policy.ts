import type { TakenCharge } from '../../core/decision.js';
import type { OnError, Policy, PolicyBlock, PolicyCalendar, StoredRate } from '../../core/policy.js';
import { shapeCode } from '../../strategies/shape-code.js';

/** The rate of an override, used instead of the policy's own. */
export type OverrideRate = StoredRate | 'unlimited';

/**
 * A policy under an override. An override of the policy's period counts in the policy's own budget. An override of
 * another period counts in a separate budget. That budget starts anew when the period of the override changes, because
 * a state cannot be read under another period.
 */
export class OverriddenPolicy implements Policy {
  readonly name: string;
  readonly id: string;
  readonly strategy: string;
  readonly limit: number;
  readonly periodMs: number;
  readonly burst: number;
  readonly segments: number;
  declare readonly onError?: OnError;
  declare readonly block?: PolicyBlock;
  declare readonly calendar?: PolicyCalendar;
  declare readonly thresholds?: readonly number[];
  /**
   * The id of the overridden policy if this one counts in separate budgets; undefined if it counts in the policy's own.
   */
  readonly besideId: string | undefined;

  constructor(policy: Policy, rate: StoredRate) {
    const { limit, periodMs, burst } = rate;
    const isBeside = isBesideOwn(policy, rate);
    const segments = isBeside ? rate.segments : policy.segments;
    this.name = policy.name;
    // Other ids contain one "@", so no other policy has this id.
    this.id = isBeside ? `${policy.id}!o@${shapeCode(policy.strategy, periodMs, segments)}` : policy.id;
    this.strategy = policy.strategy;
    this.limit = limit;
    this.periodMs = periodMs;
    this.burst = burst;
    this.segments = segments;
    if (policy.onError !== undefined) this.onError = policy.onError;
    if (policy.block !== undefined) this.block = policy.block;
    if (policy.calendar !== undefined) this.calendar = policy.calendar;
    if (policy.thresholds !== undefined) this.thresholds = policy.thresholds;
    this.besideId = isBeside ? policy.id : undefined;
  }
}

/** Returns true for a charge that was taken from a separate budget, not from the policy's own. */
export function isBeside({ policy, rate }: Pick<TakenCharge, 'policy' | 'rate'>): boolean {
  return rate !== undefined && rate !== 'unlimited' && isBesideOwn(policy, rate);
}

/** Returns true for a rate that counts in a separate budget, not in the policy's own. */
export function isBesideOwn({ periodMs }: Policy, rate: StoredRate): boolean {
  return rate.periodMs !== periodMs;
}

/**
 * Returns true for a rate that the policy's strategy can count: a quota only in its own windows, which the charge has.
 */
export function isOfKind(rate: StoredRate, { strategy, calendar, periodMs }: Policy): boolean {
  return rate.strategy === strategy && (calendar === undefined || rate.periodMs === periodMs);
}

/** Makes policies under overrides, each once for as long as the objects are in use. */
export class OverriddenPolicies {
  readonly #byRate = new WeakMap<StoredRate, WeakMap<Policy, OverriddenPolicy>>();

  /** Returns a policy under an override, or itself without one. */
  of(policy: Policy, rate: StoredRate | undefined): Policy {
    if (rate === undefined) return policy;
    let byPolicy = this.#byRate.get(rate);
    if (byPolicy === undefined) {
      byPolicy = new WeakMap();
      this.#byRate.set(rate, byPolicy);
    }
    let overridden = byPolicy.get(policy);
    if (overridden === undefined) {
      overridden = new OverriddenPolicy(policy, rate);
      byPolicy.set(policy, overridden);
    }
    return overridden;
  }
}
