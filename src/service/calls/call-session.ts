import { AsyncLocalStorage } from 'node:async_hooks';
import type { Awaitable } from '../../core/awaitable.js';
import { bindingOf, type Charge, type Decision, type Outcome } from '../../core/decision.js';
import type { HandlerLimits } from '../../planning/handler-limits.js';
import type { AnsweredCall } from '../../transports/responder.js';

/** Whether a call goes on to a handler, and to those that it reached before. */
interface Admission {
  readonly plan: HandlerLimits;
  readonly goesOn: Awaitable<boolean>;
  readonly before: Admission | undefined;
}

/** What is remembered of a call while it is handled. */
export class CallSession {
  call: AnsweredCall | undefined;
  /** The handler's plan; unknown until the guard or the interceptor has run. */
  plan: HandlerLimits | undefined;
  /** How the latest evaluation ended. */
  latest: Outcome | undefined;
  #charges: readonly Charge[] = [];
  #decisions: readonly Decision[] = [];
  #admission: Admission | undefined;

  /** @param target whose state it is: a request, or a message's arguments */
  constructor(readonly target?: object) {}

  /**
   * The decisions on this call, one a policy, in the order in which they first came: the latest, or, where a policy was
   * charged to several subjects, the strictest.
   */
  get decisions(): readonly Decision[] {
    return this.#decisions;
  }

  /** Whether the call goes on to a handler, once it has been asked for: a guard bound twice charges once. */
  admissionTo(plan: HandlerLimits): Awaitable<boolean> | undefined {
    let known = this.#admission;
    while (known !== undefined && known.plan !== plan) known = known.before;
    return known?.goesOn;
  }

  admit(plan: HandlerLimits, goesOn: Awaitable<boolean>): void {
    this.#admission = { plan, goesOn, before: this.#admission };
  }

  remember(charges: readonly Charge[], outcome: Outcome): void {
    this.latest = outcome;
    const client = this.call?.client;
    if (client !== undefined) ofSockets.set(client, outcome);
    if (this.#decisions.length === 0) {
      this.#charges = charges;
      this.#decisions = outcome.decisions;
      return;
    }
    const budgets = [...this.#charges];
    const decisions = [...this.#decisions];
    charges.forEach((charge, i) => {
      const decision = outcome.decisions[i];
      if (decision === undefined) return;
      const known = budgets.findIndex(({ policy }) => policy.id === charge.policy.id);
      const before = decisions[known];
      const isOfAnother = before !== undefined && budgets[known]?.subject !== charge.subject;
      const at = known < 0 ? budgets.length : known;
      budgets[at] = charge;
      decisions[at] = isOfAnother ? (bindingOf([before, decision]) ?? decision) : decision;
    });
    this.#charges = budgets;
    this.#decisions = decisions;
  }
}

const current = new AsyncLocalStorage<CallSession>();
const STATE = Symbol('nestjs-sluice: state');
type Target = object & { [STATE]?: CallSession };
/** Of what takes no member. */
const ofOthers = new WeakMap<object, CallSession>();
/** How the latest evaluation on a socket ended, of its messages or by hand. */
const ofSockets = new WeakMap<object, Outcome>();

/** Runs `next` within a call, which `currentCall` then finds. */
export function openCall<T>(target: object, next: () => T): T {
  return current.run(sessionOf(target), next);
}

/** The call being handled, if there is one. */
export function currentCall(): CallSession | undefined {
  return current.getStore();
}

/** What is remembered of a request, or of a socket's message by its arguments; from the first time it is asked for. */
export function sessionOf(target: Target): CallSession {
  const found = target[STATE];
  if (found?.target === target) return found;
  // A copy of a request, or what inherits from one, is another request.
  if (found !== undefined || !Object.isExtensible(target)) return stateOfOther(target);
  const state = new CallSession(target);
  // A member, since a map of requests outlives them for the garbage collector, and costs it more than all the rest of a call.
  return tookMember(target, state) ? state : stateOfOther(target);
}

/** Whether a target has its state as a member now. A Proxy may refuse it, or hand it to the request that another state is of. */
function tookMember(target: Target, state: CallSession): boolean {
  try {
    target[STATE] = state;
    return target[STATE] === state;
  } catch {
    return false;
  }
}

function stateOfOther(target: object): CallSession {
  const known = ofOthers.get(target);
  if (known !== undefined) return known;
  const state = new CallSession(target);
  ofOthers.set(target, state);
  return state;
}

function knownOf(target: Target): CallSession | undefined {
  const found = target[STATE];
  return found?.target === target ? found : ofOthers.get(target);
}

function latestOn(target: object): Outcome | undefined {
  return knownOf(target)?.latest ?? ofSockets.get(target);
}

/** Whether the latest evaluation on a request or socket ended in a denial. */
export function isThrottled(target: object): boolean {
  return latestOn(target)?.allowed === false;
}

/** The longest wait, in milliseconds, of the latest evaluation on a request or socket: 0 when allowed, or when nothing could decide; `null`: never. */
export function throttleWait(target: object): number | null {
  const outcome = latestOn(target);
  if (outcome === undefined || outcome.allowed || outcome.binding === null) return 0;
  return outcome.binding.retryAfterMs;
}
