import type { Receipt } from '../../core/decision.js';
import { receiptOf } from '../../core/receipt.js';
import { isLeased } from './lease.js';
import type { LeaseManager } from './lease-manager.js';

/** A receipt, and the new cost of each of its charges. */
export interface Settlement {
  readonly receipt: Receipt;
  readonly costs: readonly number[];
}

/**
 * Puts the units that leased charges no longer cost back into their leases.
 *
 * @returns the settlements for the backend: one for each charge that no lease can take or that costs more, and
 *   one for the charges that are not leased
 */
export function settleLeased({ receipt, costs }: Settlement, leases: LeaseManager): readonly Settlement[] {
  const { charges, at, instants } = receipt;
  const settlements: Settlement[] = [];
  const others: number[] = [];
  charges.forEach((charge, i) => {
    if (!isLeased(charge)) {
      others.push(i);
      return;
    }
    const cost = costs[i] ?? charge.cost;
    const takenAt = instants?.[i] ?? at;
    if (cost === charge.cost) return;
    if (cost < charge.cost && leases.putBack(charge, takenAt, charge.cost - cost)) return;
    settlements.push({ receipt: receiptOf(takenAt, [charge]), costs: [cost] });
  });
  if (others.length > 0) settlements.push(select(receipt, costs, others));
  return settlements;
}

/** The part of a settlement for the charges at these indexes. */
function select({ charges, at, instants }: Receipt, costs: readonly number[], indexes: readonly number[]): Settlement {
  const pick = <T>(list: readonly T[]) => indexes.flatMap((i) => list[i] ?? []);
  const receipt = receiptOf(at, pick(charges), instants && { instants: pick(instants) });
  return { receipt, costs: pick(costs) };
}
