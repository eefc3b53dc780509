import type { Receipt } from '../core/decision.js';

/** Throws a RangeError unless there is one cost per charge of the receipt, and none is above what was charged. */
export function assertSettlement({ charges }: Receipt, costs: readonly number[]): void {
  if (costs.length !== charges.length) {
    throw new RangeError(`settle: expected ${charges.length} costs, one per charge, got ${costs.length}`);
  }
  charges.forEach(({ policy, cost }, i) => {
    const to = costs[i];
    if (Number.isSafeInteger(to) && Number(to) >= 0 && Number(to) <= cost) return;
    throw new RangeError(`settle: expected a cost of "${policy.name}" from 0 to ${cost}, got ${to}`);
  });
}
