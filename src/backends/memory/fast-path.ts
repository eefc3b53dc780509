import { assertCost, bindingOf, type Charge, type Decision, isCost, type Outcome } from '../../core/decision.js';
import { mapKey } from '../../core/key.js';
import type { Policy } from '../../core/policy.js';
import type { StepResult } from '../../strategies/strategy.js';
import type { MemoryStore } from './memory-store.js';
import type { SubjectTable } from './subject-table.js';

/** A charge on a subject that is known: its cell, and what a step there comes to. */
interface EvaluatedCharge {
  readonly charge: Charge;
  readonly shelf: SubjectTable;
  readonly cell: number;
  readonly result: StepResult;
}

/**
 * What spending comes to where all subjects are known and no two charges are under one policy, so that none touches
 * another: what most calls are. Nothing where it is not so.
 */
export function spendFast(store: MemoryStore, charges: readonly Charge[], now: number): Outcome | undefined {
  const first = charges[0]; // taking a list apart is several times as dear
  return first !== undefined && charges.length === 1
    ? spendOne(store, first, charges, now)
    : spendIndependent(store, charges, now);
}

function spendOne(
  store: MemoryStore,
  { policy, subject, cost }: Charge,
  charges: readonly Charge[],
  now: number,
): Outcome | undefined {
  assertChargeable(cost, policy);
  const shelf = store.shelfOf(policy);
  const cell = shelf.find(mapKey(subject));
  if (cell === undefined) return undefined;
  const { state, decision, changed } = shelf.strategy.step(shelf.cells.read(cell, true), now, policy, cost);
  const { allowed } = decision;
  if (!allowed || cost === 0) return { allowed, decisions: [decision], binding: decision };
  const expiresAt = now + decision.resetMs;
  shelf.cells.write(cell, state, expiresAt, changed);
  store.noteExpiry(expiresAt);
  return { allowed, decisions: [decision], binding: decision, receipt: { at: now, charges } };
}

function spendIndependent(store: MemoryStore, charges: readonly Charge[], now: number): Outcome | undefined {
  const all: EvaluatedCharge[] = [];
  let allowed = true;
  let isFree = true;
  for (const charge of charges) {
    const { policy, subject, cost } = charge;
    assertChargeable(cost, policy);
    const shelf = store.shelfOf(policy);
    const cell = shelf.find(mapKey(subject));
    if (cell === undefined || all.some((other) => other.shelf === shelf)) return undefined;
    const result = shelf.strategy.step(shelf.cells.read(cell, true), now, policy, cost);
    all.push({ charge, shelf, cell, result });
    allowed &&= result.decision.allowed;
    isFree &&= cost === 0;
  }
  const decisions = allowed ? all.map((known) => written(store, known, now)) : all.map((known) => standing(known, now));
  const binding = bindingOf(decisions);
  return allowed && !isFree
    ? { allowed, decisions, binding, receipt: { at: now, charges } }
    : { allowed, decisions, binding };
}

function written(store: MemoryStore, { charge, shelf, cell, result }: EvaluatedCharge, now: number): Decision {
  const { state, decision, changed } = result;
  if (charge.cost > 0) {
    const expiresAt = now + decision.resetMs;
    shelf.cells.write(cell, state, expiresAt, changed);
    store.noteExpiry(expiresAt);
  }
  return decision;
}

/** What would allow in a call that is denied says so as it stands. */
function standing({ charge: { policy }, shelf, cell, result }: EvaluatedCharge, now: number): Decision {
  const { decision } = result;
  return decision.allowed ? shelf.strategy.step(shelf.cells.read(cell, true), now, policy, 0).decision : decision;
}

/** The text is made only where it is read. */
export function assertChargeable(cost: number, { name }: Policy): void {
  if (!isCost(cost)) assertCost(cost, `a charge of "${name}"`);
}
