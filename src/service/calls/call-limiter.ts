import type { HoldRequest } from '../../backends/hold-store.js';
import { type Awaitable, chain, isNativePromise, isPromise } from '../../core/awaitable.js';
import { type Charge, type Decision, NOTHING_TO_CHARGE, type Outcome } from '../../core/decision.js';
import type { CompiledLimit } from '../../planning/compiled-limit.js';
import type { Call } from '../../transports/call.js';
import { httpInterrupted } from '../../transports/http/denial-exception.js';
import type { Connection, Responder } from '../../transports/responder.js';
import type { CallSession } from './call-session.js';
import { isSkipped, prepareCharges } from './charges/charge-builder.js';
import type { GivenValues } from './charges/charge-parts.js';
import { type ChargedOutcome, decidedOutcome, type PreparedCharges, undecidedBy } from './charges/prepared-charges.js';
import { DelayedCalls } from './delayed-calls.js';
import { composeDenial } from './denial-message.js';
import { OutcomeSettlements } from './ends/outcome-settlements.js';
import { ThrottleEvents, type Violation, violationsIn } from './events.js';
import { CallPermits } from './permits/call-permits.js';
import { Heartbeat } from './permits/heartbeat.js';
import { OpenPermits } from './permits/open-permits.js';
import { PermitTaker } from './permits/permit-taker.js';
import type { RuntimeSettings } from './runtime-settings.js';
import { keepClientOutcome } from './session-store.js';

type Decide = (charges: readonly Charge[]) => Awaitable<Outcome>;

const NOTHING_GIVEN: GivenValues = {};
/** Used for calls without a client. */
const NO_CLIENT: Pick<Responder<unknown>, 'onClientGone'> = { onClientGone: () => () => {} };
const NOTHING_CHARGED: ChargedOutcome = { outcome: NOTHING_TO_CHARGE, charges: [], limits: [] };

/**
 * Limits calls. The steps, in order: prepare the charges, let the backend decide them, record the outcome, report it;
 * then respond (enforce the outcome, and reject a denied call) and delay.
 *
 * With a backend in this process and no asynchronous function of the user, all of them are synchronous.
 */
export class CallLimiter {
  readonly events: ThrottleEvents;
  readonly outcomes: OutcomeSettlements;
  readonly heartbeat: Heartbeat;
  readonly permits: OpenPermits;
  readonly #delayed: DelayedCalls;
  readonly #taker: PermitTaker;

  constructor(readonly settings: RuntimeSettings) {
    this.events = new ThrottleEvents(settings);
    this.outcomes = new OutcomeSettlements(settings);
    this.#delayed = new DelayedCalls(settings.clock, settings.backend);
    this.heartbeat = new Heartbeat(settings);
    this.permits = new OpenPermits(settings, this.heartbeat, (freed) => this.#taker.noteFreed(freed));
    this.#taker = new PermitTaker(settings, this.permits);
  }

  /** Runs all steps. True: the call may proceed; otherwise its rejection. */
  limit<R>(limits: readonly CompiledLimit[], session: CallSession<R>): Awaitable<true | R> {
    const { call, responder } = session;
    if (responder.connection !== undefined) return this.#limitOn(responder.connection, limits, session);
    const decided = this.spend(limits, call, session);
    return isNativePromise(decided)
      ? decided.then((charged) => this.proceed(this.record(charged, session), call, responder))
      : this.proceed(this.record(decided, session), call, responder);
  }

  /**
   * Like `limit`, on a connection. It counts a call as pending until the response, but not while the call is delayed.
   */
  #limitOn<R>(connection: Connection, limits: readonly CompiledLimit[], session: CallSession<R>): Awaitable<true | R> {
    const { call, responder } = session;
    const overflow = limits.some(mayDeny) ? connection.overflow() : undefined;
    if (overflow !== undefined) return this.#rejectOverflow(overflow, session);
    const charged = this.charge(limits, call, NOTHING_GIVEN, session);
    // The usual case, with a backend in this process: no closure.
    if (!isNativePromise(charged) && charged.outcome.allowed) return this.proceed(charged, call, responder);
    const response = chain(charged, (found) => this.#respond(found, call, responder));
    return chain(isPromise(response) ? connection.track(response) : response, (result) =>
      result === true ? chain(charged, ({ outcome }) => this.#delay(outcome, responder)) : result,
    );
  }

  /** The first steps: prepares, decides, records, reports. Does not enforce the outcome. */
  charge(
    limits: readonly CompiledLimit[],
    call: Call,
    given: GivenValues,
    session: CallSession<unknown> | undefined,
  ): Awaitable<ChargedOutcome> {
    const decided = this.#decide(this.#spend, limits, call, given, session);
    return isNativePromise(decided)
      ? decided.then((charged) => this.record(charged, session, undefined, call))
      : this.record(decided, session, undefined, call);
  }

  /** Records the backend's answer to prepared charges, outside of any session. */
  recordAnswer(answer: Awaitable<Outcome>, prepared: PreparedCharges): Awaitable<ChargedOutcome> {
    const decided = chargedOutcome(answer, prepared);
    return isNativePromise(decided)
      ? decided.then((charged) => this.record(charged, undefined))
      : this.record(decided, undefined);
  }

  /** The first two steps: prepares, decides. Does not record the outcome. */
  spend(limits: readonly CompiledLimit[], call: Call, session?: CallSession<unknown>): Awaitable<ChargedOutcome> {
    return this.#decide(this.#spend, limits, call, NOTHING_GIVEN, session);
  }

  /** Decides and takes prepared charges. */
  spendPrepared(prepared: PreparedCharges, session?: CallSession<unknown>): Awaitable<ChargedOutcome> {
    return this.#decideCharges(this.#spend, prepared, NOTHING_GIVEN, session);
  }

  /** Returns the outcome that `spendPrepared` would have. Writes nothing. */
  peekCharges(charges: readonly Charge[]): Awaitable<Outcome> {
    const isHeld = charges.some(({ policy }) => policy.held !== undefined);
    return isHeld ? this.#taker.peek(charges) : this.settings.backend.peek(charges);
  }

  /** Returns whether the module's `skip` exempts the call. */
  isSkipped(call: Call): Awaitable<boolean> {
    return isSkipped(this.settings.skip, call, { place: 'ThrottleModule', deadlines: this.settings.deadlines });
  }

  /** The last steps: responds, delays. True: the call may proceed; otherwise its rejection. */
  proceed<R>(charged: ChargedOutcome, call: Call, responder: Responder<R>): Awaitable<true | R> {
    const response = this.#respond(charged, call, responder);
    if (isPromise(response)) {
      return response.then((result) => (result === true ? this.#delay(charged.outcome, responder) : result));
    }
    return response === true ? this.#delay(charged.outcome, responder) : response;
  }

  /**
   * The last steps of a charge by hand. Resolves with its outcome; rejects if the call is denied, unless it is on a
   * socket, and if its delay was interrupted. Not an async function: most calls are decided at once, and each
   * suspension would cost half as much as the charge.
   */
  bind<R>(charged: Awaitable<ChargedOutcome>, call: Call, responder: Responder<R>): Promise<Outcome> {
    if (isNativePromise(charged)) return charged.then((found) => this.bind(found, call, responder));
    const result = this.proceed(charged, call, responder);
    return isPromise(result)
      ? Promise.resolve(result).then((found) => this.#boundOutcome(found, charged))
      : Promise.resolve(this.#boundOutcome(result, charged));
  }

  /** On a socket a rejection does not throw, but a handler must not continue before its delay is over. */
  #boundOutcome(result: unknown, { outcome, interrupted }: ChargedOutcome): Outcome {
    if (result === true || (!outcome.allowed && interrupted === undefined)) return outcome;
    throw httpInterrupted(this.#delayed.isClosing ? 'closing' : 'client-gone');
  }

  /** Returns the outcome that `charge` would have. Writes nothing. */
  peek(limits: readonly CompiledLimit[], call: Call, given: GivenValues): Awaitable<Outcome> {
    const peek: Decide = (charges) => this.peekCharges(charges);
    return chain(this.#decide(peek, limits, call, given, undefined), decidedOutcome);
  }

  /** Returns the current decisions, each with the wait for a cost of 1, in one read. */
  state(limits: readonly CompiledLimit[], call: Call, given: GivenValues): Awaitable<readonly Decision[]> {
    const peekPairs: Decide = (charges) =>
      this.peekCharges(
        charges.flatMap((charge) => [
          { ...charge, cost: 0 },
          { ...charge, cost: 1 },
        ]),
      );
    const decided = this.#decide(peekPairs, limits, call, { ...given, cost: 1 }, undefined);
    return chain(decided, (charged) => {
      const { decisions } = decidedOutcome(charged);
      // From each pair, takes the decision at cost 1 if that is denied, else the one at cost 0.
      return decisions.filter(({ allowed }, i) => (i % 2 === 0 ? decisions[i + 1]?.allowed === true : !allowed));
    });
  }

  /** The number of calls that wait in queues for permits. */
  get queued(): number {
    return this.#taker.queued;
  }

  /** Rejects all calls that are delayed or queued, now and later. Stops waiting for functions of the user. */
  close(): void {
    this.settings.deadlines.close();
    this.#delayed.close();
    this.#taker.close();
  }

  readonly #spend: Decide = (charges) => this.settings.backend.spend(charges);

  /** Prepares and decides the charges of a call. */
  #decide(
    decide: Decide,
    limits: readonly CompiledLimit[],
    call: Call,
    given: GivenValues,
    session: CallSession<unknown> | undefined,
  ): Awaitable<ChargedOutcome> {
    if (this.settings.skip === undefined) {
      return this.#decideCharges(decide, prepareCharges(limits, call, given), given, session);
    }
    const isSkipped = this.isSkipped(call);
    const unlessSkipped = (skipped: boolean) =>
      skipped ? NOTHING_CHARGED : this.#decideCharges(decide, prepareCharges(limits, call, given), given, session);
    return isPromise(isSkipped) ? isSkipped.then(unlessSkipped, undecidedBy) : unlessSkipped(isSkipped);
  }

  #decideCharges(
    decide: Decide,
    prepared: Awaitable<PreparedCharges>,
    given: GivenValues,
    session: CallSession<unknown> | undefined,
  ): Awaitable<ChargedOutcome> {
    // The usual case, with a backend in this process: without a promise and a closure.
    if (isNativePromise(prepared)) {
      return prepared.then((found) => this.#decideCharges(decide, found, given, session), undecidedBy);
    }
    const { charges, unlimited, heldFrom } = prepared;
    if (unlimited !== undefined) {
      const { unlimited: _, ...limited } = prepared;
      return withUnlimited(this.#decideCharges(decide, limited, given, session), unlimited);
    }
    if (charges.length === 0) return NOTHING_CHARGED;
    if (heldFrom !== undefined && decide === this.#spend) return this.#takePermits(prepared, given, session);
    return chargedOutcome(decide(charges), prepared);
  }

  /** Takes the charges of a call together with its permits, which the call holds until it has ended. */
  #takePermits(
    prepared: PreparedCharges,
    { mayQueue = true, keep }: GivenValues,
    session: CallSession<unknown> | undefined,
  ): Awaitable<ChargedOutcome> {
    const responder = mayQueue ? (session?.responder ?? NO_CLIENT) : undefined;
    return this.#taker.take(prepared, keep ?? ((permits) => this.#keep(permits, session)), responder);
  }

  #keep(permits: readonly HoldRequest[], session: CallSession<unknown> | undefined): void {
    const end = session?.watchEnd();
    if (session === undefined || end === undefined)
      throw new Error('permits are taken by a call whose end is not seen');
    session.permits ??= new CallPermits(end, session.responder, session.target, (free) => this.permits.free(free));
    // The client may have gone while the permits were taken.
    if (session.permits.add(permits)) this.permits.add(permits, session.permits);
    else this.permits.end(permits);
  }

  /**
   * Records an outcome in the call's session and reports it. Without a session it is not reported.
   *
   * @param reported violations of the call that have been reported already
   * @param call the call of a charge by hand. Default: the call of the session
   */
  record(
    charged: ChargedOutcome,
    session: CallSession<unknown> | undefined,
    reported?: readonly Violation[],
    call = session?.call,
  ): ChargedOutcome {
    const { outcome, charges, interrupted } = charged;
    // The call was not decided, so there is nothing to report.
    if (interrupted !== undefined) return charged;
    const previous = session?.latest;
    if (session !== undefined) {
      session.record(charges, outcome);
      if (session.call.client !== undefined) keepClientOutcome(session.call.client, outcome);
    }
    const handler = session?.handlerLimits?.label;
    if (!outcome.allowed) {
      this.events.denied(charged, handler);
      this.events.blocked(charged, handler);
    } else if (outcome.receipt !== undefined) {
      this.events.thresholds(charged, handler);
      if (session !== undefined && call !== undefined) this.outcomes.watch(charged, session, call);
    }
    const violations = violationsIn(charged, reported);
    if (violations.length > 0) {
      this.events.violated(violations, outcome, handler);
      if (outcome.allowed) this.events.blocked(charged, handler);
    }
    session?.responder.report(outcome, session.decisions, session.charges, previous);
    return charged;
  }

  /** Enforces an outcome. Returns true if the call may proceed, otherwise its rejection. */
  #respond<R>(charged: ChargedOutcome, call: Call, responder: Responder<R>): Awaitable<true | R> {
    const { outcome, failure, interrupted } = charged;
    if (interrupted !== undefined) return responder.rejectInterrupted(interrupted);
    if (outcome.degraded === 'deny') return responder.rejectUnavailable(this.settings.unavailableForMs(), failure);
    if (!outcome.allowed) this.settings.retryJitter?.delay(outcome);
    responder.enforce(outcome);
    if (outcome.allowed) return true;
    return chain(composeDenial(charged, call, this.settings), (denial) => responder.reject(outcome, denial));
  }

  /**
   * Rejects a call without calling the backend or functions of the user, which are already slow. The denial is not
   * enforced as one of its limits, which were not checked, so that a slow backend does not close connections.
   */
  #rejectOverflow<R>(outcome: Outcome, session: CallSession<R>): R {
    const { call, responder } = session;
    this.record({ outcome, charges: [], limits: [] }, session);
    return responder.reject(outcome, { message: undefined, context: call.context });
  }

  /** Delays an allowed call by the delay of its decisions. */
  #delay<R>(outcome: Outcome, responder: Responder<R>): Awaitable<true | R> {
    let delayMs = 0;
    for (const { mode, delayMs: own } of outcome.decisions) if (mode === undefined) delayMs = Math.max(delayMs, own);
    return delayMs === 0 ? true : this.#delayed.wait(delayMs, outcome, responder);
  }
}

/**
 * Returns false for a limit that never denies. A call with only such limits is not denied for having too many pending
 * calls.
 */
function mayDeny({ policies: { mode } }: CompiledLimit): boolean {
  return mode === undefined || typeof mode === 'function';
}

/** Joins the answer of a backend with the charges that it decides. A custom backend may return any thenable. */
function chargedOutcome(answer: Awaitable<Outcome>, { charges, limits }: PreparedCharges): Awaitable<ChargedOutcome> {
  return isPromise(answer)
    ? Promise.resolve(answer).then((outcome) => ({ outcome, charges, limits }), undecidedBy)
    : { outcome: answer, charges, limits };
}

/**
 * Adds the decisions of limits that are unlimited under the plan of the call. They come last, because they have no
 * charge.
 */
function withUnlimited(decided: Awaitable<ChargedOutcome>, unlimited: readonly Decision[]): Awaitable<ChargedOutcome> {
  return chain(decided, (charged) => {
    const { outcome } = charged;
    return { ...charged, outcome: { ...outcome, decisions: [...outcome.decisions, ...unlimited] } };
  });
}
