import type { Backend } from '../backends/backend.js';
import { type Awaitable, isPromise } from '../core/awaitable.js';
import { isCost, type Outcome } from '../core/decision.js';
import { scopedSubject } from '../core/key.js';
import type { CompiledLimit } from '../planning/compiled-limit.js';
import type { CallLimiter } from './calls/call-limiter.js';
import type { ChargedOutcome } from './calls/charges/prepared-charges.js';
import type { SessionResolver } from './calls/session-resolver.js';
import type { LimitLookup } from './limit-lookup.js';

/**
 * The most frequent uses of the service: a policy's name, a cost and a subject, outside of any call, under a policy of
 * one rate that nothing but its rate decides. Such a charge needs no request object, no call and no functions; and if
 * it is allowed, usually nothing follows from it. So it takes about as long as an awaited `spend` of the backend; with
 * the objects of the general path it took 1.3 times as long.
 */
export class PlainCharges {
  /** The module may exempt calls: its `skip` may need a call. */
  readonly #maySkip: boolean;
  readonly #backend: Backend;

  constructor(
    private readonly lookup: LimitLookup,
    private readonly sessions: SessionResolver,
    private readonly limiter: CallLimiter,
  ) {
    this.#maySkip = limiter.settings.skip !== undefined;
    this.#backend = limiter.settings.backend;
  }

  /**
   * Charges, and resolves with the outcome. Returns undefined for all other arguments, valid or not, and has charged
   * nothing then.
   *
   * @param conclude returns the outcome if something may follow from it: a denial, an event, a delay
   * @throws ThrottleConfigError for an unknown policy
   */
  charge(
    method: string,
    args: readonly unknown[],
    conclude: (charged: Awaitable<ChargedOutcome>) => Promise<Outcome>,
  ): Promise<Outcome> | undefined {
    // By index: destructuring an array is several times as expensive.
    const name = args[0];
    const cost = args[1];
    if (args.length !== 3 || typeof name !== 'string' || !isCost(cost) || cost === 0 || this.#maySkip) return undefined;
    const subject = onlySubjectIn(args[2]);
    if (subject === undefined || this.sessions.current() !== undefined) return undefined;
    const limits = this.lookup.find(method, name, undefined);
    const limit = limits[0];
    if (limit === undefined || limits.length > 1 || !isPlain(limit)) return undefined;
    const { fixed } = limit.policies;
    const policy = fixed?.[0];
    if (policy === undefined || fixed?.length !== 1) return undefined;
    const charges = [{ policy, subject: scopedSubject(undefined, subject), cost }];
    const answer = this.#backend.spend(charges);
    // `allowed` is read last: V8 then knows the hidden class of the answer, and does not look for a `then` on it (5 %).
    if (!isPromise(answer) && isUneventful(answer) && answer.allowed) return Promise.resolve(answer);
    return conclude(this.limiter.recordAnswer(answer, { charges, limits }));
  }
}

/** Returns true for an outcome that nothing has to be done about if it is allowed: no delay, and no event. */
function isUneventful({ decisions, degraded }: Outcome): boolean {
  const decision = decisions[0];
  if (degraded !== undefined || decision === undefined || decisions.length > 1) return false;
  return decision.delayMs === 0 && decision.mode === undefined && decision.reached === undefined;
}

/**
 * Returns true for a limit whose charge is that of its policy for every call. A change at run time may make it another
 * one.
 */
function isPlain({ policies, skip, overrides, quota, concurrency, chargeWhen, context }: CompiledLimit): boolean {
  const { mode, plans } = policies;
  const isFixed = mode === undefined && plans === undefined && overrides === undefined && quota === undefined;
  return (
    isFixed && skip === undefined && concurrency === undefined && chargeWhen === undefined && context === undefined
  );
}

/** Returns the subject of options that have nothing else, else undefined. */
function onlySubjectIn(options: unknown): string | undefined {
  if (typeof options !== 'object' || options === null || !('subject' in options)) return undefined;
  // An instance of a class may inherit options: the general path reads them.
  if (Object.getPrototypeOf(options) !== Object.prototype) return undefined;
  for (const member in options) if (member !== 'subject') return undefined;
  const { subject } = options;
  return typeof subject === 'string' && subject !== '' ? subject : undefined;
}
