import {
  bindingOf,
  type Charge,
  type Decision,
  isMonitored,
  type Outcome,
  type TakenCharge,
  unlimitedDecision,
  withMembers,
} from '../../core/decision.js';
import { ThrottleConfigError } from '../../core/errors.js';
import { receiptOf } from '../../core/receipt.js';
import type { OverriddenPolicies, OverrideRate } from './overridden-policy.js';

/** Returns true if the backend has to look for overrides before it decides. */
export function hasOverrides(charges: readonly Charge[]): boolean {
  for (const { overriddenBy } of charges) if (overriddenBy !== undefined) return true;
  return false;
}

/**
 * Throws if charges of a call on one budget say that different subjects may override them. Overrides of two periods
 * would count in the same separate budget, which has one period at a time.
 *
 * @throws ThrottleConfigError naming the policy
 */
export function assertOneOverrideEach(charges: readonly Charge[]): void {
  // The usual call makes no closure here.
  if (charges.length < 2) return;
  for (const one of charges) {
    if (!mayBeOverridden(one)) continue;
    const other = charges.find((before) => mayBeOverridden(before) && isOnSameBudget(before, one));
    if (isSameList(other?.overriddenBy, one.overriddenBy)) continue;
    throw new ThrottleConfigError(
      'SLUICE_INVALID_CHARGE',
      `a charge of "${one.policy.name}": another charge on the same budget in this call has other subjects in \`overriddenBy\`, and so it may have another rate. Write the same subjects in both, in the same order, or charge them in two calls.`,
    );
  }
}

function mayBeOverridden({ overriddenBy = [] }: Charge): boolean {
  return overriddenBy.length > 0;
}

function isOnSameBudget(one: Charge, other: Charge): boolean {
  return one.subject === other.subject && one.policy.id === other.policy.id;
}

function isSameList(one: readonly string[] = [], other: readonly string[] = []): boolean {
  return one.length === other.length && one.every((subject, i) => subject === other[i]);
}

/**
 * Decides a call whose overrides are all known. Unlimited charges are left out; all others are decided under the rate
 * in force. The receipt holds these rates, so that it settles under them.
 *
 * @param rateOf returns the rate that an override sets for a charge, or undefined if none does
 * @param decide decides charges without overrides
 */
export function decideOverridden(
  charges: readonly Charge[],
  rateOf: (charge: Charge) => OverrideRate | undefined,
  policies: OverriddenPolicies,
  decide: (charges: readonly Charge[]) => Outcome,
): Outcome {
  const rates = charges.map((charge) => (charge.overriddenBy === undefined ? undefined : rateOf(charge)));
  const limited: Charge[] = [];
  for (const [i, { overriddenBy: _, unlimited: __, ...charge }] of charges.entries()) {
    const rate = rates[i];
    if (rate !== 'unlimited') limited.push({ ...charge, policy: policies.of(charge.policy, rate) });
  }
  const { receipt, decisions: decided, ...outcome } = decide(limited);
  const ofLimited = decided.values();
  const decisions = charges.flatMap((charge, i): readonly Decision[] => {
    const rate = rates[i];
    if (rate === 'unlimited') return [unlimited(charge)];
    const { value } = ofLimited.next();
    if (value === undefined) return [];
    return [rate === undefined ? value : withMembers(value, { rate })];
  });
  const binding = bindingOf(decisions);
  if (receipt === undefined) return { ...outcome, decisions, binding };
  const takenOfLimited = receipt.charges.values();
  const taken = charges.map((charge, i): TakenCharge => {
    const rate = rates[i];
    if (rate === 'unlimited') return { ...charge, cost: 0, rate };
    const cost = takenOfLimited.next().value?.cost ?? charge.cost;
    return rate === undefined ? { ...charge, cost } : withMembers(charge, { cost, rate });
  });
  return { ...outcome, decisions, binding, receipt: receiptOf(receipt.at, taken) };
}

function unlimited(charge: Charge): Decision {
  const decision = unlimitedDecision(charge.policy);
  return isMonitored(charge) ? { ...decision, mode: 'monitor' } : decision;
}
