import { ThrottleConfigError } from '../core/errors.js';
import type { Policy } from '../core/policy.js';
import type { State, StepResult, Strategy } from './strategy.js';

/**
 * Records a charge: takes all of it, even above the limit, and never denies. Returns the decision of a read after it:
 * allowed, without a wait or a delay, and with 0 remaining while there is a debt.
 *
 * @throws ThrottleConfigError for a custom strategy whose `amend` ignores a raise from 0: the charge would not count
 */
export function record(
  strategy: Strategy,
  state: State,
  now: number,
  policy: Policy,
  cost: number,
  args?: readonly number[],
): StepResult {
  if (cost === 0) return strategy.step(state, now, policy, 0, args);
  if (strategy.record !== undefined) return strategy.record(state, now, policy, cost, args);
  const after = strategy.amend(state, now, policy, now, 0, cost, args);
  if (after === state || after.length === 0) {
    throw new ThrottleConfigError(
      'SLUICE_STRATEGY_FAILED',
      `policy "${policy.name}": the strategy "${strategy.name}" does not record a charge: its amend has to raise a charge of 0 units at \`now\` to any cost, also from the empty state.`,
    );
  }
  return { state: after, decision: strategy.step(after, now, policy, 0, args).decision };
}
