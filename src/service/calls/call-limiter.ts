import type { ExecutionContext } from '@nestjs/common';
import { Subject } from 'rxjs';
import { type Awaitable, chain, isNativePromise, isPromise } from '../../core/awaitable.js';
import { type Charge, type Decision, NOTHING_TO_CHARGE, type Outcome } from '../../core/decision.js';
import type { CompiledLimit } from '../../planning/compiled-limit.js';
import type { Call } from '../../transports/call.js';
import { DetachedCall } from '../../transports/http/detached-call.js';
import type { AnsweredCall } from '../../transports/responder.js';
import type { CallSession } from './call-session.js';
import {
  type ChargedOutcome,
  type ChargeOverrides,
  isSkipped,
  type PreparedCharges,
  prepareCharges,
} from './charge-builder.js';
import { DelayedCalls } from './delayed-calls.js';
import { deny } from './denial-message.js';
import { outageMessage, type ThrottleEvent } from './events.js';
import { watchForLateUser } from './late-user-warning.js';
import type { RuntimeSettings } from './runtime-settings.js';
import type { SessionStore } from './session-store.js';

/** How a call is charged and answered: whether it goes on. */
type Admit = (limits: readonly CompiledLimit[], call: AnsweredCall, state: CallSession) => Awaitable<boolean>;

const NOTHING_ASKED: ChargeOverrides = {};
const NOTHING: ChargedOutcome = { outcome: NOTHING_TO_CHARGE, charges: [], limits: [] };

/** Limits calls: finds out what they are charged, has the backend decide, and answers. */
export class CallLimiter {
  readonly events = new Subject<ThrottleEvent>();
  /** Stands for what is asked outside any call. */
  readonly noCall: AnsweredCall;
  readonly #held: DelayedCalls;

  constructor(
    readonly settings: RuntimeSettings,
    private readonly calls: SessionStore,
  ) {
    this.noCall = new DetachedCall(settings);
    this.#held = new DelayedCalls(settings.clock);
    settings.backend.listen?.((event) => {
      const message = outageMessage(event);
      if (message !== undefined) settings.warn(message);
      this.events.next(event);
    });
  }

  /** The guard's question: charges what the handler's plan says, once a request and handler. Throws when denied. */
  enter(context: ExecutionContext, admit: Admit = this.#charge): Awaitable<boolean> {
    const { state, plan } = this.calls.of(context);
    const known = state.admissionTo(plan);
    if (known !== undefined) return known;
    const { call } = state;
    if (plan.guarded.length === 0 || call === undefined) return true;
    if (plan.userPaths.length > 0) watchForLateUser(plan, call, this.settings.warn);
    const admission = admit(plan.guarded, call, state);
    state.admit(plan, admission);
    return admission;
  }

  /** Charges, and tells what was decided. */
  spend(
    limits: readonly CompiledLimit[],
    call: AnsweredCall,
    asked: ChargeOverrides,
    state: CallSession | undefined,
  ): Awaitable<ChargedOutcome> {
    const evaluation = this.#evaluate(this.#spends, limits, call, asked);
    return isNativePromise(evaluation)
      ? evaluation.then((found) => this.conclude(found, call, state))
      : this.conclude(evaluation, call, state);
  }

  /** Remembers and tells what was decided. */
  conclude(evaluation: ChargedOutcome, call: AnsweredCall, state: CallSession | undefined): ChargedOutcome {
    const { outcome, charges } = evaluation;
    const wasDenied = state?.latest?.allowed === false;
    state?.remember(charges, outcome);
    if (!outcome.allowed && this.events.observed) {
      const handler = state?.plan && { handler: state.plan.label };
      this.events.next({ type: 'denied', outcome, charges, ...handler });
    }
    if (state !== undefined) call.decided(outcome, state.decisions, wasDenied);
    return evaluation;
  }

  /** The answer that `spend` would give; nothing is written anywhere. */
  peek(limits: readonly CompiledLimit[], call: Call, asked: ChargeOverrides): Awaitable<Outcome> {
    return chain(
      this.#evaluate((charges) => this.settings.backend.peek(charges), limits, call, asked),
      ({ outcome }) => outcome,
    );
  }

  /** The decisions as they stand, each with the wait of a cost of 1; in one read. */
  standing(limits: readonly CompiledLimit[], call: Call, asked: ChargeOverrides): Awaitable<readonly Decision[]> {
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

  /** Goes on with an allowed call, after its delay; answers a denied one, by an exception where its transport has it so. */
  admit(call: AnsweredCall, evaluation: ChargedOutcome): Awaitable<boolean> {
    const goesOn = this.answer(call, evaluation);
    if (isPromise(goesOn)) return goesOn.then((so) => so && this.hold(call, evaluation.outcome));
    return goesOn && this.hold(call, evaluation.outcome);
  }

  /** Whether a call goes on; one that does not is answered. */
  answer(call: AnsweredCall, evaluation: ChargedOutcome): Awaitable<boolean> {
    const { outcome } = evaluation;
    if (outcome.degraded === 'deny') return call.unavailable(this.settings.unavailableForMs());
    if (!outcome.allowed) return deny(call, evaluation, this.settings);
    if (outcome.decisions.length > 0) call.admitted();
    return true;
  }

  /** Holds an admitted call for as long as its decisions say. */
  hold(call: AnsweredCall, { decisions }: Outcome): Awaitable<true> {
    let delayMs = 0;
    for (const decision of decisions) delayMs = Math.max(delayMs, decision.delayMs);
    return delayMs === 0 ? true : this.#held.hold(delayMs, call);
  }

  /** Turns away the calls that are held. */
  close(): void {
    this.#held.close();
  }

  readonly #spends = (charges: readonly Charge[]) => this.settings.backend.spend(charges);

  readonly #charge: Admit = (limits, call, state) => {
    const evaluation = this.#evaluate(this.#spends, limits, call, NOTHING_ASKED);
    return isNativePromise(evaluation)
      ? evaluation.then((found) => this.admit(call, this.conclude(found, call, state)))
      : this.admit(call, this.conclude(evaluation, call, state));
  };

  #evaluate(
    decide: (charges: readonly Charge[]) => Awaitable<Outcome>,
    limits: readonly CompiledLimit[],
    call: Call,
    asked: ChargeOverrides,
  ): Awaitable<ChargedOutcome> {
    const { skip } = this.settings;
    if (skip === undefined) return decided(decide, prepareCharges(limits, call, asked));
    return chain(isSkipped(skip, call, 'ThrottleModule'), (skipped) =>
      skipped ? NOTHING : decided(decide, prepareCharges(limits, call, asked)),
    );
  }
}

function decided(
  decide: (charges: readonly Charge[]) => Awaitable<Outcome>,
  charged: Awaitable<PreparedCharges>,
): Awaitable<ChargedOutcome> {
  // What most calls come to, with a backend in the process: no promise, and no closure.
  if (isNativePromise(charged)) return charged.then((found) => decided(decide, found));
  const { charges, limits } = charged;
  if (charges.length === 0) return NOTHING;
  const outcome = decide(charges);
  // A backend of one's own may answer with something that is no promise but for its `then`.
  return isPromise(outcome)
    ? Promise.resolve(outcome).then((found) => ({ outcome: found, charges, limits }))
    : { outcome, charges, limits };
}
