import { type Awaitable, chain, isPromise } from '../../core/awaitable.js';
import { noteInjectable } from '../../core/copies.js';
import {
  bindingOf,
  type Charge,
  type Decision,
  NOTHING_TO_CHARGE,
  type Outcome,
  type Receipt,
  withMembers,
} from '../../core/decision.js';
import type { Phase } from '../../decorators/policy-options.js';
import type { HandlerLimits } from '../../planning/handler-limits.js';
import type { Call } from '../../transports/call.js';
import type { CallLimiter } from './call-limiter.js';
import type { CallSession } from './call-session.js';
import {
  type ChargedOutcome,
  joinPrepared,
  limitAt,
  NOTHING_PREPARED,
  type PreparedCharges,
  undecidedBy,
} from './charges/prepared-charges.js';
import { type EndedCall, endedWithResponse } from './ends/call-end.js';
import { type Violation, violationsIn } from './events.js';
import { areAddressCharged, type GuardCharges, HandlerPhase, prepareGuardCharges } from './handler-phase.js';
import { sessionOn } from './session-store.js';

/**
 * Limits the calls of handlers, once per handler. A call has two phases if one of its limits may need values that a
 * later guard sets:
 *
 * - The guard charges the limits whose subject is known. For the others it peeks at the budget of the address.
 * - After all guards, the handler phase charges the others. If it denies the call, the charges of the guard are
 *   refunded.
 *
 * If the call ends in between, the address is charged when the response closes.
 */
export class HandlerLimiter {
  static {
    noteInjectable(HandlerLimiter);
  }

  readonly #warned = new WeakSet<HandlerLimits>();
  readonly #warnedOfEnds = new WeakSet<HandlerLimits>();
  readonly #warnedOfLosses = new WeakSet<HandlerLimits>();

  /** @param isIntercepted returns true if Nest will run the interceptor of the handler phase for a handler */
  constructor(
    private readonly limiter: CallLimiter,
    private readonly isIntercepted: (handler: object) => boolean,
  ) {}

  /** Returns true if the call may proceed. With the phase `both`, after all guards, all limits are charged at once. */
  admit(session: CallSession, phase: Phase | 'both'): Awaitable<boolean> {
    if (phase === 'handler') return this.#enterHandlerPhase(session);
    const { handlerLimits } = session;
    if (session.responder.connection?.isClosed === true) return false;
    if (handlerLimits === undefined) return true;
    const { automatic } = handlerLimits;
    const known = session.admissionUnder(automatic);
    if (known !== undefined) return known;
    const { isByOutcome, hasPermits } = handlerLimits;
    if ((isByOutcome || hasPermits) && phase === 'guard') this.#warnOfUnseenEnd(session, handlerLimits);
    if (automatic.length === 0) return true;
    const hasTwoPhases =
      handlerLimits.hasHandlerPhase && phase === 'guard' && this.#isIntercepted(session, handlerLimits);
    const isAdmitted = hasTwoPhases ? this.#begin(handlerLimits, session) : this.limiter.limit(automatic, session);
    session.keepAdmission(automatic, isAdmitted);
    return isAdmitted;
  }

  /** Warns once for a handler whose end cannot be observed although a limit needs it. */
  #warnOfUnseenEnd({ call }: CallSession, handlerLimits: HandlerLimits): void {
    if (this.#warnedOfEnds.has(handlerLimits)) return;
    this.#warnedOfEnds.add(handlerLimits);
    if (call.handler !== undefined && this.isIntercepted(call.handler)) return;
    const { automatic, explicit, hasPermits, label } = handlerLimits;
    const { warn } = this.limiter.settings;
    if (hasPermits) {
      warn(
        `${label}: its permits are given back when the response closes, even if the handler still runs. ${HOW_TO_INTERCEPT}`,
      );
    }
    if (![...automatic, ...explicit].some(({ chargeWhen }) => typeof chargeWhen === 'function')) return;
    warn(
      `${label}: its \`chargeWhen\` sees only the status of the response, not what the handler returns or throws. ${HOW_TO_INTERCEPT}`,
    );
  }

  /**
   * Returns false for a function that a request-scoped controller creates per request: Nest reads no metadata from it.
   */
  #isIntercepted({ call }: CallSession, handlerLimits: HandlerLimits): boolean {
    if (call.handler !== undefined && this.isIntercepted(call.handler)) return true;
    if (!this.#warned.has(handlerLimits)) {
      this.#warned.add(handlerLimits);
      this.limiter.settings.warn(
        `${handlerLimits.label}: all of its limits are charged in the guard, so users who are authenticated by a later guard are charged by address. ${HOW_TO_INTERCEPT}`,
      );
    }
    return false;
  }

  #begin({ byPhase }: HandlerLimits, session: CallSession): Awaitable<boolean> {
    const { call } = session;
    // The usual case, without `skip` and asynchronous functions: without closures.
    if (this.limiter.settings.skip === undefined) return this.#prepare(byPhase, session);
    const isSkipped = this.limiter.isSkipped(call);
    const begin = (skips: boolean): Awaitable<boolean> => {
      if (!skips) return this.#prepare(byPhase, session);
      // The module's `skip` is called again in the handler phase, where the user is known.
      if (byPhase.handler.length > 0) {
        this.#await(
          { now: NOTHING_PREPARED, waiting: byPhase.handler, address: NOTHING_PREPARED },
          NOTHING_TAKEN,
          session,
        );
      }
      return true;
    };
    return isPromise(isSkipped) ? isSkipped.then(begin, this.#undecided(session)) : begin(isSkipped);
  }

  #prepare(byPhase: HandlerLimits['byPhase'], session: CallSession): Awaitable<boolean> {
    const found = prepareGuardCharges(byPhase, session.call);
    return isPromise(found)
      ? found.then((charges) => this.#chargeInGuard(charges, session), this.#undecided(session))
      : this.#chargeInGuard(found, session);
  }

  /**
   * Peeks at all charges, and spends those of the guard if all would pass. These are two backend calls instead of a
   * charge that is refunded after a denial: so a denied call takes nothing from shared budgets, not even for one round
   * trip, and a flood on an address without budget costs one read per call. If there is nothing to charge in the guard
   * or nothing to peek at, it is one call.
   */
  #chargeInGuard(found: GuardCharges, session: CallSession): Awaitable<boolean> {
    const { now, address } = found;
    if (address.charges.length === 0) {
      const charged = this.limiter.spendPrepared(now, session);
      return isPromise(charged)
        ? charged.then((decided) => this.#concludeGuard(found, decided, session))
        : this.#concludeGuard(found, charged, session);
    }
    const all = joinPrepared(now, address);
    return chain(this.limiter.peekCharges(all.charges), (peeked) => {
      if (!peeked.allowed) return chain(this.#deny(all, peeked), (denied) => this.#conclude(denied, session));
      return chain(this.limiter.spendPrepared(now, session), (charged) => {
        const { outcome } = charged;
        if (!outcome.allowed) return this.#conclude(charged, session);
        const phase = this.#await(found, charged, session);
        const decisions = [
          ...outcome.decisions.slice(0, now.charges.length),
          ...peeked.decisions.slice(now.charges.length),
        ];
        // For the headers of a response of a later guard. During an outage there may be no decisions.
        if (decisions.length === all.charges.length) {
          const shown = withMembers(all, { outcome: { ...outcome, decisions, binding: bindingOf(decisions) } });
          this.limiter.record(shown, session);
          phase.reported = violationsIn(shown);
        } else {
          this.limiter.record(charged, session);
        }
        return this.limiter.proceed(charged, session.call, session.responder);
      });
    });
  }

  /** Returns the denial of a call that a peek denies. Nothing is taken, but the denial counts towards a block. */
  #deny(prepared: PreparedCharges, peeked: Outcome): Awaitable<ChargedOutcome> {
    const { charges } = prepared;
    const isCounted = (_: unknown, i: number) => isCountedDenial(charges[i], peeked.decisions[i]);
    const counted = charges.filter(isCounted);
    if (counted.length === 0) return withMembers(prepared, { outcome: peeked });
    const { backend } = this.limiter.settings;
    return chain(backend.spend(counted), ({ allowed, receipt, decisions: [...found] }) => {
      const decisions = allowed
        ? peeked.decisions
        : peeked.decisions.map((one, i) => (isCounted(one, i) && found.shift()) || one);
      const denial = withMembers(prepared, { outcome: { ...peeked, decisions, binding: bindingOf(decisions) } });
      // Units became available since the peek. They are returned, because the address is charged when the call has
      // ended.
      return receipt === undefined ? denial : chain(backend.settle(receipt, nothingOf(receipt)), () => denial);
    });
  }

  /** Rejects a call for which a function of the user timed out. */
  #undecided(session: CallSession): (error: unknown) => Awaitable<boolean> {
    return (error) => this.#conclude(undecidedBy(error), session);
  }

  #concludeGuard(found: GuardCharges, charged: ChargedOutcome, session: CallSession): Awaitable<boolean> {
    if (charged.outcome.allowed && found.waiting.length > 0) this.#await(found, charged, session);
    return this.#conclude(charged, session);
  }

  #conclude(charged: ChargedOutcome, session: CallSession, reported?: readonly Violation[]): Awaitable<boolean> {
    return this.limiter.proceed(this.limiter.record(charged, session, reported), session.call, session.responder);
  }

  /** Defers the remaining limits to the handler phase. If the response closes before, charges the address. */
  #await({ waiting, address }: GuardCharges, taken: ChargedOutcome, session: CallSession): HandlerPhase {
    const { call, responder, handlerLimits } = session;
    const phase = new HandlerPhase(this, waiting, address, taken);
    session.handlerPhase = phase;
    if (address.charges.length === 0) return phase;
    phase.stopWatching =
      responder.onEnd?.((end) => {
        this.#warnOfLostSession(session);
        phase.charged = this.#chargeAddress(phase, call, handlerLimits?.label, endedWithResponse(end)).catch(
          (error: unknown) => {
            this.limiter.settings.fail(error);
            return [];
          },
        );
      }) ?? phase.stopWatching;
    return phase;
  }

  /** Warns once for a handler whose phase did not run because the session is no longer on the request. */
  #warnOfLostSession({ target, handlerLimits }: CallSession): void {
    if (target === undefined || handlerLimits === undefined || sessionOn(target) !== undefined) return;
    if (this.#warnedOfLosses.has(handlerLimits)) return;
    this.#warnedOfLosses.add(handlerLimits);
    this.limiter.settings.warn(
      `${handlerLimits.label}: limits by user were not charged, because something assigned another array to request.rawHeaders after the guard. Change the array in place, or assign it in a middleware.`,
    );
  }

  /**
   * Charges the address, each charge separately, so that a limit that is used up does not prevent the others. The call
   * has ended, so limits with `chargeWhen` are settled at once.
   */
  async #chargeAddress(
    { address }: HandlerPhase,
    call: Call,
    handler: string | undefined,
    ended: EndedCall,
  ): Promise<readonly Receipt[]> {
    const { settings, events, outcomes } = this.limiter;
    const { charges, limits } = address;
    const isDue = ended.isFailure ? [] : await areAddressCharged(limits, call);
    const due = charges.flatMap((charge, i) => ((isDue[i] ?? true) ? [{ charge, limit: limitAt(address, i) }] : []));
    const receipts = due.map(async ({ charge, limit }) => {
      const outcome = await settings.backend.spend([charge]);
      const charged = { outcome, charges: [charge], limits: limit === undefined ? [] : [limit] };
      events.thresholds(charged, handler);
      events.blocked(charged, handler);
      await outcomes.settle(charged, call, ended, settings.clock.now());
      return outcome.receipt ?? [];
    });
    return (await Promise.all(receipts)).flat();
  }

  #enterHandlerPhase(session: CallSession): Awaitable<boolean> {
    const phase = session.handlerPhase;
    if (phase === undefined || phase.owner !== this) return true;
    phase.isAdmitted ??= this.#complete(phase, session);
    return phase.isAdmitted;
  }

  #complete(phase: HandlerPhase, session: CallSession): Awaitable<boolean> {
    phase.stopWatching();
    session.withdraw(phase.address.charges);
    return chain(this.#spend(phase, session), (charged) => {
      const returned = phase.charged && this.#returnAddressCharges(phase.charged);
      return chain(returned, () => this.#concludePhase(phase, charged, session));
    });
  }

  /** Ends the phase. An interrupted delay ends an allowed call, so the charges of the guard are refunded, too. */
  #concludePhase(phase: HandlerPhase, charged: ChargedOutcome, session: CallSession): Awaitable<boolean> {
    const isAdmitted = this.#conclude(charged, session, phase.reported);
    if (!charged.outcome.allowed || !isPromise(isAdmitted)) return isAdmitted;
    return isAdmitted.then(
      (isOn) => (isOn ? true : this.#returnTaken(phase, session).then(() => false)),
      async (error: unknown) => {
        await this.#returnTaken(phase, session);
        throw error;
      },
    );
  }

  /** Charges the deferred limits. If that denies the call or fails, refunds the charges of the guard. */
  #spend(phase: HandlerPhase, session: CallSession): Awaitable<ChargedOutcome> {
    const returnIfDenied = (charged: ChargedOutcome): Awaitable<ChargedOutcome> =>
      charged.outcome.allowed ? charged : this.#returnTaken(phase, session).then(() => charged);
    const rethrow = async (error: unknown): Promise<never> => {
      await this.#returnTaken(phase, session);
      throw error;
    };
    try {
      const charged = this.limiter.spend(phase.limits, session.call, session);
      return isPromise(charged) ? charged.then(returnIfDenied, rethrow) : returnIfDenied(charged);
    } catch (error) {
      return rethrow(error);
    }
  }

  /**
   * Refunds the charges of the guard, because a call is charged under all limits or none. Their decisions become those
   * of a denied call: the current state.
   */
  async #returnTaken({ taken }: HandlerPhase, session: CallSession): Promise<void> {
    const { receipt } = taken.outcome;
    if (receipt === undefined) return;
    const { backend, fail } = this.limiter.settings;
    try {
      await backend.settle(receipt, nothingOf(receipt));
      const { decisions } = await this.limiter.peekCharges(taken.charges.map((charge) => ({ ...charge, cost: 0 })));
      session.amend(taken.charges, decisions);
    } catch (error) {
      fail(error);
    }
  }

  /**
   * Refunds the charges of the address. The client has gone, but all guards have passed, so the call is charged
   * normally.
   */
  async #returnAddressCharges(receipts: Promise<readonly Receipt[]>): Promise<void> {
    const { backend } = this.limiter.settings;
    await Promise.all((await receipts).map((receipt) => backend.settle(receipt, nothingOf(receipt))));
  }
}

/**
 * Returns true for a denial that counts towards a block, unless the subject is already blocked. A peek reports a block
 * that would begin.
 */
function isCountedDenial(charge: Charge | undefined, decision: Decision | undefined): boolean {
  const block = charge?.policy.block;
  if (block === undefined || block.forMs === 0 || decision === undefined) return false;
  const { allowed, mode, reason, startedBlock } = decision;
  return !allowed && mode === undefined && (reason !== 'blocked' || startedBlock !== undefined);
}

function nothingOf({ charges }: Receipt): readonly number[] {
  return charges.map(() => 0);
}

const NOTHING_TAKEN: ChargedOutcome = { ...NOTHING_PREPARED, outcome: NOTHING_TO_CHARGE };

const HOW_TO_INTERCEPT =
  'Nest runs a function that was created after startup and has no metadata. Do not replace or bind the method in the constructor.';
