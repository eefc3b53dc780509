import type { Backend, Target } from '../backends/backend.js';
import { BackendError } from '../backends/backend-error.js';
import { BackendLayer } from '../backends/backend-layer.js';
import type { HoldEnd, HoldReference, HoldRequest, HoldStore } from '../backends/hold-store.js';
import { UnitReturns } from '../backends/unit-returns.js';
import { type Awaitable, isPromise } from '../core/awaitable.js';
import type { Charge, Decision, Outcome, Receipt, TakenCharge } from '../core/decision.js';
import type { FunctionDeadlines } from '../transports/functions/function-deadlines.js';
import { FunctionTimeoutException } from '../transports/functions/function-timeout.exception.js';

/**
 * Bounds what a backend without a deadline of its own takes to answer. A remote one that does not answer in time is unavailable,
 * so `onError` decides. A call on any other one is rejected with 503. What is taken after the deadline is returned.
 */
export class BoundedBackend extends BackendLayer {
  declare readonly holds?: HoldStore;
  declare readonly credit?: (charges: readonly TakenCharge[]) => Awaitable<void>;
  readonly #returns: UnitReturns;

  constructor(
    backend: Backend,
    private readonly deadlines: FunctionDeadlines,
  ) {
    super(backend);
    this.#returns = new UnitReturns(backend);
    const { credit } = this;
    if (credit !== undefined) this.credit = (charges) => this.#bound(credit(charges), 'credit', charges);
    if (backend.holds === undefined) return;
    const bound: Bound = (answer, method, targets, onLate) => this.#bound(answer, `holds.${method}`, targets, onLate);
    this.holds = new BoundedHolds(backend.holds, bound, this.#returns);
  }

  override spend(charges: readonly Charge[]): Awaitable<Outcome> {
    const answer = this.inner.spend(charges);
    if (!isPromise(answer)) return answer;
    let isLate = false;
    Promise.resolve(answer).then(
      ({ receipt }) => {
        if (isLate && receipt !== undefined) this.#returns.start(receipt);
      },
      () => {},
    );
    return this.deadlines.boundPromise(answer, () => {
      isLate = true;
      return this.#lateError('spend', charges);
    });
  }

  override peek(charges: readonly Charge[]): Awaitable<Outcome> {
    return this.#bound(this.inner.peek(charges), 'peek', charges);
  }

  override settle(receipt: Receipt, costs: readonly number[]): Awaitable<void> {
    return this.#bound(this.inner.settle(receipt, costs), 'settle', receipt.charges);
  }

  override reset(targets: readonly Target[]): Awaitable<void> {
    return this.#bound(this.inner.reset(targets), 'reset', targets);
  }

  override async probe(charges: readonly Charge[]): Promise<void> {
    await this.#bound(super.probe(charges), 'probe', charges);
  }

  /** A backend that does not close in time is left alone: the application goes on closing. */
  override async close(): Promise<void> {
    const { timeoutMs, warn } = this.deadlines;
    let isLate = false;
    const late = () => {
      isLate = true;
      return new Error(
        `${this.innermostName}.close(): expected it to end within ${timeoutMs} ms. The application closes without it.`,
      );
    };
    await this.deadlines.boundPromise(super.close(), late, timeoutMs).catch((error: unknown) => {
      if (!isLate || !(error instanceof Error)) throw error;
      warn(error.message);
    });
  }

  #bound<T>(answer: Awaitable<T>, method: string, targets: readonly Target[], onLate = () => {}): Awaitable<T> {
    if (!isPromise(answer)) return answer;
    return this.deadlines.boundPromise(answer, () => {
      onLate();
      return this.#lateError(method, targets);
    });
  }

  #lateError(method: string, targets: readonly Target[]): Error {
    const policies = [...new Set(targets.map(({ policy }) => policy.name))].join(', ');
    const path = `${this.inner.constructor.name}.${method}()`;
    const { timeoutMs } = this.deadlines;
    if (!this.remote) return new FunctionTimeoutException(path, policies, timeoutMs);
    return new BackendError('TIMEOUT', `${path}: no answer within ${timeoutMs} ms`);
  }
}

/** Bounds an answer. `onLate` is called when it has not come in time. */
type Bound = <T>(
  answer: Awaitable<T>,
  method: keyof HoldStore,
  targets: readonly Target[],
  onLate?: () => void,
) => Awaitable<T>;

/** Bounds what the holds of a backend take to answer. What is taken after the deadline is ended, and its charges are returned. */
class BoundedHolds implements HoldStore {
  constructor(
    private readonly inner: HoldStore,
    private readonly bound: Bound,
    private readonly returns: UnitReturns,
  ) {}

  take(holds: readonly HoldRequest[], charges: readonly Charge[]): Awaitable<Outcome> {
    const answer = this.inner.take(holds, charges);
    if (!isPromise(answer)) return answer;
    let isLate = false;
    const giveBack = async ({ allowed, receipt }: Outcome) => {
      if (!isLate || !allowed) return;
      if (receipt !== undefined) void this.returns.start(receipt);
      await this.inner.end(holds.map((hold) => ({ ...hold, units: 0 })));
    };
    // What cannot be ended expires.
    Promise.resolve(answer)
      .then(giveBack)
      .catch(() => {});
    return this.bound(answer, 'take', [...holds, ...charges], () => {
      isLate = true;
    });
  }

  peek(holds: readonly HoldRequest[], charges: readonly Charge[]): Awaitable<Outcome> {
    return this.bound(this.inner.peek(holds, charges), 'peek', [...holds, ...charges]);
  }

  extend(holds: readonly HoldReference[], ttlMs: number): Awaitable<readonly boolean[]> {
    return this.bound(this.inner.extend(holds, ttlMs), 'extend', holds);
  }

  grow(hold: HoldReference, units: number): Awaitable<Decision | undefined> {
    return this.bound(this.inner.grow(hold, units), 'grow', [hold]);
  }

  end(holds: readonly HoldEnd[]): Awaitable<readonly boolean[]> {
    return this.bound(this.inner.end(holds), 'end', holds);
  }
}
