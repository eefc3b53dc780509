import type { Decision } from '../core/decision.js';
import { invalidValue, ThrottleConfigError } from '../core/errors.js';
import type { Policy } from '../core/policy.js';

/** The state of one subject: a short array of whole numbers. Empty if nothing has been charged yet. */
export type State = readonly number[];

/** The result of a step. `state` is the given state, the same object, if there is nothing to write. */
export interface StepResult {
  /** The state after the charge. */
  readonly state: State;
  /** The decision on the charge. */
  readonly decision: Decision;
  /** Number of leading values that may differ from the given state, if the length is the same. Default: all. */
  readonly changed?: number;
}

/** The number of values in a state. */
export interface StateSize {
  /** Leading values, of any size. */
  readonly wide: number;
  /** Values after them, most of them small. */
  readonly counts: number;
}

/**
 * An algorithm as pure functions of (state, now, policy, cost) and the arguments that it declares.
 *
 * Every intermediate value is a whole number below 2^53, and the only operations are `+ - *`, `min`, `max`, floor and
 * ceil of a quotient, and non-negative `%`. So a twin in another language with IEEE doubles computes identical results.
 * A denial and a cost of 0 return the given state. State from more than one period after `now` counts as empty. If the
 * clock steps back by less, the strategy decides as at its latest instant.
 */
export interface Strategy {
  readonly name: string;
  /**
   * Decides a charge of `cost` units at the instant `now` (epoch milliseconds).
   *
   * @param args `argumentCount` whole numbers: the `arguments` of the charge
   */
  step(state: State, now: number, policy: Policy, cost: number, args?: readonly number[]): StepResult;
  /**
   * Makes a charge of `from` units at the instant `at` one of `to` units, both at least 0. Returns the given state, the
   * same object, if that changes nothing.
   *
   * - Down (`to < from`): gives back at most what was taken, less the units that are available again already.
   * - Up (`to > from`): takes the difference in full, even above the limit. Once the window of the charge is over,
   *   nothing changes. Counts saturate below 2^53, so that a huge charge is not counted as a small one.
   *
   * A backend records a charge of n units, which is never denied, as `amend(state, now, policy, now, 0, n)`, also from
   * the empty state, and reports `step(..., 0)` of the result. So raising a charge at `now` from 0 must always take all
   * of n.
   *
   * @param args the `arguments` of the charge when it was taken
   */
  amend(
    state: State,
    now: number,
    policy: Policy,
    at: number,
    from: number,
    to: number,
    args?: readonly number[],
  ): State;
  /**
   * Records a charge of at least 1 unit: takes all of it, and never denies. If omitted, a charge is recorded by an
   * `amend` and a `step` at a cost of 0. Needed only if the decision on a recorded charge has more members than that on
   * a read.
   *
   * @param args the `arguments` of the charge
   */
  record?(state: State, now: number, policy: Policy, cost: number, args?: readonly number[]): StepResult;
  /**
   * Gives back up to `units` (at least 1) of the units that count now, as if the last units had not been taken. The
   * result never exceeds a full limit. Returns the given state, the same object, if there is nothing to give back. If
   * omitted, it is an `amend` of a charge of `units` at `now` to 0.
   *
   * @param args the `arguments` of the charge
   */
  credit?(state: State, now: number, policy: Policy, units: number, args?: readonly number[]): State;
  /**
   * The number of whole numbers that a charge must have in `arguments`: 0 to 100. A charge with more or fewer is an
   * error. Default: 0.
   */
  readonly argumentCount?: number;
  /**
   * The size of a state that is not empty, if it depends on period and segments only. States are then stored in fewer
   * bytes.
   */
  size?(policy: Policy): StateSize;
  /**
   * Throws a ThrottleConfigError, `SLUICE_INVALID_RATE`, for a policy that the strategy cannot count exactly. `path`
   * names the policy in the message.
   */
  validate?(policy: Policy, path: string): void;
  /**
   * Lua source of the twin, for backends that run strategies where the state is stored. It returns `{ step, amend,
   * credit?, fits? }`: functions with the same parameters and results as those here, with members in snake_case; `args`
   * is a table of `argumentCount` numbers. `fits(state, policy)` returns true if the numbers can be a state. States are
   * whole numbers from 0 to 2^53 - 1; a stored state with another number is deleted when it is read.
   */
  readonly lua?: string;
}

const NAME = /^[a-z][a-z0-9-]{0,31}$/;

/**
 * Checks and freezes a custom strategy. Pass it to the module (`strategies`), or without Nest to `backend.use`.
 *
 * @throws ThrottleConfigError naming the invalid member
 * @example
 * export const coinFlip = defineStrategy({ name: 'coin-flip', step, amend });
 */
export function defineStrategy(strategy: Strategy): Strategy {
  return checkStrategy('defineStrategy', strategy);
}

/** Like `defineStrategy`, for a strategy at a path of the configuration. Returns the same object. */
export function checkStrategy(path: string, strategy: Strategy): Strategy {
  if (typeof strategy !== 'object' || strategy === null) {
    throw invalidStrategy(path, 'an object with name, step and amend', strategy);
  }
  if (typeof strategy.name !== 'string' || !NAME.test(strategy.name)) {
    throw invalidStrategy(
      `${path}: name`,
      'lower-case letters, digits and "-", at most 32, such as "coin-flip"',
      strategy.name,
    );
  }
  for (const member of ['step', 'amend'] as const) {
    if (typeof strategy[member] !== 'function') {
      throw invalidStrategy(`${path}: ${strategy.name}.${member}`, 'a function', strategy[member]);
    }
  }
  if (strategy.validate !== undefined && typeof strategy.validate !== 'function') {
    throw invalidStrategy(`${path}: ${strategy.name}.validate`, 'a function', strategy.validate);
  }
  if (strategy.record !== undefined && typeof strategy.record !== 'function') {
    throw invalidStrategy(`${path}: ${strategy.name}.record`, 'a function', strategy.record);
  }
  if (strategy.credit !== undefined && typeof strategy.credit !== 'function') {
    throw invalidStrategy(`${path}: ${strategy.name}.credit`, 'a function', strategy.credit);
  }
  if (strategy.size !== undefined && typeof strategy.size !== 'function') {
    throw invalidStrategy(`${path}: ${strategy.name}.size`, 'a function', strategy.size);
  }
  const { argumentCount } = strategy;
  if (argumentCount !== undefined && !(Number.isInteger(argumentCount) && argumentCount >= 0 && argumentCount <= 100)) {
    throw invalidStrategy(`${path}: ${strategy.name}.argumentCount`, 'a whole number from 0 to 100', argumentCount);
  }
  if (strategy.lua !== undefined && typeof strategy.lua !== 'string') {
    throw invalidStrategy(`${path}: ${strategy.name}.lua`, 'Lua source as a string', strategy.lua);
  }
  return Object.freeze(strategy);
}

/** Returns a state after units were given back: see `Strategy.credit`. */
export function credited(
  strategy: Strategy,
  state: State,
  now: number,
  policy: Policy,
  units: number,
  args?: readonly number[],
): State {
  return strategy.credit === undefined
    ? strategy.amend(state, now, policy, now, units, 0, args)
    : strategy.credit(state, now, policy, units, args);
}

/** Returns the number of arguments that charges of a strategy have. */
export function argumentCountOf({ argumentCount = 0 }: Strategy): number {
  return argumentCount;
}

/** Returns the error for a member of a strategy that does not fit. */
function invalidStrategy(path: string, expected: string, found: unknown): ThrottleConfigError {
  return invalidValue(path, expected, found, 'SLUICE_INVALID_STRATEGY');
}

/** Larger than any state, and small enough for a page of states. */
const MAX_SIZE = 10_000;

/**
 * Returns the size of a policy's states, if the strategy declares one. Checks it, because values beyond it would not be
 * stored, and so not limit.
 *
 * @throws ThrottleConfigError for an invalid size. `path` names the policy in the message.
 */
export function sizeOf(strategy: Strategy, policy: Policy, path: string): StateSize | undefined {
  const size = strategy.size?.(policy);
  if (size === undefined) return undefined;
  const { wide, counts } = size ?? {};
  const areCounts = [wide, counts].every((count) => Number.isSafeInteger(count) && count >= 0);
  if (areCounts && wide + counts >= 1 && wide + counts <= MAX_SIZE) return size;
  throw invalidStrategy(
    `${path}: strategy "${strategy.name}", size`,
    `whole numbers { wide, counts }, together 1 to ${MAX_SIZE}`,
    areCounts ? wide + counts : size,
  );
}

/**
 * The largest number that a strategy counts to: 1.5 x 2^52. An instant and a period added to it are still exact. Every
 * policy that passes `validate` can count to at least 1.5 times its limit. Units recorded beyond `MAX_COUNT` are
 * dropped, so a huge debt lasts long and never overflows.
 */
export const MAX_COUNT = 3 * 2 ** 51;

/** Half of the range in which doubles are exact: the sum of two values below it is exact. */
export const HALF_EXACT = 2 ** 52;

/**
 * Throws a ThrottleConfigError unless a product that a strategy computes is exact. `path` names the policy in the
 * message.
 */
export function assertExact(product: number, path: string, hint: string): void {
  if (product < HALF_EXACT) return;
  throw new ThrottleConfigError('SLUICE_RATE_TOO_LARGE', `${path}: too large to be counted exactly. ${hint}`);
}
