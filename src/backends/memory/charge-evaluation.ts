import { assertCost, type Charge, isCost } from '../../core/decision.js';
import { mapKey } from '../../core/key.js';
import type { Policy } from '../../core/policy.js';
import type { State, StepResult } from '../../strategies/strategy.js';
import type { LocatedCharge } from './all-or-none.js';
import type { MemoryStore } from './memory-store.js';
import type { SubjectTable } from './subject-table.js';

/** Evaluates the charges of any call, in order. A charge sees what earlier charges of the call leave. */
export function evaluateCharges(store: MemoryStore, charges: readonly Charge[], now: number): readonly LocatedCharge[] {
  for (const { cost, policy } of charges) assertChargeable(cost, policy);
  const evaluated: LocatedCharge[] = [];
  for (const charge of charges) evaluated.push(evaluateAfter(evaluated, charge, store, now));
  return evaluated;
}

function evaluateAfter(
  others: readonly LocatedCharge[],
  charge: Charge,
  store: MemoryStore,
  now: number,
): LocatedCharge {
  const { policy, subject, cost } = charge;
  const table = store.tableOf(policy);
  const key = mapKey(subject);
  const isShared =
    firstOnSubject(others, table, key)?.isShared ?? (table.find(key) === undefined && !store.hasRoom(now, others));
  const earlier = lastOnState(others, table, key, isShared);
  const { strategy } = table;
  let found: State;
  let total = cost;
  let result: StepResult;
  if (earlier === undefined) {
    found = store.read(table, key, isShared);
    result = strategy.step(found, now, policy, cost);
  } else {
    // If the charges on this state are too much together, the decision is that on their total.
    found = earlier.found;
    total = Math.min(earlier.total + cost, Number.MAX_SAFE_INTEGER);
    result = strategy.step(earlier.result.state, now, policy, cost);
    const isAllowed = earlier.result.decision.allowed && result.decision.allowed;
    if (!isAllowed && cost > 0) result = strategy.step(found, now, policy, total);
  }
  return { charge, table, index: undefined, result, key, isShared, found, total };
}

function firstOnSubject(
  evaluated: readonly LocatedCharge[],
  table: SubjectTable,
  key: string,
): LocatedCharge | undefined {
  for (const one of evaluated) if (one.table === table && one.key === key) return one;
  return undefined;
}

/** Returns the latest charge that takes units from a state: that of a subject, or the one that new subjects share. */
function lastOnState(
  evaluated: readonly LocatedCharge[],
  table: SubjectTable,
  key: string,
  isShared: boolean,
): LocatedCharge | undefined {
  let last: LocatedCharge | undefined;
  for (const one of evaluated) {
    const isSameState = one.table === table && (one.key === key || (isShared && one.isShared));
    if (isSameState && one.charge.cost > 0) last = one;
  }
  return last;
}

/** Throws for an invalid cost. Builds the message only if it is needed. */
export function assertChargeable(cost: number, { name }: Policy): void {
  if (!isCost(cost)) assertCost(cost, `a charge of "${name}"`);
}
