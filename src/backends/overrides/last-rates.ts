import { BoundedMap } from '../../core/bounded-map.js';
import type { Charge, Outcome } from '../../core/decision.js';
import { mapKey } from '../../core/key.js';
import { isOfKind, type OverrideRate } from './overridden-policy.js';

/** Rates that are remembered at most. */
const MAX_RATES = 10_000;

/**
 * The rates of overrides, as the latest replies of a backend reported them. They apply while the backend is
 * unavailable. A rate is the same for all charges of one policy that name the same subjects.
 */
export class LastRates {
  readonly #rates = new BoundedMap<string, OverrideRate>(MAX_RATES);

  /** Notes the rates of a reply. */
  note(charges: readonly Charge[], { decisions }: Outcome): void {
    for (const [i, charge] of charges.entries()) {
      const decision = decisions[i];
      if (charge.overriddenBy === undefined || decision === undefined) continue;
      const name = nameOf(charge);
      // A charge that is unlimited otherwise does not tell whether an override makes it so.
      const rate = decision.unlimited && !charge.unlimited ? 'unlimited' : decision.rate;
      if (rate === undefined) this.#rates.delete(name);
      else this.#rates.set(name, rate);
    }
  }

  /** Returns the rate of the override for such a charge, if the latest reply reported one. */
  of(charge: Charge): OverrideRate | undefined {
    const rate = this.#rates.get(nameOf(charge));
    if (rate !== undefined && (rate === 'unlimited' || isOfKind(rate, charge.policy))) return rate;
    return charge.unlimited ? 'unlimited' : undefined;
  }
}

/** Lengths keep lists of subjects apart. */
function nameOf({ policy, overriddenBy = [] }: Charge): string {
  return mapKey(`${policy.name} ${policy.strategy} ${overriddenBy.map((subject) => `${subject.length}:${subject}`)}`);
}
