import { type Charge, withMembers } from '../../core/decision.js';
import { mapKey } from '../../core/key.js';
import { record } from '../../strategies/record.js';
import type { StepResult } from '../../strategies/strategy.js';
import type { LocatedCharge } from './all-or-none.js';
import type { CallBlocks } from './blocks/call-blocks.js';
import type { MemoryStore, StateLocation } from './memory-store.js';
import type { SubjectTable } from './subject-table.js';

/** Evaluates enforced and recorded charges of any call, in order. A charge sees what earlier ones leave. */
export function evaluateCharges(
  store: MemoryStore,
  charges: readonly Charge[],
  now: number,
  blocks?: CallBlocks,
): readonly LocatedCharge[] {
  const evaluated: LocatedCharge[] = [];
  for (const charge of charges) evaluated.push(evaluateAfter(evaluated, charge, store, now, blocks));
  return evaluated;
}

function evaluateAfter(
  others: readonly LocatedCharge[],
  charge: Charge,
  store: MemoryStore,
  now: number,
  blocks: CallBlocks | undefined,
): LocatedCharge {
  const { policy, cost, arguments: args } = charge;
  const location = locate(others, charge, store, now);
  const { strategy } = location.table;
  const earlier = lastOnState(others, location);
  const found = earlier?.found ?? store.read(location.table, location.key, location.isShared);
  const total = Math.min((earlier?.total ?? 0) + cost, Number.MAX_SAFE_INTEGER);
  const denial = blocks?.denialOf({ charge, strategy, found, total });
  if (denial !== undefined) {
    return withMembers(location, { charge, result: denial, found, total, isDenied: true });
  }
  const before = earlier?.result.state ?? found;
  let isDenied = earlier?.isDenied === true;
  let result: StepResult;
  if (charge.mode === 'record') {
    result = record(strategy, before, now, policy, cost, args);
  } else {
    result = strategy.step(before, now, policy, cost, args);
    isDenied ||= !result.decision.allowed;
    // If the charges on this state together exceed the budget, the decision is the one on their total.
    if (isDenied && earlier !== undefined && cost > 0) result = strategy.step(found, now, policy, total, args);
  }
  if (blocks !== undefined) result = blocks.counted(charge, result);
  return withMembers(location, { charge, result, found, total, isDenied });
}

/** Returns where the state of a charge is, given the charges of the call that have been evaluated. */
export function locate(
  others: readonly LocatedCharge[],
  { policy, subject }: Charge,
  store: MemoryStore,
  now: number,
): StateLocation {
  const table = store.tableOf(policy);
  const key = mapKey(subject);
  const isShared =
    firstOnSubject(others, table, key)?.isShared ??
    (table.find(key) === undefined && !store.hasRoom(table, now, others));
  return { table, key, isShared };
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
export function lastOnState(
  evaluated: readonly LocatedCharge[],
  { table, key, isShared }: StateLocation,
): LocatedCharge | undefined {
  let last: LocatedCharge | undefined;
  for (const one of evaluated) {
    const isSameState = one.table === table && (one.key === key || (isShared && one.isShared));
    if (isSameState && one.charge.cost > 0) last = one;
  }
  return last;
}
