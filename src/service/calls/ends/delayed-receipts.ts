import { claimSettlement } from '../../../backends/settlement.js';
import type { Outcome, Receipt } from '../../../core/decision.js';
import { receiptOf } from '../../../core/receipt.js';

/** A receipt for a part of a call's charges, and the indices of these charges. */
export interface ReceiptPart {
  readonly receipt: Receipt;
  readonly indexes: readonly number[];
}

/**
 * Splits the receipt of a call whose delay is over or was interrupted. The parts are settled instead of the receipt
 * itself, which counts as settled from now on. The units for which the call was delayed drain after those before them,
 * so after `waitedMs` all of them are still in the bucket, as if taken now. All other charges are settled as of their
 * own instant.
 */
export function settleableParts({ receipt, decisions }: Outcome, waitedMs: number): readonly ReceiptPart[] {
  if (receipt === undefined || !claimSettlement(receipt)) return [];
  const select = (isDelayed: boolean, laterByMs: number): ReceiptPart => {
    const indexes = receipt.charges.flatMap((_, i) => (Number(decisions[i]?.delayMs) > 0 === isDelayed ? [i] : []));
    const { at, instants, degraded } = receipt;
    const part = receiptOf(
      at + laterByMs,
      indexes.flatMap((i) => receipt.charges[i] ?? []),
      {
        ...(degraded && { degraded }),
        ...(instants && { instants: indexes.map((i) => (instants[i] ?? at) + laterByMs) }),
      },
    );
    return { receipt: part, indexes };
  };
  return [select(true, waitedMs), select(false, 0)];
}
