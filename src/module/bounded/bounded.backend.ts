import type { Backend, Grant, Target } from '../../backends/backend.js';
import { BackendLayer } from '../../backends/backend-layer.js';
import type { HoldStore } from '../../backends/hold-store.js';
import { UnitReturns } from '../../backends/unit-returns.js';
import type { Awaitable } from '../../core/awaitable.js';
import type { Charge, Outcome, Receipt, TakenCharge } from '../../core/decision.js';
import { receiptOf } from '../../core/receipt.js';
import type { FunctionDeadlines } from '../../transports/functions/function-deadlines.js';
import { AnswerDeadlines } from './answer-deadlines.js';
import { BoundedBlocks } from './bounded-blocks.js';
import { BoundedHolds } from './bounded-holds.js';
import { BoundedSettings } from './bounded-settings.js';

/**
 * Adds deadlines to a backend that has none, for each method that may return a promise. A remote backend that does not
 * respond in time is unavailable, so `onError` decides. A call on any other backend is rejected with 503. Units that
 * are taken after the deadline are returned.
 */
export class BoundedBackend extends BackendLayer {
  declare readonly holds?: HoldStore;
  declare readonly credit?: (charges: readonly TakenCharge[]) => Awaitable<void>;
  declare readonly lease?: (target: Target, wanted: number) => Promise<Grant>;
  readonly #deadlines: AnswerDeadlines;
  readonly #returns: UnitReturns;

  constructor(backend: Backend, functions: FunctionDeadlines) {
    const deadlines = new AnswerDeadlines(backend, functions);
    super(backend, {
      around: (settings) => new BoundedSettings(settings, deadlines),
      aroundBlocks: (blocks) => new BoundedBlocks(blocks, deadlines),
    });
    this.#deadlines = deadlines;
    this.#returns = new UnitReturns(backend);
    const { credit, lease } = this;
    if (credit !== undefined) this.credit = (charges) => deadlines.bound(credit(charges), 'credit', charges);
    if (lease !== undefined) this.lease = (target, wanted) => this.#lease(target, lease(target, wanted));
    if (backend.holds !== undefined) this.holds = new BoundedHolds(backend.holds, deadlines, this.#returns);
  }

  override spend(charges: readonly Charge[]): Awaitable<Outcome> {
    return this.#deadlines.boundTaking(this.inner.spend(charges), 'spend', charges, ({ receipt }) => {
      if (receipt !== undefined) void this.#returns.start(receipt);
    });
  }

  override peek(charges: readonly Charge[]): Awaitable<Outcome> {
    return this.#deadlines.bound(this.inner.peek(charges), 'peek', charges);
  }

  override settle(receipt: Receipt, costs: readonly number[]): Awaitable<void> {
    return this.#deadlines.bound(this.inner.settle(receipt, costs), 'settle', receipt.charges);
  }

  override reset(targets: readonly Target[]): Awaitable<void> {
    return this.#deadlines.bound(this.inner.reset(targets), 'reset', targets);
  }

  override async probe(charges: readonly Charge[]): Promise<void> {
    await this.#deadlines.bound(super.probe(charges), 'probe', charges);
  }

  override warnings(): Promise<readonly string[]> {
    return this.#boundOr(super.warnings(), [], 'warnings', 'The application starts without its warnings.');
  }

  override returnLeases(): Promise<void> {
    return this.#boundOr(super.returnLeases(), undefined, 'returnLeases', 'The application closes without it.');
  }

  /** Closes the backend. If it does not close in time, the application goes on closing. */
  override close(): Promise<void> {
    return this.#boundOr(super.close(), undefined, 'close', 'The application closes without it.');
  }

  async #lease(target: Target, granted: Promise<Grant>): Promise<Grant> {
    return this.#deadlines.boundTaking(granted, 'lease', [target], (late) => {
      if (late.granted > 0) void this.#returns.start(receiptOf(late.at, [{ ...target, cost: late.granted }]));
    });
  }

  #boundOr<T>(answer: Promise<T>, otherwise: T, method: string, consequence: string): Promise<T> {
    return this.#deadlines.boundOr(answer, otherwise, `${this.innermostName}.${method}()`, consequence);
  }
}
