import { suggest, ThrottleConfigError } from '../../core/errors.js';
import { type PlanEnvironment, PlanLookup } from './plan-lookup.js';
import { PLANS, type PlanOptions, type TierOptions } from './plan-options.js';

/** The rate of a policy under one plan. */
export interface TierEntry {
  readonly options: TierOptions;
  /** For errors: `plans.tiers.pro.api`. */
  readonly place: string;
}

/** The rates of a policy by plan. Plans that do not name the policy are missing. */
export interface PolicyTiers {
  readonly lookup: PlanLookup;
  readonly entries: ReadonlyMap<string, TierEntry>;
}

/** The plans of an application. */
export class Plans {
  readonly lookup: PlanLookup;
  /** By policy, then by plan. */
  readonly #tiers = new Map<string, Map<string, TierEntry>>();
  readonly #claimed = new Set<string>();

  /** @param options checked options */
  constructor(options: PlanOptions, environment: PlanEnvironment) {
    this.lookup = new PlanLookup(options, environment);
    for (const [plan, tier] of Object.entries(options.tiers)) {
      for (const [policy, entry] of Object.entries(tier)) {
        const entries = this.#tiers.get(policy) ?? new Map<string, TierEntry>();
        const place = `${PLANS}.tiers.${plan}.${policy}`;
        this.#tiers.set(policy, entries.set(plan, { options: optionsOf(entry), place }));
      }
    }
  }

  /** Returns the rates of a policy under the plans; undefined if no plan names it. */
  tiersOf(policy: string): PolicyTiers | undefined {
    this.#claimed.add(policy);
    const entries = this.#tiers.get(policy);
    return entries && { lookup: this.lookup, entries };
  }

  /** Throws if a tier names an unknown policy. @throws ThrottleConfigError naming the tier */
  assertPoliciesKnown(known: readonly string[]): void {
    for (const [policy, entries] of this.#tiers) {
      const [first] = entries.values();
      if (this.#claimed.has(policy) || first === undefined) continue;
      throw new ThrottleConfigError(
        'SLUICE_UNKNOWN_POLICY',
        `${first.place}: no policy has this name.${suggest(policy, known)} ` +
          `A plan changes the rate of a policy of the module. Add policies.${policy}, with the rate for all other plans.`,
      );
    }
  }
}

function optionsOf(entry: string | TierOptions): TierOptions {
  return typeof entry === 'string' ? { rate: entry } : entry;
}
