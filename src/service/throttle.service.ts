import type { Observable } from 'rxjs';
import type { Awaitable } from '../core/awaitable.js';
import { noteInjectable } from '../core/copies.js';
import { assertCost, bindingOf, type Decision, type Outcome, UNITS } from '../core/decision.js';
import { ThrottleConfigError } from '../core/errors.js';
import type { LimitName, PolicyName } from '../core/literals/policy-name.js';
import type { Policy } from '../core/policy.js';
import type { PlanLookup } from '../planning/plans/plan-lookup.js';
import { enforced, everyPlan } from '../planning/policy-source.js';
import { withContext } from '../transports/call.js';
import { DetachedCall } from '../transports/http/detached-call.js';
import { type SubjectOf, subjectsUnder } from '../transports/identity/subject.js';
import { credit, debit } from './adjustments.js';
import type { BudgetReservations } from './budgets/budget-reservations.js';
import { NamedBudgets } from './budgets/named-budgets.js';
import type { CallLimiter } from './calls/call-limiter.js';
import { prepareCharges } from './calls/charges/charge-builder.js';
import type { GivenValues } from './calls/charges/charge-parts.js';
import { type ChargedOutcome, outcomeOf } from './calls/charges/prepared-charges.js';
import { isByOutcome } from './calls/ends/outcome-settlements.js';
import type { ThrottleEvent } from './calls/events.js';
import { holdsUntilEnd } from './calls/permits/call-permits.js';
import type { Run } from './calls/permits/run-permits.js';
import type { SessionResolver } from './calls/session-resolver.js';
import { runCharged } from './charged-run.js';
import { assertCollectable, assertContextRead, assertOutcomeSeen } from './limit-checks.js';
import { type LimitLookup, withCost } from './limit-lookup.js';
import { PlainCharges } from './plain-charges.js';
import type { RuntimePolicies } from './policies/runtime-policies.js';
import { Refunds } from './refunds.js';
import {
  type CallOptions,
  methodPlace,
  type PolicyCharge,
  parseAdjustmentArguments,
  parseChargeArguments,
  parseOptions,
  parseRunArguments,
  parseTallyArguments,
  type RunOptions,
  type ServiceRequest,
  type ServiceTarget,
} from './service-arguments.js';
import { Tallies, type Tally } from './tally.js';
import { ThrottleBlocks } from './throttle-blocks.js';
import type { ThrottleOverrides } from './throttle-overrides.js';
import { ThrottlePlans } from './throttle-plans.js';

/**
 * Limits calls by hand: in handlers, in services that they call, in later guards; with a `subject` anywhere. Without a
 * policy, a method uses the limits on the handler's method, or else those on its class; if some of these are `manual`,
 * only those. A name is that of a policy of the module, or of a limit of the handler. The costs are added to the
 * charges of the guard. Several policies are decided together: all of them are charged or none.
 *
 * All methods reject with a RangeError for a cost that is not a safe integer of at least 0, and with a
 * ThrottleConfigError for an unknown policy, or if a handler is needed and there is none.
 */
export class ThrottleService {
  static {
    noteInjectable(ThrottleService);
  }

  /** Denials, violations, policy changes, unknown plans, outages, and subjects that share a budget if memory is full. */
  readonly events$: Observable<ThrottleEvent>;
  /**
   * The number of calls that each policy would have denied in this process while its mode was `monitor`, by policy
   * name. The map is live; policies without violations are missing.
   *
   * @example
   * for (const [policy, count] of throttle.violations) gauge.set({ policy }, count);
   */
  readonly violations: ReadonlyMap<string, number>;
  /**
   * The number of calls, refunds and resets that failed at the backend in this process, by error code: `TIMEOUT`,
   * `CONNECTION`, `NOAUTH`, ... Calls that `onError` decided while the circuit was open are not counted.
   *
   * @example
   * for (const [code, count] of throttle.failures) gauge.set({ code }, count);
   */
  readonly failures: ReadonlyMap<string, number>;
  /** Returns subjects in the form of the built-in `by`, with the `ipv6Prefix` of this application. */
  readonly subjectOf: SubjectOf;
  /** The plans of clients, if the module has any. */
  readonly plans: ThrottlePlans;
  /** Blocks of subjects under policies with the option `block`. */
  readonly blocks: ThrottleBlocks;
  /** The responder outside any call. */
  readonly #detached: DetachedCall;
  readonly #plain: PlainCharges;
  readonly #refunds: Refunds;
  readonly #tallies: Tallies;
  readonly #budgets: NamedBudgets;

  constructor(
    private readonly limiter: CallLimiter,
    private readonly sessions: SessionResolver,
    private readonly lookup: LimitLookup,
    /** Changes the policies of the module at run time. */
    readonly policies: RuntimePolicies,
    plans: PlanLookup | undefined,
    /** Rates for single subjects, set at run time. */
    readonly overrides: ThrottleOverrides,
  ) {
    assertProvided(limiter);
    const { errors, backend, ipv6Prefix, warn } = limiter.settings;
    this.events$ = limiter.events.stream;
    this.violations = limiter.events.violations;
    this.failures = limiter.settings.failures;
    this.subjectOf = subjectsUnder(() => ipv6Prefix);
    this.plans = new ThrottlePlans(sessions, plans);
    this.#detached = new DetachedCall(errors);
    this.#plain = new PlainCharges(lookup, sessions, limiter);
    this.#refunds = new Refunds(backend);
    this.#tallies = new Tallies(warn);
    this.blocks = new ThrottleBlocks(backend, {
      call: this.#detached,
      find: (method, policy) => this.lookup.find(method, policy, this.sessions.current()?.handlerLimits),
    });
    this.#budgets = new NamedBudgets(lookup.budgets, limiter, this.#detached, (request) => this.#callOf(request));
  }

  /**
   * Charges the call, delays it if a policy does so, and throws a ThrottleException (429) if it is denied. On a socket
   * a denial does not throw: the client receives the `rate_limit` message, and the outcome is not `allowed`. If a delay
   * is interrupted because the client has gone or the application closes, it throws an HttpException (499 or 503), also
   * on sockets.
   *
   * @example
   * await this.throttle.hit(3);                                          // the handler's own limits
   * await this.throttle.hit('upload', bytes);                            // a policy of the module
   * await this.throttle.hit([{ policy: 'calls' }, { policy: 'elements', cost: n }]); // several, all or none
   * await this.throttle.hit('mail', 1, { subject: subjectOf.user(42) }); // outside any request
   */
  hit(cost?: number, on?: CallOptions): Promise<Outcome>;
  hit(policy: LimitName | Policy, cost?: number, on?: CallOptions): Promise<Outcome>;
  hit(charges: readonly PolicyCharge[], on?: CallOptions): Promise<Outcome>;
  hit(...args: unknown[]): Promise<Outcome> {
    try {
      const plain = this.#plain.charge('hit', args, this.#bindDetached);
      if (plain !== undefined) return plain;
      const request = parseChargeArguments('hit', args);
      return this.#hit(request, this.#resolveToCharge(request));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  readonly #bindDetached = (charged: Awaitable<ChargedOutcome>): Promise<Outcome> =>
    this.limiter.bind(charged, this.#detached, this.#detached);

  #hit(given: GivenValues, { limits, call, session }: ServiceTarget): Promise<Outcome> {
    const charged = this.limiter.charge(limits, call, given, session);
    return this.limiter.bind<unknown>(charged, call, session?.responder ?? this.#detached);
  }

  /** Charges the call and returns the outcome. Does not throw for a denial, and does not delay. */
  consume(cost?: number, on?: CallOptions): Promise<Outcome>;
  consume(policy: LimitName | Policy, cost?: number, on?: CallOptions): Promise<Outcome>;
  consume(charges: readonly PolicyCharge[], on?: CallOptions): Promise<Outcome>;
  consume(...args: unknown[]): Promise<Outcome> {
    // Not an async function: most outcomes are available at once, and suspending would cost as much as the charge
    // itself.
    try {
      return this.#plain.charge('consume', args, outcomeOf) ?? outcomeOf(this.#charge(args));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #charge(args: readonly unknown[]): Awaitable<ChargedOutcome> {
    const request = parseChargeArguments('consume', args);
    const { limits, call, session } = this.#resolveToCharge(request);
    return this.limiter.charge(limits, call, request, session);
  }

  /**
   * Charges a policy, runs a function (a job, an outbound call, a command), and settles the charge depending on how it
   * ends. If the charge is denied, also on sockets, throws a ThrottleException (429) and does not run the function.
   * Rethrows exceptions of the function. Resolves when the charge is settled. Under a policy with `concurrency`, holds
   * permits while the function runs.
   *
   * @param options `cost` and `chargeWhen` (see `RunOptions`), and those of `hit`
   * @example
   * await this.throttle.run('mail', { subject: subjectOf.user(42), chargeWhen: 'success' }, () => mailer.send(letter));
   * await this.throttle.run('llm', { cost: 1000, chargeWhen: ({ value }) => tokensIn(value) }, () => llm.complete(prompt));
   */
  async run<T>(policy: LimitName | Policy, options: RunOptions, fn: (run: Run) => Awaitable<T>): Promise<T> {
    const request = parseRunArguments(policy, options, fn);
    return runCharged(this.limiter, this.#resolve(request), request, this.#detached, fn);
  }

  /**
   * Opens a tally, which collects costs and charges them once or never. See `Tally`.
   *
   * @throws ThrottleConfigError like `hit`, but synchronously
   */
  tally(policy: LimitName | Policy, on?: CallOptions): Tally {
    const request = parseTallyArguments(policy, on);
    const target = this.#resolveToCharge(request);
    assertCollectable(methodPlace('tally', policy), target.limits);
    const { subject, context } = request;
    return this.#tallies.open({
      place: methodPlace('tally', policy),
      budget: [target.limits, subject, context?.scope, subject === undefined ? target.session : undefined],
      charge: (cost) => this.#hit({ cost, subject }, target),
    });
  }

  /**
   * Returns a token budget of the module, to reserve its units. See `BudgetReservations`.
   *
   * @throws ThrottleConfigError for an unknown name
   * @example
   * const hold = await this.throttle.budget('llm').reserve(2000);
   * await hold.settle(answer.usage.total);
   */
  budget(name: PolicyName): BudgetReservations {
    return this.#budgets.get(name);
  }

  /** Returns true if the cost would pass. Writes nothing. */
  check(cost?: number, on?: CallOptions): Promise<boolean>;
  check(policy: LimitName | Policy, cost?: number, on?: CallOptions): Promise<boolean>;
  check(charges: readonly PolicyCharge[], on?: CallOptions): Promise<boolean>;
  async check(...args: unknown[]): Promise<boolean> {
    const request = parseChargeArguments('check', args);
    const { limits, call } = this.#resolve(request);
    return (await this.limiter.peek(limits, call, request)).allowed;
  }

  /** Returns the binding decision now, with the wait for a cost of 1; `null` if nothing limits it. Writes nothing. */
  async stat(policy?: LimitName | Policy, on?: CallOptions): Promise<Decision | null> {
    const request = parseOptions('stat', policy, on);
    const { limits, call } = this.#resolve(request);
    return bindingOf(await this.limiter.state(limits, call, request));
  }

  /**
   * Gives the units of an outcome back to their budgets: all, or `units` of each charge, but never more than it took.
   */
  async refund({ receipt }: Outcome, ...given: readonly [units?: number]): Promise<void> {
    const [units] = given;
    if (given.length > 0) assertCost(units, 'refund()', UNITS);
    if (receipt !== undefined) await this.#refunds.refund(receipt, units);
  }

  /**
   * Charges the call in full, even above the limit, and never denies it: for penalties, or usage that is known only
   * later. Units above the limit drain, or count until their window is over; until then calls are denied. Also charges
   * a blocked subject.
   *
   * @param cost units, a safe integer of at least 0
   * @throws BackendError in an outage under `onError: 'deny'`; then nothing is charged
   * @example
   * await this.throttle.debit('tokens', used, { subject: subjectOf.user(42) });
   */
  async debit(policy: LimitName | Policy, cost: number, on?: CallOptions): Promise<Outcome> {
    const request = parseAdjustmentArguments('debit', policy, cost, on);
    return debit(this.limiter, this.#resolve(request), request);
  }

  /**
   * Returns units without the outcome of the call that took them: a reward, or a correction. Returns the most recent
   * units first, and never more than were taken. Does not end a block.
   *
   * @param units a safe integer of at least 0
   * @throws ThrottleConfigError for a policy with a `lease`
   * @example
   * await this.throttle.credit('exports', 3, { subject: subjectOf.user(42) });
   */
  async credit(policy: LimitName | Policy, units: number, on?: CallOptions): Promise<void> {
    const request = parseAdjustmentArguments('credit', policy, units, on, UNITS);
    await credit(this.limiter, this.#resolve(request), request);
  }

  /**
   * Resets the budgets of the call, under all plans and modes: all of their units are available again. The charges of
   * the call itself are then no longer settled when it ends.
   */
  async reset(policy?: LimitName | Policy, on?: CallOptions): Promise<void> {
    const request = parseOptions('reset', policy, on);
    const { limits, call, session } = this.#resolve(request);
    const all = limits.map((limit) => ({
      ...limit,
      skip: undefined,
      policies: enforced(everyPlan(limit.policies)),
    }));
    const { charges } = await prepareCharges(all, call, { subject: request.subject, cost: 1 });
    if (session !== undefined) this.limiter.outcomes.forget(session, charges);
    await this.limiter.settings.backend.reset(charges);
  }

  /** @throws ThrottleConfigError for a limit with `chargeWhen` if the end of the call cannot be observed */
  #resolveToCharge(request: ServiceRequest): ServiceTarget {
    const target = this.#resolve(request);
    for (const limit of target.limits) {
      if (isByOutcome(limit)) assertOutcomeSeen(request.method, limit, target.session);
      if (limit.concurrency !== undefined && target.session?.watchEnd() === undefined) {
        throw holdsUntilEnd(request.method, limit.name);
      }
    }
    return target;
  }

  #callOf({ method, on, response, context }: ServiceRequest): Pick<ServiceTarget, 'call' | 'session'> {
    const session = on === undefined ? this.sessions.current() : this.sessions.named(method, on, response);
    const call = session?.call ?? this.#detached;
    return { call: context === undefined ? call : withContext(call, { ...call.context, ...context }), session };
  }

  #resolve(request: ServiceRequest): ServiceTarget {
    const { method, policy, charges } = request;
    const { call, session } = this.#callOf(request);
    const handlerLimits = session?.handlerLimits;
    const limits =
      charges === undefined
        ? this.lookup.find(method, policy, handlerLimits)
        : charges.flatMap((charge) => withCost(this.lookup.find(method, charge.policy, handlerLimits), charge.cost));
    // Startup has checked the contexts of the limits, but not one that is passed here. If there is a subject, no `by`
    // reads it.
    if (request.context !== undefined && request.subject === undefined) assertContextRead(method, limits, call);
    return { limits, call, session };
  }
}

/** Throws if Nest created the service as a provider of the application, for which it has no arguments. */
function assertProvided(limiter: CallLimiter | undefined): void {
  if (limiter !== undefined) return;
  throw new ThrottleConfigError(
    'SLUICE_MISSING_FOR_ROOT',
    'ThrottleService: only ThrottleModule.forRoot() provides it. Remove it from the `providers` of your modules; without isGlobal: false, all modules can inject it.',
  );
}
