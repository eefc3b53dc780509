import { type Charge, type Decision, isMonitored, type Outcome, withMembers, withReason } from '../../core/decision.js';
import { receiptOf } from '../../core/receipt.js';
import { conclude, decisionInDeniedCall, type LocatedCharge, write } from './all-or-none.js';
import type { CallBlocks } from './blocks/call-blocks.js';
import { evaluateCharges, lastOnState, locate } from './charge-evaluation.js';
import type { MemoryStore } from './memory-store.js';

/**
 * Decides a call with monitored charges. The others are decided first, all or none. If they pass, each monitored charge
 * is decided by itself, on what the others and the monitored ones before it leave, and is taken if it fits (with
 * `writes`).
 */
export function decideMonitored(
  store: MemoryStore,
  charges: readonly Charge[],
  now: number,
  writes: boolean,
  blocks?: CallBlocks,
): Outcome {
  const others = charges.filter((charge) => !isMonitored(charge));
  const evaluated = evaluateCharges(store, others, now, blocks);
  const allowed = evaluated.every(({ result }) => result.decision.allowed);
  blocks?.conclude(others, allowed);
  const passed = allowed ? [...evaluated] : [];
  const monitored = charges.filter(isMonitored).map((charge) => {
    const one = evaluateAlone(passed, charge, store, now, blocks);
    if (allowed && !one.isDenied) passed.push(one);
    return one;
  });
  const { decisions, binding } = conclude(store, others, evaluated, now, writes, blocks);
  if (writes) for (const one of passed) if (isMonitored(one.charge) && one.charge.cost > 0) write(store, one, now);
  const outcome = {
    allowed,
    decisions: inOrder(charges, decisions, monitored, (one) =>
      allowed ? withReason(one.result.decision, one.charge.policy) : decisionInDeniedCall(one, now, blocks),
    ),
    binding,
  };
  const taken = writes && allowed ? takenOf(charges, monitored) : [];
  return taken.some(({ cost }) => cost > 0) ? { ...outcome, receipt: receiptOf(now, taken) } : outcome;
}

/** @param others the charges of the call that are taken, with what they leave */
function evaluateAlone(
  others: readonly LocatedCharge[],
  charge: Charge,
  store: MemoryStore,
  now: number,
  blocks: CallBlocks | undefined,
): LocatedCharge {
  const { policy, cost, arguments: args } = charge;
  const location = locate(others, charge, store, now);
  const { table, key, isShared } = location;
  const found = lastOnState(others, location)?.result.state ?? store.read(table, key, isShared);
  const { strategy } = table;
  const denial = blocks?.denialOf({ charge, strategy, found, total: cost });
  const decided = denial ?? strategy.step(found, now, policy, cost, args);
  const result = denial === undefined && blocks !== undefined ? blocks.counted(charge, decided) : decided;
  return withMembers(location, { charge, result, found, total: cost, isDenied: !result.decision.allowed });
}

/** Joins the decisions on monitored charges and on the others, in the order of the call. */
function inOrder(
  charges: readonly Charge[],
  others: readonly Decision[],
  monitored: readonly LocatedCharge[],
  decisionOf: (one: LocatedCharge) => Decision,
): readonly Decision[] {
  const own = monitored.map(decisionOf);
  const [ofMonitored, ofOthers] = [own.values(), others.values()];
  return charges.flatMap((charge): readonly Decision[] => {
    const { value } = isMonitored(charge) ? ofMonitored.next() : ofOthers.next();
    if (value === undefined) return [];
    return [isMonitored(charge) ? withMembers(value, { mode: 'monitor' }) : value];
  });
}

/** The charges for the receipt of an allowed call: a monitored charge that did not fit took nothing. */
function takenOf(charges: readonly Charge[], monitored: readonly LocatedCharge[]): readonly Charge[] {
  if (!monitored.some(({ isDenied }) => isDenied)) return charges;
  const own = monitored.values();
  return charges.map((charge) =>
    isMonitored(charge) && own.next().value?.isDenied === true ? { ...charge, cost: 0 } : charge,
  );
}
