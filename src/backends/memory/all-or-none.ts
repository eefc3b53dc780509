import { bindingOf, type Charge, type Decision, type Outcome, withReason } from '../../core/decision.js';
import { mapKey } from '../../core/key.js';
import { receiptOf } from '../../core/receipt.js';
import type { State, StepResult } from '../../strategies/strategy.js';
import type { CallBlocks } from './blocks/call-blocks.js';
import type { MemoryStore, StateLocation } from './memory-store.js';
import type { SubjectTable } from './subject-table.js';

/**
 * A charge on a table that no other charge of its call is on, evaluated and not yet written. There is room for its
 * subject.
 */
export interface IndependentCharge {
  readonly charge: Charge;
  readonly table: SubjectTable;
  /** The index of the state in the table; undefined for a new subject. */
  readonly index: number | undefined;
  readonly result: StepResult;
  readonly isShared?: undefined;
}

/** Any other charge, evaluated and not yet written. */
export interface LocatedCharge extends StateLocation {
  readonly charge: Charge;
  readonly index?: undefined;
  readonly result: StepResult;
  /** The state that the call found. */
  readonly found: State;
  /** The cost of the call's charges on this state so far. */
  readonly total: number;
  /** True if this charge, or an earlier one of the call on this state, is denied. */
  readonly isDenied: boolean;
}

export type EvaluatedCharge = IndependentCharge | LocatedCharge;

/**
 * Concludes a call without monitored charges. All or none: if every charge is allowed, all of them are written (with
 * `writes`). If one is denied, nothing is written, and the charges that would be allowed are decided as at a cost of 0.
 */
export function conclude(
  store: MemoryStore,
  charges: readonly Charge[],
  evaluated: readonly EvaluatedCharge[],
  now: number,
  writes: boolean,
  blocks?: CallBlocks,
): Outcome {
  let allowed = true;
  let isFree = true;
  for (const { charge, result } of evaluated) {
    allowed &&= result.decision.allowed;
    isFree &&= charge.cost === 0;
  }
  const isTaken = allowed && writes && !isFree;
  const decisions = new Array<Decision>(evaluated.length);
  let i = 0;
  for (const one of evaluated) {
    if (isTaken && one.charge.cost > 0) write(store, one, now);
    decisions[i++] = allowed ? one.result.decision : decisionInDeniedCall(one, now, blocks);
  }
  const binding = bindingOf(decisions);
  return isTaken ? { allowed, decisions, binding, receipt: receiptOf(now, charges) } : { allowed, decisions, binding };
}

/** In a denied call, a charge that would be allowed reports its state as the call found it. */
export function decisionInDeniedCall(one: EvaluatedCharge, now: number, blocks?: CallBlocks): Decision {
  const { charge, table, result } = one;
  if (!result.decision.allowed) return withReason(result.decision, charge.policy);
  const { policy, arguments: args } = charge;
  const { decision } =
    one.isShared === undefined
      ? table.step(one.index, now, policy, 0, args)
      : table.strategy.step(one.found, now, policy, 0, args);
  return blocks === undefined ? decision : blocks.asFound(policy, charge.subject, decision);
}

export function write(store: MemoryStore, one: EvaluatedCharge, now: number): void {
  const { state, decision, changed } = one.result;
  const expiresAt = now + decision.resetMs;
  if (one.index !== undefined) store.writeAt(one.table, one.index, state, expiresAt, changed);
  else if (one.isShared === undefined) store.insert(one.table, mapKey(one.charge.subject), state, expiresAt);
  // Looked up again: other charges of the call may add and drop subjects.
  else store.write(one, state, expiresAt);
}
