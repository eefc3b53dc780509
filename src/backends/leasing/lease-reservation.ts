import { bindingOf, type Charge, type Decision, type Outcome, type Receipt } from '../../core/decision.js';
import { allowedBy, withHeld } from './lease-decision.js';
import type { LeaseManager } from './lease-manager.js';
import { upTo } from './lease-peek.js';

/** What a call lacks of what is held: a charge that the server is to be asked for, or that it is known to deny. */
export class Shortfall {
  constructor(
    readonly charge: Charge,
    readonly isDenied: boolean,
  ) {}
}

/** The leased charges of a call, taken, all of them. */
export class LeaseReservation {
  constructor(
    readonly charges: readonly Charge[],
    /** By index; none for the charges that are not leased. */
    readonly decisions: readonly (Decision | undefined)[],
    /** The instants of the grants that they were taken of, as in a receipt. */
    readonly instants: readonly (number | undefined)[],
  ) {}

  /** @param rest what became of the charges that are not leased, where there are any */
  outcome(rest?: Outcome): Outcome {
    const told = (rest?.allowed ?? true) ? this.decisions : this.decisions.map((_, i) => this.#standing(i));
    const decisions = rest === undefined ? whole(told) : filled(told, rest.decisions);
    const outcome: Outcome = { allowed: rest?.allowed ?? true, decisions, binding: bindingOf(decisions) };
    if (!outcome.allowed || this.charges.every(({ cost }) => cost === 0)) return outcome;
    return { ...outcome, receipt: this.#receipt(rest?.receipt) };
  }

  /** The call has come to nothing. */
  rollback(leases: LeaseManager, giveBack: (receipt: Receipt) => void): void {
    this.charges.forEach((charge, i) => {
      const at = this.instants[i];
      if (at === undefined || charge.cost === 0) return;
      const { policy, subject, cost } = charge;
      if (!leases.putBack(policy, subject, at, cost)) giveBack({ at, charges: [charge] });
    });
  }

  /** As at a cost of 0. */
  #standing(i: number): Decision | undefined {
    const decision = this.decisions[i];
    return decision && withHeld(decision, upTo(this.charges, i));
  }

  #receipt(rest: Receipt | undefined): Receipt {
    const { charges } = this;
    let next = 0;
    const instants = this.instants.map((at) => at ?? rest?.instants?.[next++] ?? rest?.at ?? 0);
    const [at = 0] = instants;
    if (instants.every((instant) => instant === at)) return { at, charges };
    return { at: Math.max(...instants), charges, instants };
  }
}

/** Takes the leased charges of a call, in one synchronous step: all of them, or none. */
export function reserveLeased(
  charges: readonly Charge[],
  leases: LeaseManager,
  isLeased: (charge: Charge) => boolean,
  giveBack: (receipt: Receipt) => void,
  now: number,
): LeaseReservation | Shortfall {
  const decisions: (Decision | undefined)[] = [];
  const instants: (number | undefined)[] = [];
  for (const charge of charges) {
    const lease = isLeased(charge) ? leases.take(charge.policy, charge.subject, charge.cost, now) : undefined;
    if (typeof lease === 'string') {
      new LeaseReservation(charges, decisions, instants).rollback(leases, giveBack);
      // With the charges before it on the same key.
      const cost = upTo(charges, decisions.length);
      return new Shortfall({ ...charge, cost }, lease === 'denied' || cost > charge.policy.limit);
    }
    decisions.push(lease && allowedBy(lease, now));
    instants.push(lease?.at);
  }
  return new LeaseReservation(charges, decisions, instants);
}

function whole(decisions: readonly (Decision | undefined)[]): readonly Decision[] {
  return decisions.filter((decision) => decision !== undefined);
}

function filled(own: readonly (Decision | undefined)[], rest: readonly Decision[]): readonly Decision[] {
  let next = 0;
  return own.flatMap((decision) => decision ?? rest[next++] ?? []);
}
