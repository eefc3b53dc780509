import type { Decision } from '../core/decision.js';
import { invalidValue, ThrottleConfigError } from '../core/errors.js';
import type { Policy } from '../core/policy.js';

/** The state of one subject: a short list of whole numbers. Empty if nothing has been charged yet. */
export type State = readonly number[];

/** The result of a step. `state` is the given state, the same object, if there is nothing to write. */
export interface StepResult {
  readonly state: State;
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
 * An algorithm as pure functions of (state, now, policy, cost).
 *
 * Every intermediate value is a whole number below 2^53, and the only operations are `+ - *`, `min`, `max`, floor and
 * ceil of a quotient, and non-negative `%`. So a twin in another language with IEEE doubles agrees to the bit.
 * A denial and a cost of 0 return the given state. State from more than one period after `now` counts as empty. If the clock
 * steps back by less, the strategy decides as at its latest instant.
 */
export interface Strategy {
  readonly name: string;
  /** Decides a charge of `cost` units at the instant `now` (epoch milliseconds). */
  step(state: State, now: number, policy: Policy, cost: number): StepResult;
  /** Changes a charge of `from` units at the instant `at` to `to <= from` units. Never gives back more than was taken. */
  amend(state: State, now: number, policy: Policy, at: number, from: number, to: number): State;
  /** The size of a state that is not empty, if it depends on period and segments only. States are then stored in fewer bytes. */
  size?(policy: Policy): StateSize;
  /** Throws a ThrottleConfigError for a policy that it cannot count exactly. `path` names the policy in the message. */
  validate?(policy: Policy, path: string): void;
  /**
   * Lua source of the twin, for backends that run it where the state is. It returns `{ step, amend, fits? }`: functions with
   * the parameters and results of those here, with members in snake_case. `fits(state, policy)` returns true for numbers that
   * can be a state. States are whole numbers from 0 to 2^53 - 1; a stored state with another number is deleted when it is read.
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

/** As `defineStrategy`, for a strategy at a path of the configuration. Returns the same object. */
export function checkStrategy(path: string, strategy: Strategy): Strategy {
  if (typeof strategy !== 'object' || strategy === null) {
    throw invalidValue(path, 'an object with name, step and amend', strategy);
  }
  if (typeof strategy.name !== 'string' || !NAME.test(strategy.name)) {
    throw invalidValue(
      `${path}: name`,
      'lower-case letters, digits and "-", at most 32, such as "coin-flip"',
      strategy.name,
    );
  }
  for (const member of ['step', 'amend'] as const) {
    if (typeof strategy[member] !== 'function') {
      throw invalidValue(`${path}: ${strategy.name}.${member}`, 'a function', strategy[member]);
    }
  }
  if (strategy.validate !== undefined && typeof strategy.validate !== 'function') {
    throw invalidValue(`${path}: ${strategy.name}.validate`, 'a function', strategy.validate);
  }
  if (strategy.size !== undefined && typeof strategy.size !== 'function') {
    throw invalidValue(`${path}: ${strategy.name}.size`, 'a function', strategy.size);
  }
  if (strategy.lua !== undefined && typeof strategy.lua !== 'string') {
    throw invalidValue(`${path}: ${strategy.name}.lua`, 'Lua source as a string', strategy.lua);
  }
  return Object.freeze(strategy);
}

/** More values than any state has, and few enough for a page of states. */
const MAX_SIZE = 10_000;

/**
 * Returns the size of a policy's states, if the strategy has one. It is checked, because values that are not stored do not
 * limit.
 *
 * @throws ThrottleConfigError for an invalid size. `path` names the policy in the message.
 */
export function sizeOf(strategy: Strategy, policy: Policy, path: string): StateSize | undefined {
  const size = strategy.size?.(policy);
  if (size === undefined) return undefined;
  const { wide, counts } = size ?? {};
  const areCounts = [wide, counts].every((count) => Number.isSafeInteger(count) && count >= 0);
  if (areCounts && wide + counts >= 1 && wide + counts <= MAX_SIZE) return size;
  throw invalidValue(
    `${path}: strategy "${strategy.name}", size`,
    `whole numbers { wide, counts }, together 1 to ${MAX_SIZE}`,
    areCounts ? wide + counts : size,
  );
}

/** Half of the range in which a double is exact: the sum of two values below it is exact. */
export const HALF_EXACT = 2 ** 52;

/** Throws a ThrottleConfigError unless a product that a strategy computes is exact. `path` names the policy in the message. */
export function assertExact(product: number, path: string, hint: string): void {
  if (product < HALF_EXACT) return;
  throw new ThrottleConfigError(`${path}: too large to be counted exactly. ${hint}`);
}
