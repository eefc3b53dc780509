import type { Decision } from '../../core/decision.js';
import type { HoldRequest } from '../hold-store.js';
import { type BudgetState, decideHold, NOTHING_PENDING, type Pending } from './hold-decision.js';

/** The holds of a call, decided and not yet taken. */
export interface EvaluatedHolds {
  readonly allowed: boolean;
  /** True if the call has holds and all of them are open: it was taken before. */
  readonly isRepeated: boolean;
  /** One for each hold, in order. */
  readonly decisions: readonly Decision[];
  /** The holds to be added if the call is allowed: those that are not open. */
  readonly taken: readonly HoldRequest[];
  /** Returns the decisions of a denied call: allowed ones report the room before the call. */
  inDeniedCall(): readonly Decision[];
}

/** A budget, with the units that the call takes from it so far. */
interface Budget {
  readonly state: BudgetState;
  readonly ids: Set<number>;
  pending: Pending;
}

/**
 * Decides the holds of a call at one instant. Each sees what those before it take from its budget.
 *
 * @param stateOf reads the budget of a hold
 */
export function decideHolds(
  holds: readonly HoldRequest[],
  stateOf: (hold: HoldRequest) => BudgetState,
  now: number,
): EvaluatedHolds {
  const budgets = new Map<string, Budget>();
  const found: Budget[] = [];
  const decisions: Decision[] = [];
  const taken: HoldRequest[] = [];
  let allowed = true;
  let isRepeated = false;
  for (const hold of holds) {
    const { id, units, ttlMs } = hold;
    const budget = budgetOf(budgets, hold, stateOf);
    found.push(budget);
    const isOpen = budget.state.holds.get(id) !== undefined;
    const isNew = units > 0 && !isOpen && !budget.ids.has(id);
    const decision = decideHold(budget.state, isNew ? units : 0, now, isNew ? now + ttlMs : 0, budget.pending);
    decisions.push(decision);
    allowed &&= decision.allowed;
    isRepeated ||= isOpen;
    if (!isNew) continue;
    budget.ids.add(id);
    budget.pending = after(budget.pending, units, now + ttlMs);
    taken.push(hold);
  }
  const inDeniedCall = () =>
    decisions.map((decision, i) => {
      const { state } = found[i] ?? {};
      return decision.allowed && state !== undefined ? decideHold(state, 0, now) : decision;
    });
  return { allowed, isRepeated: isRepeated && taken.length === 0, decisions, taken, inDeniedCall };
}

function budgetOf(
  budgets: Map<string, Budget>,
  hold: HoldRequest,
  stateOf: (hold: HoldRequest) => BudgetState,
): Budget {
  const key = `${hold.policy.id}\n${hold.subject}`;
  let budget = budgets.get(key);
  if (budget === undefined) {
    budget = { state: stateOf(hold), ids: new Set(), pending: NOTHING_PENDING };
    budgets.set(key, budget);
  }
  return budget;
}

function after({ units, holders, latestMs }: Pending, more: number, expiresAt: number): Pending {
  return { units: units + more, holders: holders + 1, latestMs: Math.max(latestMs, expiresAt) };
}
