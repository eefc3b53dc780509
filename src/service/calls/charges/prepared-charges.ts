import { type Awaitable, isNativePromise } from '../../../core/awaitable.js';
import type { Charge, Decision, Outcome } from '../../../core/decision.js';
import type { CompiledLimit } from '../../../planning/compiled-limit.js';
import { FunctionTimeoutException } from '../../../transports/functions/function-timeout.exception.js';
import type { Interruption } from '../../../transports/responder.js';

/** The charges of a call, and the limits that they come from: one per charge, or a single limit for all. */
export interface PreparedCharges {
  readonly charges: readonly Charge[];
  readonly limits: readonly CompiledLimit[];
  /**
   * The decisions of limits that are unlimited under the plan of the call, which the backend does not decide. Undefined
   * if there are none.
   */
  readonly unlimited?: readonly Decision[];
  /** The index of the first charge of permits, which come last. Undefined if there are none. */
  readonly heldFrom?: number;
}

/** The outcome of a call, and the charges that it decides. */
export interface ChargedOutcome extends PreparedCharges {
  readonly outcome: Outcome;
  /** The error of a user's function that timed out. Then nothing was charged. */
  readonly failure?: FunctionTimeoutException;
  /** Set if the call was not decided, because its client went or the application closed while it was queued. */
  readonly interrupted?: Interruption;
}

/** The charges of a call that nothing limits. */
export const NOTHING_PREPARED: PreparedCharges = { charges: [], limits: [] };

const UNDECIDED: Outcome = { allowed: false, decisions: [], binding: null, degraded: 'deny' };

/**
 * Returns the outcome of a call that cannot be decided, because a function of the user timed out. @throws any other
 * error
 */
export function undecidedBy(error: unknown): ChargedOutcome {
  if (!(error instanceof FunctionTimeoutException)) throw error;
  return { ...NOTHING_PREPARED, outcome: UNDECIDED, failure: error };
}

/** Returns the outcome of a call. @throws FunctionTimeoutException if it was not decided because of one */
export function decidedOutcome({ outcome, failure }: ChargedOutcome): Outcome {
  if (failure !== undefined) throw failure;
  return outcome;
}

/** Resolves with the outcome of a charge. Rejects if it was not decided because a function of the user timed out. */
export function outcomeOf(charged: Awaitable<ChargedOutcome>): Promise<Outcome> {
  return isNativePromise(charged) ? charged.then(decidedOutcome) : Promise.resolve(charged.outcome);
}

/** Returns the limit that a charge comes from. */
export function limitAt({ limits }: PreparedCharges, index: number): CompiledLimit | undefined {
  return limits.length === 1 ? limits[0] : limits[index];
}

/** Returns the charges of a call under a single limit. */
export function chargesOfOne(
  charges: readonly Charge[],
  limit: CompiledLimit,
  limits: readonly CompiledLimit[],
): PreparedCharges {
  if (limit.concurrency !== undefined) return { charges, limits, heldFrom: 0 };
  const decision = unlimitedBy(limit, charges);
  return decision === undefined ? { charges, limits } : { charges, limits, unlimited: [decision] };
}

/** Joins the charges of several limits, each with the limit that it comes from. */
export class JoinedCharges implements PreparedCharges {
  readonly charges: Charge[] = [];
  readonly limits: CompiledLimit[] = [];
  declare unlimited?: Decision[];
  declare heldFrom?: number;

  /** Adds the charges of a limit. */
  add(limit: CompiledLimit, charges: readonly Charge[]): void {
    if (limit.concurrency !== undefined && charges.length > 0) this.heldFrom ??= this.charges.length;
    if (limit.concurrency === undefined && this.heldFrom !== undefined) {
      this.#addBeforeHeld(this.heldFrom, limit, charges);
      return;
    }
    const decision = unlimitedBy(limit, charges);
    if (decision !== undefined) {
      this.unlimited ??= [];
      this.unlimited.push(decision);
    }
    for (const charge of charges) {
      this.charges.push(charge);
      this.limits.push(limit);
    }
  }

  #addBeforeHeld(at: number, limit: CompiledLimit, charges: readonly Charge[]): void {
    const held = { charges: this.charges.splice(at), limits: this.limits.splice(at) };
    delete this.heldFrom;
    this.add(limit, charges);
    this.heldFrom = this.charges.length;
    this.charges.push(...held.charges);
    this.limits.push(...held.limits);
  }
}

/** Joins the charges of `first` and `second`. */
export function joinPrepared(first: PreparedCharges, second: PreparedCharges): PreparedCharges {
  return { charges: [...first.charges, ...second.charges], limits: [...first.limits, ...second.limits] };
}

/** Returns the decision of a limit whose charges show that it is unlimited under the plan of the call. */
function unlimitedBy({ policies: { plans } }: CompiledLimit, charges: readonly Charge[]): Decision | undefined {
  return plans?.decisionOn(charges);
}
