import type { Decision } from '../../core/decision.js';
import type { Policy } from '../../core/policy.js';
import type { State, Strategy } from '../../strategies/strategy.js';

/** The part of a strategy that budgets use. */
export type BudgetStrategy = Pick<Strategy, 'step' | 'amend'>;

/**
 * The windows of a budget, by its strategy, and the units that are charged to them. Pure: states are passed in and
 * returned.
 */
export class BudgetWindow {
  /** @param args the `arguments` of the call: windows of a calendar */
  constructor(
    readonly policy: Policy,
    private readonly strategy: BudgetStrategy,
    private readonly args: readonly number[] | undefined,
  ) {}

  /** Returns the decision of a read, whose `remaining` is the units of the window that are not used. */
  read(state: State, now: number): Decision {
    return this.strategy.step(state, now, this.policy, 0, this.args).decision;
  }

  /** Returns the wait for a number of units, provided that no other units are charged before. */
  waitFor(state: State, now: number, units: number): number | null {
    return this.strategy.step(state, now, this.policy, units, this.args).decision.retryAfterMs;
  }

  /** Charges the window of an instant, even above its limit. Returns the new state; for 0 units, the same one. */
  charge(state: State, now: number, units: number): State {
    if (units === 0) return state;
    return this.strategy.amend(this.carry(state, now), now, this.policy, now, 0, units, this.args);
  }

  /** Charges the debt of the previous window to the window of `now`, if debts are carried. Returns the new state. */
  carry(state: State, now: number): State {
    const debt = this.#debtOf(state);
    const [start] = state;
    if (debt === 0 || start === undefined) return state;
    const turn = start + this.read(state, start).windowMs;
    if (now < turn || now >= turn + this.read(state, turn).windowMs) return state;
    return this.strategy.amend(state, turn, this.policy, turn, 0, Math.min(debt, this.policy.limit), this.args);
  }

  /** The instant until which a state matters. */
  expiryOf(state: State, now: number): number {
    const { resetMs, windowMs } = this.read(state, now);
    const turn = now + resetMs;
    return this.#debtOf(state) === 0 ? turn : turn + Math.max(windowMs, this.read(state, turn).windowMs);
  }

  /** The instant of the next turn that changes anything; infinite if the budget is full. */
  nextTurn(state: State, now: number): number {
    const { resetMs, window } = this.read(state, now);
    if (resetMs === 0) return Number.POSITIVE_INFINITY;
    return window?.endMs ?? now + resetMs;
  }

  /**
   * Returns the units above the limit of a window that are carried to the next one. The first three numbers of a state
   * are the start of the window, the units used, and the units carried into it.
   */
  #debtOf([, used = 0, carried = 0]: State): number {
    return this.policy.held?.carryDebt === true ? Math.max(0, used - this.policy.limit - carried) : 0;
  }
}
