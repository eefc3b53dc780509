import { type Awaitable, isPromise } from '../../core/awaitable.js';
import type { Clock } from '../../core/clock.js';
import { Emitter } from '../../core/emitter.js';
import { describeValue, suggest } from '../../core/errors.js';
import { mapKey } from '../../core/key.js';
import type { Call } from '../../transports/call.js';
import type { FunctionDeadlines } from '../../transports/functions/function-deadlines.js';
import { FunctionTimeoutException } from '../../transports/functions/function-timeout.exception.js';
import { type FoundPlan, PlanCache } from './plan-cache.js';
import { holderOf, holderOutside, type PlanHolder, type PlanRequest } from './plan-holder.js';
import { PLANS, type PlanOptions } from './plan-options.js';

/**
 * An event of the look-up of plans: `plans.of` failed, or returned an unknown name.
 *
 * @example
 * throttle.events$.subscribe((event) => {
 *   if (event.type === 'plan-failed') logger.error(event.error);
 * });
 */
export type PlanEvent =
  /** `plans.of` returned the name of no plan, so the default plan applies. Emitted once per name. */
  | { readonly type: 'unknown-plan'; readonly plan: string }
  /** `plans.of` failed. `plan` applies: the last known plan of the subject, or else the default. */
  | { readonly type: 'plan-failed'; readonly error: unknown; readonly plan: string; readonly subject?: string };

interface PendingPlan {
  readonly isFinal: boolean;
  readonly plan: Promise<FoundPlan>;
}

/** The parts of the application that a look-up uses. */
export interface PlanEnvironment {
  readonly clock: Clock;
  readonly warn: (message: string) => void;
  readonly deadlines: FunctionDeadlines;
}

const CACHE_MS = 30_000;
/** The largest number of unknown names that are reported. */
const MAX_UNKNOWN = 1000;
/** The minimum time between two warnings that `of` fails. */
const WARNING_INTERVAL_MS = 60_000;

/** Looks up the plan of a call. The result is always one of the plans, even if the user's function throws. */
export class PlanLookup {
  readonly events = new Emitter<PlanEvent>();
  readonly default: string;
  readonly #names: ReadonlySet<string>;
  readonly #cache: PlanCache;
  /** Running look-ups that are not cached, by call: the limits of a call share one. */
  readonly #pending = new WeakMap<Call, PendingPlan>();
  readonly #unknown = new Set<string>();
  /** True from the first promise on. Until then nothing is cached, so the caller of a call need not be known. */
  #isAsynchronous = false;
  #warnedAtMs = Number.NEGATIVE_INFINITY;

  /** @param options checked options */
  constructor(
    private readonly options: PlanOptions,
    private readonly environment: PlanEnvironment,
  ) {
    this.default = options.default;
    // Only own properties: an inherited name such as `constructor` is not a plan.
    this.#names = new Set(Object.keys(options.tiers));
    this.#cache = new PlanCache(options.cacheMs ?? CACHE_MS, environment.clock);
  }

  /** Returns the plan of a call; undefined in the guard phase if it is not known yet. */
  find(call: Call, request: PlanRequest): Awaitable<FoundPlan> {
    const known = this.#isAsynchronous ? this.#known(call, request) : null;
    return known === null ? this.#ask(call, request) : known;
  }

  /** Drops the cached plan of a subject. */
  forget(subject: string): void {
    this.#cache.forget(subject);
  }

  /** Returns the cached plan or the running look-up; `null` if there is neither. */
  #known(call: Call, request: PlanRequest): Awaitable<FoundPlan> | null {
    const holder = holderOf(call, request);
    if (holder === undefined) {
      const pending = this.#pending.get(call);
      return pending?.isFinal === request.isFinal ? pending.plan : null;
    }
    const known = this.#cache.get(holder, request.isFinal);
    const answered = this.#cacheHolder(call, request, holder);
    return known !== null || answered === undefined || answered === holder
      ? known
      : this.#cache.get(answered, request.isFinal);
  }

  #ask(call: Call, request: PlanRequest): Awaitable<FoundPlan> {
    let answer: ReturnType<PlanOptions['of']>;
    try {
      answer = this.options.of(call, request.given);
    } catch (error) {
      return this.#recover(error, undefined, request);
    }
    return isPromise(answer) ? this.#keep(answer, call, request) : this.#planOf(answer, request.isFinal);
  }

  #keep(answer: Promise<string | null | undefined>, call: Call, request: PlanRequest): Promise<FoundPlan> {
    this.#isAsynchronous = true;
    const found = holderOf(call, request);
    const holder = found && this.#cacheHolder(call, request, found);
    const bounded = this.environment.deadlines.bound(answer, { place: PLANS }, 'of');
    const plan = Promise.resolve(bounded).then((name) => this.#planOf(name, request.isFinal));
    const recover = (error: unknown, lastKnown?: FoundPlan) =>
      this.#recover(error, lastKnown, request, holder?.subject);
    if (holder !== undefined) return this.#cache.keep(holder, request.isFinal, plan, recover);
    const shared = plan.catch(recover).finally(() => {
      if (this.#pending.get(call)?.plan === shared) this.#pending.delete(call);
    });
    if (request.given === undefined) this.#pending.set(call, { isFinal: request.isFinal, plan: shared });
    return shared;
  }

  /** Returns the holder under whom the result of `of` is cached. */
  #cacheHolder(call: Call, { given }: PlanRequest, holder: PlanHolder): PlanHolder | undefined {
    return given === undefined || this.options.of.length > 1 ? holder : holderOutside(call, holder);
  }

  #planOf(name: unknown, isFinal: boolean): FoundPlan {
    if (name === undefined || name === null) return isFinal ? this.default : undefined;
    if (typeof name === 'string' && this.#names.has(name)) return name;
    this.#reportUnknown(typeof name === 'string' ? name : describeValue(name));
    return this.default;
  }

  #recover(error: unknown, lastKnown: FoundPlan, { isFinal }: PlanRequest, subject?: string): FoundPlan {
    // A look-up that timed out says nothing about the client, whom the default plan might not limit.
    if (lastKnown === undefined && error instanceof FunctionTimeoutException) throw error;
    // In the guard phase the limit is deferred and `of` is called again later, when the user may be known.
    if (lastKnown === undefined && !isFinal) return undefined;
    const plan = lastKnown ?? this.default;
    this.#warnOfFailure(error);
    this.events.emit({ type: 'plan-failed', error, plan, ...(subject !== undefined && { subject }) });
    return plan;
  }

  #warnOfFailure(error: unknown): void {
    const { clock, warn } = this.environment;
    const now = clock.now();
    if (now - this.#warnedAtMs < WARNING_INTERVAL_MS) return;
    this.#warnedAtMs = now;
    const reason = error instanceof Error ? error.message : describeValue(error);
    warn(
      `${PLANS}.of failed: ${reason}. Each client keeps its last known plan; all others have the plan "${this.default}".`,
    );
  }

  #reportUnknown(plan: string): void {
    const key = mapKey(plan);
    if (this.#unknown.has(key) || this.#unknown.size >= MAX_UNKNOWN) return;
    this.#unknown.add(key);
    const known = suggest(plan.slice(0, 80), [...this.#names]);
    this.environment.warn(
      `${PLANS}.of: there is no plan ${describeValue(plan)}, so "${this.default}" applies.${known}`,
    );
    this.events.emit({ type: 'unknown-plan', plan });
  }
}
