import type { Receipt } from '../core/decision.js';
import type { Backend } from './backend.js';

/**
 * Returns units that a call took and does not use. The backend bounds each return by its own deadline. A return that
 * fails is not repeated, because it may have succeeded. Such units count until their window ends, so the limit is never
 * exceeded.
 */
export class UnitReturns {
  readonly #running = new Set<Promise<void>>();

  /** @param onLost is called with the number of units that were not returned, and the error */
  constructor(
    private readonly backend: Pick<Backend, 'settle'>,
    private readonly onLost: (units: number, error: unknown) => void = () => {},
  ) {}

  /**
   * Starts to return everything that a receipt says was taken. Resolves when that is done or has failed; never rejects.
   */
  start(receipt: Receipt): Promise<void> {
    if (receipt.charges.length === 0) return Promise.resolve();
    const running = this.#return(receipt).finally(() => this.#running.delete(running));
    this.#running.add(running);
    return running;
  }

  /** Resolves when no return is running. */
  async whenIdle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async #return(receipt: Receipt): Promise<void> {
    try {
      await this.backend.settle(
        receipt,
        receipt.charges.map(() => 0),
      );
    } catch (error) {
      // The units are lost until their window ends; nothing is counted twice.
      this.onLost(
        receipt.charges.reduce((sum, { cost }) => sum + cost, 0),
        error,
      );
    }
  }
}
