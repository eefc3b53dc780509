import type { Receipt } from '../core/decision.js';
import type { Backend } from './backend.js';

/**
 * Returns units that a call took and does not use. Nobody waits for it: the store bounds each return by its own deadline,
 * and a return that fails is not repeated, because it may have succeeded. Such units count until their window ends, so the
 * limit is never exceeded.
 */
export class UnitReturns {
  readonly #running = new Set<Promise<void>>();

  constructor(private readonly store: Pick<Backend, 'settle'>) {}

  /** Starts to return everything that the receipt says was taken. */
  start({ charges, ...taken }: Receipt): void {
    if (charges.length === 0) return;
    const running = this.#return({ ...taken, charges }).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Resolves when no return is running. */
  async whenIdle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async #return(receipt: Receipt): Promise<void> {
    try {
      await this.store.settle(
        receipt,
        receipt.charges.map(() => 0),
      );
    } catch {
      // The units are lost until their window ends; nothing is counted twice.
    }
  }
}
