import { claimSettlement } from '../../../backends/settlement.js';
import type { Outcome, Receipt } from '../../../core/decision.js';
import { receiptOf } from '../../../core/receipt.js';

/** A receipt for a part of what a call took, and which of its charges that is. */
export interface ReceiptPart {
  readonly receipt: Receipt;
  readonly indexes: readonly number[];
}

/**
 * Returns what a call took whose delay is over, or was interrupted, as receipts to be settled in place of its own, which counts as
 * settled from now on. The units that it was delayed for drain after those before them, so after `waitedMs` all of them are still in
 * their bucket: they are as good as taken now. Every other charge is settled as of its own instant.
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
