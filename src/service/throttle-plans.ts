import type { ExecutionContext } from '@nestjs/common';
import { invalidArgument, ThrottleConfigError } from '../core/errors.js';
import { isObject } from '../planning/option-checks.js';
import type { PlanLookup } from '../planning/plans/plan-lookup.js';
import type { Call } from '../transports/call.js';
import type { SessionResolver } from './calls/session-resolver.js';

/** The plans of clients: `ThrottleService.plans`. All methods need the module's option `plans`. */
export class ThrottlePlans {
  readonly #lookup: PlanLookup | undefined;

  /** @param lookup undefined if the application has no plans */
  constructor(
    private readonly sessions: SessionResolver,
    lookup: PlanLookup | undefined,
  ) {
    this.#lookup = lookup;
  }

  /**
   * Returns the plan of a call: the result of `plans.of`, or the default. The result of an asynchronous `of` is cached
   * per user (`cacheMs`); for a call without a user it is called each time.
   *
   * @param on a call as passed to functions of the options, an execution context, a request or a socket. Default: the
   *   call being handled
   * @throws ThrottleConfigError if the options have no plans, for an invalid argument, and outside any call
   * @example
   * const plan = await this.throttle.plans.of(request);
   */
  async of(on?: Call | ExecutionContext | object): Promise<string> {
    const lookup = this.#lookupFor('plans.of()');
    const call = this.#callOf(on);
    const { scope } = call.context;
    const request = { charged: undefined, given: undefined, scope, isFinal: true };
    return (await lookup.find(call, request)) ?? lookup.default;
  }

  /**
   * Drops the cached plan of a subject in this process, so that `plans.of` is called again for the next call. Call it
   * in every process when the plan of a client changes, or wait for `cacheMs`.
   *
   * @param subject the subject that policies charge; `subjectOf` returns those of the built-in `by`
   * @throws ThrottleConfigError if the options have no plans, and for a value that is not a subject
   * @example
   * this.throttle.plans.forget(subjectOf.user(42));
   */
  forget(subject: string): void {
    const lookup = this.#lookupFor('plans.forget()');
    if (typeof subject !== 'string' || subject === '') {
      throw invalidArgument('plans.forget(): subject', 'a subject, a string that is not empty', subject);
    }
    lookup.forget(subject);
  }

  #callOf(on: Call | ExecutionContext | object | undefined): Call {
    if (on !== undefined) return isCall(on) ? on : this.sessions.named('plans.of', on, undefined).call;
    const session = this.sessions.current();
    if (session !== undefined) return session.call;
    throw new ThrottleConfigError(
      'SLUICE_NO_CALL',
      'plans.of(): there is no call here. Pass one: plans.of(request), or plans.of(context) with an execution context or a socket.',
    );
  }

  #lookupFor(place: string): PlanLookup {
    if (this.#lookup !== undefined) return this.#lookup;
    throw new ThrottleConfigError(
      'SLUICE_NOT_CONFIGURED',
      `${place}: the options have no plans. Add them: ThrottleModule.forRoot({ plans: { of, default, tiers } }).`,
    );
  }
}

function isCall(on: unknown): on is Call {
  return isObject(on) && 'context' in on && 'type' in on && typeof on.type === 'string';
}
