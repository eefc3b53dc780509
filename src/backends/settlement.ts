import { sharedState } from '../core/copies.js';
import { isCost, type Receipt } from '../core/decision.js';
import { describeValue } from '../core/errors.js';
import { isOriginal } from '../core/receipt.js';

/** The error for a copy of a receipt. It is a separate class, so that it does not count as an outage. */
export class CopiedReceiptError extends TypeError {
  constructor() {
    super(
      'settle: this is a copy of a receipt. A receipt settles once, in the process that took its charges: pass the outcome itself. To settle in another process, or after a restart, reserve the units with holds, which settle from any process by id.',
    );
  }
}

const settled = sharedState('settled-receipts', () => new WeakSet<Receipt>());

/**
 * Begins the settlement of a receipt, once: returns false if it has begun before, and then nothing is to be done. A
 * backend calls it at the beginning of `settle`.
 *
 * @param costs the new cost of each charge of the receipt, in order
 * @throws RangeError for costs that are not safe integers of at least 0, one for each charge
 * @throws TypeError for a copy of a receipt: one that `receiptOf` did not make in this process
 * @example
 * if (!beginSettlement(receipt, costs)) return;
 */
export function beginSettlement(receipt: Receipt, costs: readonly number[]): boolean {
  if (!isOriginal(receipt)) throw new CopiedReceiptError();
  assertSettlement(receipt, costs);
  return claimSettlement(receipt);
}

/** Notes that a receipt is settled. Returns false if it was settled before. */
export function claimSettlement(receipt: Receipt): boolean {
  if (settled.has(receipt)) return false;
  settled.add(receipt);
  return true;
}

/** Returns true if the settlement of a receipt has begun. */
export function isSettled(receipt: Receipt): boolean {
  return settled.has(receipt);
}

/** Throws a RangeError unless there is one cost per charge of the receipt, each a safe integer of at least 0. */
export function assertSettlement({ charges }: Receipt, costs: readonly number[]): void {
  if (costs.length !== charges.length) {
    throw new RangeError(`settle: expected ${charges.length} costs, one per charge, got ${costs.length}`);
  }
  charges.forEach(({ policy }, i) => {
    if (isCost(costs[i])) return;
    throw new RangeError(
      `settle: expected a cost of "${policy.name}" that is a safe integer of at least 0, got ${describeValue(costs[i])}`,
    );
  });
}
