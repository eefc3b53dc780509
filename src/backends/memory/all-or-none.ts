import { bindingOf, type Charge, type Decision, type Outcome } from '../../core/decision.js';
import type { State, StepResult } from '../../strategies/strategy.js';
import type { MemoryStore, StateLocation } from './memory-store.js';

/** A charge of a call that is evaluated and not yet written. */
export interface EvaluatedCharge extends StateLocation {
  readonly charge: Charge;
  /** The index of the state in its table, if the subject is known and no other charge of the call is on the same table. */
  readonly index: number | undefined;
  /** The state that the call found; `undefined` if it can be read again by its index. */
  readonly found: State | undefined;
  /** The cost of the call's charges at this location so far. */
  readonly total: number;
  /** The result of the step. */
  readonly result: StepResult;
}

/**
 * Concludes a call. All or none: if every charge is allowed, all of them are written (with `writes`). If one is denied, nothing
 * is written, and the charges that would be allowed are decided as at a cost of 0.
 */
export function conclude(
  store: MemoryStore,
  charges: readonly Charge[],
  evaluated: readonly EvaluatedCharge[],
  now: number,
  writes: boolean,
): Outcome {
  let allowed = true;
  let isFree = true;
  for (const { charge, result } of evaluated) {
    allowed &&= result.decision.allowed;
    isFree &&= charge.cost === 0;
  }
  const isTaken = allowed && writes && !isFree;
  const decisions = evaluated.map((one) => {
    if (!allowed) return decisionInDeniedCall(one, now);
    if (isTaken && one.charge.cost > 0) write(store, one, now);
    return one.result.decision;
  });
  const binding = bindingOf(decisions);
  return isTaken ? { allowed, decisions, binding, receipt: { at: now, charges } } : { allowed, decisions, binding };
}

function decisionInDeniedCall(
  { charge: { policy }, table, index, found, result }: EvaluatedCharge,
  now: number,
): Decision {
  const { decision } = result;
  if (!decision.allowed) return decision;
  const state = index === undefined ? (found ?? []) : table.states.read(index, true);
  return table.strategy.step(state, now, policy, 0).decision;
}

function write(store: MemoryStore, one: EvaluatedCharge, now: number): void {
  const { state, decision, changed } = one.result;
  const expiresAt = now + decision.resetMs;
  if (one.index === undefined) store.write(one, state, expiresAt);
  else store.writeAt(one.table, one.index, state, expiresAt, changed);
}
