import type { Receipt, TakenCharge } from './decision.js';

/** Marks receipts, also those of other copies of this package in the process. */
const ORIGINAL = Symbol.for('nestjs-sluice:receipt');

/** A class, because copies are not instances of it: neither those made by spread, `structuredClone` nor JSON. */
class OriginalReceipt implements Receipt {
  declare readonly instants?: readonly number[];
  declare readonly degraded?: 'local';

  constructor(
    readonly at: number,
    readonly charges: readonly TakenCharge[],
  ) {}

  get [ORIGINAL](): true {
    return true;
  }
}

/**
 * Creates a receipt that this process can settle. A backend returns it with an outcome that took units.
 *
 * @param at the instant of the charges in epoch milliseconds
 * @param charges the charges of the call, in order; a monitored charge that was not taken has a cost of 0
 * @param more `instants`: one for each charge, if several servers took them
 * @example
 * receiptOf(at, [{ policy, subject: 'user:42', cost: 1 }]);
 */
export function receiptOf(
  at: number,
  charges: readonly TakenCharge[],
  more?: Pick<Receipt, 'instants' | 'degraded'>,
): Receipt {
  const receipt = new OriginalReceipt(at, charges);
  return more === undefined ? receipt : Object.assign(receipt, more);
}

/** Returns true if a receipt was made by `receiptOf` in this process, and false for a copy. */
export function isOriginal(receipt: Receipt): boolean {
  return Reflect.get(receipt, ORIGINAL) === true;
}
