import type { ExecutionContext } from '@nestjs/common';
import { Subject } from 'rxjs';
import { type Awaitable, chain } from '../core/awaitable.js';
import { bindingOf, type Charge, type Decision, NOTHING_TO_CHARGE, type Outcome } from '../core/decision.js';
import type { Call, HttpRequest } from '../transports/call.js';
import { ClientAddress } from '../transports/client-address.js';
import { HttpCall } from '../transports/http-call.js';
import { writeRateLimit, writeRetryAfter } from '../transports/http-headers.js';
import { type CallState, currentCall, openCall, stateOf } from './call-state.js';
import { type Asked, chargesOf, isSkipped, type LimitCharge, plainCharges } from './charges.js';
import { deny, unavailable } from './denial.js';
import { outageMessage, type ThrottleEvent } from './events.js';
import { HeldCalls } from './held-calls.js';
import { watchForLateUser } from './late-user.js';
import type { CompiledLimit } from './limit.js';
import type { Plan } from './plan.js';
import type { Plans } from './plans.js';
import type { Settings } from './settings.js';

/** The answer to a call, and what was asked for. */
export interface Evaluation {
  readonly outcome: Outcome;
  readonly charges: readonly LimitCharge[];
}

const NOTHING: Evaluation = { outcome: NOTHING_TO_CHARGE, charges: [] };

/** Limits calls: finds out what they are charged, has the backend decide, and answers. */
export class CallLimiter {
  readonly events = new Subject<ThrottleEvent>();
  readonly #addresses: ClientAddress;
  readonly #held: HeldCalls;

  constructor(
    readonly settings: Settings,
    private readonly plans: Plans,
  ) {
    this.#addresses = new ClientAddress(settings.ipv6Prefix, settings.warn);
    this.#held = new HeldCalls(settings.clock);
    settings.backend.listen?.((event) => {
      const message = outageMessage(event);
      if (message !== undefined) settings.warn(message);
      this.events.next(event);
    });
  }

  /** Opens a call over HTTP: what runs in `next` is within it. */
  open(request: HttpRequest, response: object, next: () => void): void {
    stateOf(request).call ??= this.#httpCall(request, response);
    openCall(request, next);
  }

  /** The guard's question: charges what the handler's plan says, once a request and handler. Throws when denied. */
  enter(context: ExecutionContext): Awaitable<true> {
    const { state, plan } = this.find(context);
    const known = state.admissions.get(plan);
    if (known !== undefined) return known;
    const { call } = state;
    if (plan.guarded.length === 0 || call === undefined) return true;
    if (plan.userPaths.length > 0) watchForLateUser(plan, call, this.settings.warn);
    const admission = chain(this.spend(plan.guarded, call, {}, state), (evaluation) => this.admit(call, evaluation));
    state.admissions.set(plan, admission);
    return admission;
  }

  /** What is known of the call of an execution context, from now on with its handler. */
  find(context: ExecutionContext): { readonly state: CallState; readonly plan: Plan } {
    const http = context.switchToHttp();
    const request = http.getRequest<HttpRequest>();
    const state = stateOf(request);
    const plan = this.plans.of(context.getClass(), context.getHandler());
    if (state.plan !== plan) {
      state.call = this.#httpCall(request, http.getResponse<object>(), context);
      state.plan = plan;
    }
    return { state, plan };
  }

  /** What is known of a request, or without one of the call being handled. */
  findCall(request: HttpRequest | undefined): CallState | undefined {
    if (request === undefined) return currentCall();
    const state = stateOf(request);
    const response: unknown = request.res; // Express's request knows its response
    state.call ??= this.#httpCall(request, typeof response === 'object' && response !== null ? response : undefined);
    return state;
  }

  /** Charges, and writes what was decided into the headers. */
  spend(
    limits: readonly CompiledLimit[],
    call: Call,
    asked: Asked,
    state: CallState | undefined,
  ): Awaitable<Evaluation> {
    return chain(
      this.#evaluate((charges) => this.settings.backend.spend(charges), limits, call, asked),
      (evaluation) => {
        const { outcome, charges } = evaluation;
        const wasDenied = state?.latest?.allowed === false;
        state?.remember(charges, outcome);
        if (!outcome.allowed && this.events.observed) {
          const handler = state?.plan && { handler: state.plan.label };
          this.events.next({ type: 'denied', outcome, charges: plainCharges(charges), ...handler });
        }
        if (call.response !== undefined && state !== undefined) {
          const { decisions } = state;
          const binding = decisions === outcome.decisions ? outcome.binding : bindingOf(decisions);
          writeRateLimit(call.response, decisions, binding, this.settings.headers);
          if (outcome.allowed && wasDenied) writeRetryAfter(call.response, outcome);
        }
        return evaluation;
      },
    );
  }

  /** The answer that `spend` would give; nothing is written anywhere. */
  peek(limits: readonly CompiledLimit[], call: Call, asked: Asked): Awaitable<Outcome> {
    return chain(
      this.#evaluate((charges) => this.settings.backend.peek(charges), limits, call, asked),
      ({ outcome }) => outcome,
    );
  }

  /** The decisions as they stand, each with the wait of a cost of 1; in one read. */
  standing(limits: readonly CompiledLimit[], call: Call, asked: Asked): Awaitable<readonly Decision[]> {
    const pairs = (charges: readonly Charge[]) =>
      this.settings.backend.peek(
        charges.flatMap((charge) => [
          { ...charge, cost: 0 },
          { ...charge, cost: 1 },
        ]),
      );
    return chain(this.#evaluate(pairs, limits, call, { ...asked, cost: 1 }), ({ outcome: { decisions } }) =>
      // Of each pair the decision at cost 1 where that is denied, else the one at cost 0.
      decisions.filter(({ allowed }, i) => (i % 2 === 0 ? decisions[i + 1]?.allowed === true : !allowed)),
    );
  }

  /** Goes on with an allowed call, after its delay; throws the answer to a denied one. */
  admit(call: Call, { outcome, charges }: Evaluation): Awaitable<true> {
    if (outcome.degraded === 'deny') throw unavailable(this.settings, call.response);
    if (!outcome.allowed) {
      if (call.response !== undefined) writeRetryAfter(call.response, outcome);
      return deny(call, outcome, charges, this.settings);
    }
    let delayMs = 0;
    for (const decision of outcome.decisions) delayMs = Math.max(delayMs, decision.delayMs);
    return delayMs === 0 ? true : this.#held.hold(delayMs, call.response);
  }

  /** Turns away the calls that are held. */
  close(): void {
    this.#held.close();
  }

  #evaluate(
    decide: (charges: readonly Charge[]) => Awaitable<Outcome>,
    limits: readonly CompiledLimit[],
    call: Call,
    asked: Asked,
  ): Awaitable<Evaluation> {
    return chain(isSkipped(this.settings.skip, call, 'ThrottleModule'), (skipped) => {
      if (skipped) return NOTHING;
      return chain(chargesOf(limits, call, asked), (charges) =>
        charges.length === 0 ? NOTHING : chain(decide(plainCharges(charges)), (outcome) => ({ outcome, charges })),
      );
    });
  }

  #httpCall(request: HttpRequest, response: object | undefined, context?: ExecutionContext): HttpCall {
    return new HttpCall(request, response, this.#addresses, context);
  }
}
