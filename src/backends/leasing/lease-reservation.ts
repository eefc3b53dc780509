import {
  bindingOf,
  type Charge,
  type Decision,
  isMonitored,
  type Outcome,
  type Receipt,
  type TakenCharge,
} from '../../core/decision.js';
import { receiptOf } from '../../core/receipt.js';
import { totalUpTo } from './lease.js';
import { allowedBy, withHeldUnits } from './lease-decision.js';
import type { LeaseManager } from './lease-manager.js';

/** A charge whose cost the held units do not cover. */
export class Shortfall {
  /**
   * @param charge its cost is the total on its budget, up to this charge of the call
   * @param isDenied true if it is known that the server would deny it, too
   */
  constructor(
    readonly charge: Charge,
    readonly isDenied: boolean,
  ) {}
}

/**
 * The leased charges of a call, all of them taken and not final yet: either `commit` makes them final, or `deny` or
 * `cancel` puts their units back. After the reservation of Go's `golang.org/x/time/rate`.
 */
export class LeaseReservation {
  /**
   * @param decisions by index of the charge; undefined for the charges that are not leased
   * @param instants the server's instants of the grants that the charges were taken from, as in a receipt
   */
  constructor(
    private readonly charges: readonly Charge[],
    private readonly decisions: readonly (Decision | undefined)[],
    private readonly instants: readonly (number | undefined)[],
    private readonly leases: LeaseManager,
  ) {}

  /** True if all charges of the call are leased. */
  get isComplete(): boolean {
    return !this.decisions.includes(undefined);
  }

  /** The charges of the call that are not leased, in order. The backend decides them. */
  get others(): readonly Charge[] {
    return this.charges.filter((_, i) => this.decisions[i] === undefined);
  }

  /**
   * Returns the outcome of the allowed call.
   *
   * @param others the backend's outcome on the other charges, if there are any
   */
  commit(others?: Outcome): Outcome {
    const decisions = merge(this.decisions, others);
    const outcome: Outcome = { allowed: true, decisions, binding: bindingOf(decisions) };
    const isFree = this.instants.every((at, i) => at === undefined || this.charges[i]?.cost === 0);
    if (isFree && others?.receipt === undefined) return outcome;
    return { ...outcome, receipt: this.#receipt(others?.receipt) };
  }

  /**
   * Cancels the reservation. Returns the outcome of the denied call, in which its charges are reported as at a cost of
   * 0.
   */
  deny(others: Outcome): Outcome {
    this.cancel();
    const atCostZero = this.decisions.map(
      (decision, i) => decision && withHeldUnits(decision, totalUpTo(this.charges, i)),
    );
    const decisions = merge(atCostZero, others);
    return { allowed: false, decisions, binding: bindingOf(decisions) };
  }

  /** Puts the units back. To be called at most once, and not after `commit`. */
  cancel(): void {
    this.instants.forEach((at, i) => {
      const charge = this.charges[i];
      if (at !== undefined && charge !== undefined) this.leases.cancel(charge, at);
    });
  }

  #receipt(others: Receipt | undefined): Receipt {
    let next = 0;
    const own = this.instants.find((at) => at !== undefined) ?? 0;
    const instants = this.instants.map((at) => at ?? others?.instants?.[next++] ?? others?.at ?? own);
    const charges = this.#takenOf(others);
    const [at = 0] = instants;
    if (instants.every((instant) => instant === at)) return receiptOf(at, charges);
    return receiptOf(Math.max(...instants), charges, { instants });
  }

  /** The charges for the receipt: those of the backend as it took them, or at a cost of 0 if it did not. */
  #takenOf(others: Receipt | undefined): readonly TakenCharge[] {
    if (!this.charges.some(isTakenOtherwise)) return this.charges;
    let next = 0;
    return this.charges.map((charge, i) =>
      this.instants[i] === undefined ? (others?.charges[next++] ?? { ...charge, cost: 0 }) : charge,
    );
  }
}

/** Returns true for a charge that may be allowed and still be taken differently, or not at all. */
function isTakenOtherwise(charge: Charge): boolean {
  return isMonitored(charge) || charge.overriddenBy !== undefined;
}

/** Takes all leased charges of a call in one synchronous step, or none of them. */
export function reserveLeased(
  charges: readonly Charge[],
  leases: LeaseManager,
  now: number,
): LeaseReservation | Shortfall {
  const decisions: (Decision | undefined)[] = [];
  const instants: (number | undefined)[] = [];
  for (const charge of charges) {
    const isLocal = leases.isSpentHere(charge);
    const lease = isLocal ? leases.take(charge, now) : undefined;
    if (isLocal && lease === undefined) {
      new LeaseReservation(charges, decisions, instants, leases).cancel();
      const lacking = { ...charge, cost: totalUpTo(charges, decisions.length) };
      return new Shortfall(lacking, leases.isDenied(lacking, now));
    }
    decisions.push(lease && allowedBy(lease, now));
    instants.push(lease?.at);
  }
  return new LeaseReservation(charges, decisions, instants, leases);
}

/** Fills the gaps between the decisions on leased charges with the backend's, in order. */
function merge(leased: readonly (Decision | undefined)[], others: Outcome | undefined): readonly Decision[] {
  const decisions: Decision[] = [];
  let next = 0;
  for (const own of leased) {
    const decision = own ?? others?.decisions[next++];
    if (decision !== undefined) decisions.push(decision);
  }
  return decisions;
}
