import { type Awaitable, isPromise } from '../../core/awaitable.js';
import { type Clock, systemClock } from '../../core/clock.js';
import { assertCost, type Charge, type Outcome, type Receipt } from '../../core/decision.js';
import { ThrottleConfigError } from '../../core/errors.js';
import type { FailureMode } from '../../core/policy.js';
import type { Strategy } from '../../strategies/strategy.js';
import type { Backend, Target } from '../backend.js';
import { BackendError } from '../backend-error.js';
import type { BackendEvent } from '../backend-events.js';
import { MemoryBackend } from '../memory/memory.backend.js';
import { assertSettlement } from '../settlement.js';
import { CircuitBreaker } from './circuit-breaker.js';

/** From the mildest to the strictest. */
const STRICTNESS: readonly FailureMode[] = ['allow', 'local', 'deny'];

/**
 * A remote backend that always has an answer: when it fails, the policies' `onError` says which. After five failures in
 * a row it is left alone, and asked again once a second until it answers. A mistake (a wrong cost, a wrong policy) is no
 * failure, and is thrown on.
 */
export class ResilientBackend implements Backend {
  readonly remote = true;
  readonly clock: Clock;
  readonly #breaker: CircuitBreaker;
  readonly #local: MemoryBackend;
  readonly #listeners: ((event: BackendEvent) => void)[] = [];
  /** What failed last, which the probe is about: elsewhere the backend may be well. */
  #failed: readonly Charge[] = [];

  /** @param onError what answers for policies that say nothing themselves */
  constructor(
    private readonly backend: Backend,
    private readonly onError: FailureMode,
  ) {
    this.clock = backend.clock ?? systemClock;
    this.#local = new MemoryBackend({ clock: this.clock });
    this.#breaker = new CircuitBreaker((event) => this.#tell(event));
    backend.listen?.((event) => this.#tell(event));
  }

  /** Milliseconds until the backend is asked again; 0 while it is asked. */
  get retryAfterMs(): number {
    return this.#breaker.retryAfterMs;
  }

  spend(charges: readonly Charge[]): Awaitable<Outcome> {
    return this.#answered('spend', charges);
  }

  peek(charges: readonly Charge[]): Awaitable<Outcome> {
    return this.#answered('peek', charges);
  }

  /** What the fallback took is given back there. Where the backend cannot be asked nothing is given back: an event says so. */
  settle(receipt: Receipt, costs: readonly number[]): Awaitable<void> {
    if (receipt.degraded === 'local') return this.#local.settle(receipt, costs);
    assertSettlement(receipt, costs);
    return this.#passedOn('refund', async () => this.backend.settle(receipt, costs));
  }

  /** Where the backend cannot be asked, only what the fallback counts is forgotten: an event says so. */
  reset(targets: readonly Target[]): Awaitable<void> {
    this.#local.reset(targets);
    return this.#passedOn('reset', async () => this.backend.reset(targets));
  }

  use(strategies: readonly Strategy[]): void {
    this.#local.use(strategies);
    this.backend.use?.(strategies);
  }

  listen(listener: (event: BackendEvent) => void): void {
    this.#listeners.push(listener);
  }

  async warnings(): Promise<readonly string[]> {
    return (await this.backend.warnings?.()) ?? [];
  }

  async close(): Promise<void> {
    await this.#local.close();
    await this.backend.close?.();
  }

  #answered(verb: 'spend' | 'peek', charges: readonly Charge[]): Awaitable<Outcome> {
    for (const { cost, policy } of charges) assertCost(cost, `a charge of "${policy.name}"`);
    if (this.#breaker.isOpen) {
      // A probe charges nobody, and nobody waits for it.
      this.#breaker.tryProbe(async () =>
        this.backend.probe === undefined ? this.backend.peek(this.#failed) : this.backend.probe(this.#failed),
      );
      return this.#fallback(verb, charges);
    }
    const answer = attempt(() => this.backend[verb](charges));
    return isPromise(answer) ? this.#guarded(answer, verb, charges) : answer;
  }

  #guarded(answer: Promise<Outcome>, verb: 'spend' | 'peek', charges: readonly Charge[]): Promise<Outcome> {
    const { epoch } = this.#breaker;
    // What a backend of one's own answers may be no promise but for its `then`.
    return Promise.resolve(answer).then(
      (outcome) => {
        this.#breaker.succeeded();
        return outcome;
      },
      (error) => {
        if (isMistake(error)) throw error;
        if (!this.#breaker.isOpen) this.#failed = charges;
        this.#breaker.failed(error, epoch);
        return this.#fallback(verb, charges);
      },
    );
  }

  async #passedOn(what: 'refund' | 'reset', ask: () => Promise<void>): Promise<void> {
    try {
      if (this.#breaker.isOpen) throw new BackendError('UNAVAILABLE', 'The backend is left alone for a while');
      await ask();
    } catch (error) {
      if (isMistake(error)) throw error;
      this.#tell({ type: 'lost', what, code: error instanceof BackendError ? error.code : 'UNKNOWN' });
    }
  }

  #fallback(verb: 'spend' | 'peek', charges: readonly Charge[]): Outcome {
    const modes = charges.map(({ policy }) => policy.onError ?? this.onError);
    const strictest = STRICTNESS.findLast((mode) => modes.includes(mode)) ?? 'allow';
    if (strictest !== 'local')
      return { allowed: strictest === 'allow', decisions: [], binding: null, degraded: strictest };
    // What may pass in any case is read and not charged.
    const local = charges.map((charge, i) => (modes[i] === 'local' ? charge : { ...charge, cost: 0 }));
    // Member by member: what a rest collects outlives the call for the garbage collector.
    const { allowed, decisions, binding, receipt } = this.#local[verb](local);
    if (receipt === undefined) return { allowed, decisions, binding, degraded: 'local' };
    return { allowed, decisions, binding, receipt: { ...receipt, degraded: 'local' }, degraded: 'local' };
  }

  #tell(event: BackendEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

/** A backend that throws at once has failed as one that rejects. */
function attempt(ask: () => Awaitable<Outcome>): Awaitable<Outcome> {
  try {
    return ask();
  } catch (error) {
    return Promise.reject(error);
  }
}

/** A wrong policy is nothing that a fallback should hide. */
function isMistake(error: unknown): boolean {
  return error instanceof ThrottleConfigError;
}
