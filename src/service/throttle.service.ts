import type { ExecutionContext } from '@nestjs/common';
import type { Observable } from 'rxjs';
import { isNativePromise } from '../core/awaitable.js';
import { assertCost, bindingOf, type Decision, type Outcome, type Receipt } from '../core/decision.js';
import { assertKnownMembers, invalidValue } from '../core/errors.js';
import type { Policy } from '../core/policy.js';
import type { CompiledLimit } from '../planning/compiled-limit.js';
import { isObject } from '../planning/option-checks.js';
import { type CallContext, withContext } from '../transports/call.js';
import type { AnsweredCall } from '../transports/responder.js';
import type { CallLimiter } from './calls/call-limiter.js';
import { parseCallReference } from './calls/call-reference.js';
import type { CallSession } from './calls/call-session.js';
import { type ChargedOutcome, type ChargeOverrides, prepareCharges } from './calls/charge-builder.js';
import type { ThrottleEvent } from './calls/events.js';
import type { SessionStore } from './calls/session-store.js';
import type { LimitLookup } from './limit-lookup.js';

/** Whom and what a direct use of the service is about. */
export interface CallOptions {
  /** An execution context, a request, or a socket. Default: the call being handled. */
  readonly on?: ExecutionContext | object;
  /** Who is charged, verbatim; `subjectOf` writes those of the built-in `by`. With it no call is needed. */
  readonly subject?: string;
  /** Given to the policies' functions as `call.context`. */
  readonly context?: CallContext;
}

interface ServiceRequest {
  readonly limits: readonly CompiledLimit[];
  readonly call: AnsweredCall;
  readonly state: CallSession | undefined;
  readonly asked: ChargeOverrides;
}

/**
 * Limits by hand: in handlers, in what they call, in later guards; with a `subject` anywhere.
 * Without a policy it is about the limits written on the handler's method, failing those on its class; of these only
 * the `manual` ones, if there are any. The costs come on top of what the guard took.
 *
 * All methods reject with a RangeError for a cost that is no safe integer of at least 0, and with a
 * ThrottleConfigError for a policy that nobody knows, or where there is no handler to speak of.
 */
export class ThrottleService {
  /** What happens: calls denied, new subjects sharing a budget for want of room, state started afresh. */
  readonly events$: Observable<ThrottleEvent>;
  /** What is left of receipts of which something was given back. */
  readonly #settled = new WeakMap<Receipt, Receipt>();

  constructor(
    private readonly limiter: CallLimiter,
    private readonly calls: SessionStore,
    private readonly book: LimitLookup,
  ) {
    this.events$ = limiter.events.asObservable();
  }

  /**
   * Charges; holds the call where a policy says so; throws a ThrottleException (429) when it is too much. On a socket it
   * does not throw: the client is sent the `rate_limit` message, and the outcome says so.
   *
   * @example
   * await this.throttle.hit(3);                                          // the handler's own limits
   * await this.throttle.hit('upload', bytes);                            // a policy of the module
   * await this.throttle.hit('mail', 1, { subject: subjectOf.user(42) }); // outside any request
   */
  hit(cost?: number, on?: CallOptions): Promise<Outcome>;
  hit(policy: string | Policy, cost?: number, on?: CallOptions): Promise<Outcome>;
  async hit(...args: unknown[]): Promise<Outcome> {
    const { limits, call, asked, state } = this.#question('hit', args);
    const evaluation = await this.limiter.spend(limits, call, asked, state);
    await this.limiter.admit(call, evaluation);
    return evaluation.outcome;
  }

  /** Charges and tells; never throws for a denial, and holds nothing. */
  consume(cost?: number, on?: CallOptions): Promise<Outcome>;
  consume(policy: string | Policy, cost?: number, on?: CallOptions): Promise<Outcome>;
  consume(...args: unknown[]): Promise<Outcome> {
    // Not an async function: most answers are there at once, and what it keeps to go on later costs as much as a hit.
    try {
      const { limits, call, asked, state } = this.#question('consume', args);
      const evaluation = this.limiter.spend(limits, call, asked, state);
      return isNativePromise(evaluation) ? evaluation.then(outcomeOf) : Promise.resolve(evaluation.outcome);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Whether that cost would pass. Writes nothing. */
  check(cost?: number, on?: CallOptions): Promise<boolean>;
  check(policy: string | Policy, cost?: number, on?: CallOptions): Promise<boolean>;
  async check(...args: unknown[]): Promise<boolean> {
    const { limits, call, asked } = this.#question('check', args);
    return (await this.limiter.peek(limits, call, asked)).allowed;
  }

  /**
   * The binding decision as it stands, with the wait of a cost of 1; `null` where nothing limits the call.
   * Writes nothing.
   */
  async stat(policy?: string | Policy, on?: CallOptions): Promise<Decision | null> {
    const { limits, call, asked } = this.#question('stat', [policy, undefined, on]);
    return bindingOf(await this.limiter.standing(limits, call, asked));
  }

  /** Gives back what an outcome took: all of it, or so many units of each charge. Never more than was taken. */
  async refund({ receipt }: Outcome, units?: number): Promise<void> {
    if (units !== undefined) assertCost(units, 'refund()');
    if (receipt === undefined) return;
    const before = this.#settled.get(receipt) ?? receipt;
    const costs = before.charges.map(({ cost }) => (units === undefined ? 0 : Math.max(0, cost - units)));
    const charges = before.charges.map((charge, i) => ({ ...charge, cost: costs[i] ?? 0 }));
    // Noted before the backend is asked: of two refunds at once the second starts from what the first leaves.
    this.#settled.set(receipt, { ...before, charges });
    await this.limiter.settings.backend.settle(before, costs);
  }

  /** Forgets what was charged. */
  async reset(policy?: string | Policy, on?: CallOptions): Promise<void> {
    const { limits, call, asked } = this.#question('reset', [policy, undefined, on]);
    const unskipped = limits.map((limit) => ({ ...limit, skip: undefined }));
    const { charges } = await prepareCharges(unskipped, call, { ...asked, cost: 1 });
    await this.limiter.settings.backend.reset(charges);
  }

  #question(method: string, args: readonly unknown[]): ServiceRequest {
    const isPolicyFirst = typeof args[0] === 'string' || typeof args[0] === 'object' || args.length > 2;
    const policy = isPolicyFirst ? args[0] : undefined;
    const cost = args[isPolicyFirst ? 1 : 0];
    const on = args[isPolicyFirst ? 2 : 1];
    // An argument that is there and undefined is a number that went missing, and not a wish for the default.
    const isMissing = cost === undefined && args.length > 0 && args.length === (isPolicyFirst ? 2 : 1);
    if (cost !== undefined || isMissing) assertCost(cost, `${method}()`);
    const options: CallOptions = on === undefined ? NO_OPTIONS : assertOptions(method, on);
    const state = this.#state(method, options);
    const call = state?.call ?? this.limiter.noCall;
    return {
      limits: this.book.find(method, policy, state?.plan),
      call: options.context === undefined ? call : withContext(call, { ...call.context, ...options.context }),
      state,
      asked: { cost, subject: options.subject },
    };
  }

  #state(method: string, { on }: CallOptions): CallSession | undefined {
    return on === undefined ? this.calls.current() : this.calls.named(parseCallReference(method, on));
  }
}

function outcomeOf({ outcome }: ChargedOutcome): Outcome {
  return outcome;
}

const NO_OPTIONS: CallOptions = {};
const OPTIONS = ['on', 'subject', 'context'];

function assertOptions(method: string, options: unknown): CallOptions {
  if (!isObject(options))
    throw invalidValue(`${method}()`, 'options { on?, subject?, context? } as the last argument', options);
  for (const member in options) {
    if (member !== 'subject' && member !== 'on' && member !== 'context')
      assertKnownMembers(`${method}()`, options, OPTIONS);
  }
  const { context = {} }: CallOptions = options;
  if (!isObject(context)) throw invalidValue(`${method}({ context })`, 'an object', context);
  return options;
}
