import type { Backend } from '../backends/backend.js';
import { isSettled } from '../backends/settlement.js';
import type { Charge, Receipt } from '../core/decision.js';
import { receiptOf } from '../core/receipt.js';

/** Refunds receipts. A receipt may be refunded in several parts, in total at most what was taken. */
export class Refunds {
  /** The remainders of partly refunded receipts. */
  readonly #remaining = new WeakMap<Receipt, Receipt>();

  constructor(private readonly backend: Backend) {}

  /** Returns `units` of each charge to its budget. Default: all of them. */
  async refund(receipt: Receipt, units?: number): Promise<void> {
    const before = this.#remaining.get(receipt) ?? receipt;
    // Settled at the end of its call, or refunded because a later phase denied the call: nothing is left.
    if (isSettled(before)) return;
    const costs = before.charges.map(({ cost }) => (units === undefined ? 0 : Math.max(0, cost - units)));
    const charges = before.charges.map((charge, i) => ({ ...charge, cost: costs[i] ?? 0 }));
    // Stored before the backend is called, so that a concurrent refund starts from this remainder.
    this.#remaining.set(receipt, restOf(before, charges));
    await this.backend.settle(before, costs);
  }
}

/** Returns the receipt for the remainder of another one. */
function restOf({ at, instants, degraded }: Receipt, charges: readonly Charge[]): Receipt {
  return receiptOf(at, charges, { ...(instants && { instants }), ...(degraded && { degraded }) });
}
