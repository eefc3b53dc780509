import type { Charge, Decision, TakenCharge } from '../../../core/decision.js';

/** The source of an override for the script: a key on the call's slot, or a string that was read before. */
export type OverrideCandidate = { readonly key: string } | { readonly text: string };

/** The arguments with which the script applies an override to a charge. */
export interface OverrideLookup {
  /**
   * The key of the separate budget for overrides of other periods, and the key with the shape of its state. Empty if
   * all candidates have the policy's period.
   */
  readonly besideKeys: readonly string[];
  /** True if no limit applies without an override. */
  readonly isUnlimited: boolean;
  /** Most specific first, each with its subject. */
  readonly candidates: readonly OverrideCandidate[];
  readonly subjects: readonly string[];
}

/** A charge of a call that is on its way to Redis. */
export interface PreparedCharge extends Charge {
  /** Present if the charge may be overridden. */
  readonly lookup?: OverrideLookup;
}

/** Returns true if an override may be in force for a charge of the call. */
export function isOverridable(charges: readonly PreparedCharge[]): boolean {
  for (const { lookup } of charges) if (lookup !== undefined) return true;
  return false;
}

/** Returns a charge of an allowed call as its receipt has it: with the rate in force, and the cost that was taken. */
export function takenCharge(charge: PreparedCharge, { allowed, rate, unlimited }: Decision): TakenCharge {
  // A monitored charge that did not fit took nothing.
  if (charge.lookup === undefined) return allowed ? charge : { ...charge, cost: 0 };
  const { lookup: _, ...taken } = charge;
  if (unlimited) return { ...taken, cost: 0, rate: 'unlimited' };
  return { ...taken, cost: allowed ? charge.cost : 0, ...(rate !== undefined && { rate }) };
}

/**
 * The arguments of a charge that may be overridden: see lua/scripts/spend.lua. `first` is the number of the first key.
 */
export function lookupArgs({ candidates, isUnlimited }: OverrideLookup, first: number): readonly string[] {
  const texts = candidates.map((candidate) => ('text' in candidate ? candidate.text : ''));
  return [isUnlimited ? '!!' : '!', String(first), String(candidates.length), ...texts];
}

/** The keys of a charge that may be overridden, besides that of its policy's own budget. */
export function lookupKeys({ besideKeys, candidates }: OverrideLookup): readonly string[] {
  return [...besideKeys, ...candidates.flatMap((candidate) => ('key' in candidate ? candidate.key : []))];
}
