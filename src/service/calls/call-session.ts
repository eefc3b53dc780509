import type { Awaitable } from '../../core/awaitable.js';
import { bindingOf, type Charge, type Decision, type Outcome } from '../../core/decision.js';
import type { CompiledLimit } from '../../planning/compiled-limit.js';
import type { HandlerLimits } from '../../planning/handler-limits.js';
import type { Call } from '../../transports/call.js';
import type { Responder } from '../../transports/responder.js';
import { CallEnd } from './ends/call-end.js';
import type { HandlerPhase } from './handler-phase.js';
import type { CallPermits } from './permits/call-permits.js';

/** The admission of a call under an array of limits, and the previous admissions. */
interface Admission {
  readonly limits: readonly CompiledLimit[];
  readonly isAdmitted: Awaitable<boolean>;
  readonly previous: Admission | undefined;
}

/** The state of one call while it is handled. */
export class CallSession<Rejection = false> {
  /** The latest outcome of the call. */
  latest: Outcome | undefined;
  /** The end of the call, if it is observed. */
  end: CallEnd | undefined;
  /** The permits that the call holds. Undefined until it holds any. */
  permits: CallPermits | undefined;
  /** The charges of the handler phase. Undefined if nothing is deferred to it. */
  handlerPhase: HandlerPhase | undefined;
  #handlerLimits: HandlerLimits | undefined;
  #charges: readonly Charge[] = [];
  #decisions: readonly Decision[] = [];
  #admission: Admission | undefined;

  /** @param target the object on which the session is stored, if any: a request, or a message's arguments */
  constructor(
    public call: Call,
    public responder: Responder<Rejection>,
    readonly target?: object,
  ) {}

  /** The limits of the handler; undefined until the guard or the interceptor has run. */
  get handlerLimits(): HandlerLimits | undefined {
    return this.#handlerLimits;
  }

  /**
   * Returns true if another view of the call has more information: the response, or the framework's request (on which
   * guards set the user) instead of Node's.
   */
  isFuller({ request, response }: Call): boolean {
    const { call, target } = this;
    if (call.response === undefined && response !== undefined) return true;
    return call.request === target && request !== target;
  }

  /** Replaces the view of the call. */
  reopen(call: Call, responder: Responder<Rejection>): void {
    this.call = call;
    this.responder = responder;
  }

  /** Sets the handler of the call and the call as seen in its context. */
  enterHandler(limits: HandlerLimits, call: Call, responder: Responder<Rejection>): void {
    this.call = call;
    this.responder = responder;
    this.#handlerLimits = limits;
  }

  /**
   * The decisions on the call, one per policy, in the order of the first charge: the latest decision, or the strictest
   * one if a policy was charged to several subjects.
   */
  get decisions(): readonly Decision[] {
    return this.#decisions;
  }

  /** The charges of the decisions, in the same order. */
  get charges(): readonly Charge[] {
    return this.#charges;
  }

  /** Returns the end of the call; undefined if it cannot be observed. */
  watchEnd(): CallEnd | undefined {
    if (this.end === undefined && this.responder.endsWith !== undefined) this.end = new CallEnd(this.responder);
    return this.end;
  }

  /**
   * Returns whether the call was admitted under these limits, if that was decided before, so that a guard bound twice
   * charges once.
   */
  admissionUnder(limits: readonly CompiledLimit[]): Awaitable<boolean> | undefined {
    let known = this.#admission;
    while (known !== undefined && known.limits !== limits) known = known.previous;
    return known?.isAdmitted;
  }

  keepAdmission(limits: readonly CompiledLimit[], isAdmitted: Awaitable<boolean>): void {
    this.#admission = { limits, isAdmitted, previous: this.#admission };
  }

  record(charges: readonly Charge[], outcome: Outcome): void {
    this.latest = outcome;
    this.amend(charges, outcome.decisions);
  }

  /** Adds decisions, or replaces those on the same budgets, without a new outcome. */
  amend(charges: readonly Charge[], decisions: readonly Decision[]): void {
    if (this.#decisions.length === 0) {
      this.#charges = charges;
      this.#decisions = decisions;
      return;
    }
    const mergedCharges = [...this.#charges];
    const merged = [...this.#decisions];
    charges.forEach((charge, i) => {
      const decision = decisions[i];
      if (decision === undefined) return;
      const known = mergedCharges.findIndex(({ policy }) => policy.id === charge.policy.id);
      const before = merged[known];
      const isOtherSubject = before !== undefined && mergedCharges[known]?.subject !== charge.subject;
      const at = known < 0 ? mergedCharges.length : known;
      mergedCharges[at] = charge;
      merged[at] = isOtherSubject ? (bindingOf([before, decision]) ?? decision) : decision;
    });
    this.#charges = mergedCharges;
    this.#decisions = merged;
  }

  /** Removes the decisions on charges that were not taken in the end. */
  withdraw(charges: readonly Charge[]): void {
    if (charges.length === 0) return;
    const isKept = (_: unknown, i: number) => !charges.some((charge) => charge === this.#charges[i]);
    this.#decisions = this.#decisions.filter(isKept);
    this.#charges = this.#charges.filter(isKept);
  }
}
