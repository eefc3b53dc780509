import { randomInt } from 'node:crypto';
import type { HoldReference, HoldStore } from '../../backends/hold-store.js';
import { assertCost, type Charge, type Decision, type Outcome, UNITS } from '../../core/decision.js';
import { invalidArgument, ThrottleConfigError } from '../../core/errors.js';
import type { Budget } from '../../planning/budgets/budget-registry.js';
import { type CostOf, EXEMPT } from '../../transports/call.js';
import { ThrottleException } from '../../transports/http/throttle.exception.js';
import type { Responder } from '../../transports/responder.js';
import type { CallLimiter } from '../calls/call-limiter.js';
import { callUnder, subjectFor } from '../calls/charges/charge-parts.js';
import { type CallOptions, parseOptions, type ServiceRequest, type ServiceTarget } from '../service-arguments.js';
import { BudgetHold, type HoldTarget } from './budget-hold.js';
import { HOLD_TTL_MS, OpenReservation, type OpenReservations } from './open-reservations.js';

/** The parts of the service that token budgets use. */
export interface BudgetContext {
  readonly limiter: CallLimiter;
  readonly holds: HoldStore;
  readonly reservations: OpenReservations;
  /** The responder outside any call, and for calls on a connection. */
  readonly detached: Responder<never>;
  readonly targetOf: (request: ServiceRequest) => Pick<ServiceTarget, 'call' | 'session'>;
}

/** The units that a call may use, or a function of the call that returns them. */
export type Estimate = number | CostOf;

/** Much larger than any number of open holds, so that two processes hardly ever choose the same id. */
const MAX_ID = 2 ** 47;

/**
 * A token budget, for costs that are known only after a call, such as the tokens of a completion: units are reserved
 * before the call and settled at its real usage. In one window, the units settled never exceed the limit plus the
 * amounts by which settlements exceeded their estimates.
 *
 * @example
 * const hold = await throttle.budget('llm').reserve(2000);
 */
export class BudgetReservations {
  readonly #name: string;
  readonly #budget: Budget;
  readonly #context: BudgetContext;

  /** @internal */
  constructor(name: string, budget: Budget, context: BudgetContext) {
    this.#name = name;
    this.#budget = budget;
    this.#context = context;
  }

  /**
   * Reserves the units that a call may use, for the subject that the budget finds in the call (or for `subject`). The
   * decision is written to the headers of the call, as by `hit`.
   *
   * @param estimate units, a safe integer of at least 1
   * @throws ThrottleException (429) if there is no room for them, also on sockets; ThrottleUnavailableException (503)
   *   if that cannot be checked
   * @throws RangeError for an invalid estimate
   */
  async reserve(estimate: number, on?: CallOptions): Promise<BudgetHold> {
    const place = `${this.#place}.reserve()`;
    assertCost(estimate, place, UNITS);
    if (estimate === 0) throw new RangeError(`${place}: expected units to hold, at least 1, got 0`);
    const { holds, limiter, reservations, targetOf } = this.#context;
    const request = parseOptions(place.slice(0, -2), this.#name, on);
    const subject = await this.#subjectOf(request);
    if (subject === EXEMPT || (await limiter.isSkipped(targetOf(request).call)))
      return new BudgetHold('', this.#target(request, undefined), estimate);
    const id = randomInt(MAX_ID);
    const hold = { ...this.#reference(subject, id), units: estimate, ttlMs: HOLD_TTL_MS };
    const outcome = await holds.take([hold], []);
    await this.#respond(request, outcome, subject, estimate);
    const isHeld = outcome.degraded !== 'allow';
    const reference = () => this.#reference(subject, id);
    const target = this.#target(request, isHeld ? reference : undefined);
    const held = new BudgetHold(textOf(id, subject), target, estimate);
    if (isHeld) reservations.add(held, target.reservation);
    return held;
  }

  /**
   * Reserves units for a handler. A hold that the handler leaves open ends with its call.
   *
   * @internal
   */
  async reserveFor(on: object, estimate: Estimate): Promise<BudgetHold> {
    const { targetOf, limiter } = this.#context;
    const { call, session } = targetOf(parseOptions(this.#place, this.#name, { on }));
    const { limit } = this.#budget;
    const owner = { place: '@TokenBudget', name: this.#name };
    const units =
      typeof estimate === 'number'
        ? estimate
        : await limit.deadlines.bound(estimate(callUnder(limit, call)), owner, 'estimate');
    const hold = await this.reserve(units, { on });
    session?.watchEnd()?.whenEnded((ended) => void hold.endWith(ended).catch(limiter.settings.fail));
    return hold;
  }

  /**
   * Returns a hold by its id, in any process, for example to settle it in a job. The hold may have ended; its methods
   * report that.
   *
   * @throws ThrottleConfigError for a value that is not the id of a hold
   */
  hold(id: string): BudgetHold {
    const [number, subject] = readId(this.#place, id);
    const request = parseOptions(`${this.#place}.hold`, this.#name, { subject });
    return new BudgetHold(
      id,
      this.#target(request, () => this.#reference(subject, number)),
    );
  }

  /** Returns the current decision on the budget, with the remaining units. Writes nothing. */
  async stat(on?: CallOptions): Promise<Decision | null> {
    const subject = await this.#subjectOf(parseOptions(`${this.#place}.stat`, this.#name, on));
    if (subject === EXEMPT) return null;
    const read = { ...this.#reference(subject, 0), units: 0, ttlMs: HOLD_TTL_MS };
    return (await this.#context.holds.peek([read], [])).binding;
  }

  /** Resets a budget: drops the units settled in the window, and all open holds. */
  async reset(on?: CallOptions): Promise<void> {
    const { limiter } = this.#context;
    const subject = await this.#subjectOf(parseOptions(`${this.#place}.reset`, this.#name, on));
    if (subject !== EXEMPT) await limiter.settings.backend.reset([{ policy: this.#budget.policy, subject }]);
  }

  get #place(): string {
    return `budget("${this.#name}")`;
  }

  #subjectOf(request: ServiceRequest) {
    const { limit } = this.#budget;
    const { call } = this.#context.targetOf(request);
    return subjectFor(limit, callUnder(limit, call), request.subject, undefined, undefined);
  }

  #reference(subject: string, id: number): HoldReference {
    const { policy, limit } = this.#budget;
    const [charge] = limit.quota?.addKnownWindows([{ policy, subject, cost: 0 }]) ?? [];
    return { policy, subject, id, ...(charge?.arguments !== undefined && { arguments: charge.arguments }) };
  }

  #target(request: ServiceRequest, reference: HoldTarget['reference']): HoldTarget {
    const { holds, reservations } = this.#context;
    const reservation = new OpenReservation(this.#place, reference ?? nothingHeld);
    return {
      place: this.#place,
      reference,
      reservation,
      grow: (hold, units) => holds.grow(hold, units),
      end: async (hold, units) => (await holds.end([{ ...hold, units }]))[0] === true,
      deny: async (decision, units, ended) => {
        try {
          return await this.#deny(request, decision, units, reference?.().subject ?? '');
        } catch (error) {
          // Only for the log: clients see the body.
          if (decision === undefined && error instanceof ThrottleException) error.message = ended;
          throw error;
        }
      },
      close: () => reservations.remove(reservation),
    };
  }

  /** Records an outcome and reports it, as `hit` does; throws if it denies. */
  async #respond(request: ServiceRequest, outcome: Outcome, subject: string, cost: number): Promise<void> {
    const { limiter, detached, targetOf } = this.#context;
    const { policy, limit } = this.#budget;
    const { call, session } = targetOf(request);
    const charges: readonly Charge[] = [{ policy, subject, cost }];
    const charged = limiter.record({ outcome, charges, limits: [limit] }, session, undefined, call);
    const responder = session?.responder;
    await limiter.proceed(charged, call, responder?.connection === undefined ? (responder ?? detached) : detached);
  }

  async #deny(request: ServiceRequest, decision: Decision | undefined, units: number, subject: string): Promise<never> {
    const denial = decision ?? (await this.stat({ subject }));
    const decisions = denial === null ? [] : [{ ...denial, allowed: false }];
    const outcome: Outcome = { allowed: false, decisions, binding: decisions[0] ?? null };
    await this.#respond(request, outcome, subject, units);
    throw new ThrottleConfigError('SLUICE_UNSUPPORTED_BACKEND', `${this.#place}: a denied hold was not rejected`);
  }
}

function nothingHeld(): never {
  throw new Error('nothing is held');
}

/** Returns the id as a string. Encodes the subject, which may contain any characters. */
function textOf(id: number, subject: string): string {
  return `${id.toString(36)}.${subject}`;
}

function readId(place: string, id: string): readonly [id: number, subject: string] {
  const [, digits = '', subject = ''] = typeof id === 'string' ? (/^([0-9a-z]{1,10})\.([\s\S]+)$/.exec(id) ?? []) : [];
  const number = Number.parseInt(digits, 36);
  if (Number.isSafeInteger(number) && subject !== '') return [number, subject];
  throw invalidArgument(`${place}.hold()`, 'the `id` of a hold that reserve() returned', id);
}
