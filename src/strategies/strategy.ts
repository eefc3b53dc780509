import type { Decision } from '../core/decision.js';
import { invalidValue, ThrottleConfigError } from '../core/errors.js';
import type { Policy } from '../core/policy.js';

/** What a strategy remembers of one subject: a short list of whole numbers. Empty: nothing has been charged yet. */
export type State = readonly number[];

/** What a step comes to. `state` is the one given, the same object, where nothing is to be written. */
export interface StepResult {
  readonly state: State;
  readonly decision: Decision;
  /** How many numbers, from the first on, may be others than those given, where it gave as many; all where it is left out. */
  readonly changed?: number;
}

/** How many numbers a state holds. */
export interface StateSize {
  /** Those that it begins with, of any size. */
  readonly wide: number;
  /** Those behind them, small ones for the most part. */
  readonly counts: number;
}

/**
 * An algorithm, as pure functions of (state, now, policy, cost).
 *
 * Every intermediate value is a whole number below 2^53, and the only operations are `+ - *`, `min`, `max`, floor and
 * ceil of a quotient, and non-negative `%`: so a twin in another language of IEEE doubles agrees to the bit.
 * A denial and a cost of 0 return the state they were given. State from more than one period ahead of `now` counts as
 * empty; a smaller step back of the clock stands still.
 */
export interface Strategy {
  readonly name: string;
  /** Decides a charge of `cost` units at the instant `now` (epoch milliseconds). */
  step(state: State, now: number, policy: Policy, cost: number): StepResult;
  /** Makes a charge of `from` units at the instant `at` one of `to <= from`; never gives back more than was taken. */
  amend(state: State, now: number, policy: Policy, at: number, from: number, to: number): State;
  /** What a state that is not empty holds, where that is the same for a policy's shape: it is kept in fewer bytes then. */
  size?(policy: Policy): StateSize;
  /** Throws a ThrottleConfigError for a policy that it cannot keep exact; `place` names the policy in the message. */
  validate?(policy: Policy, place: string): void;
  /**
   * Lua source of the twin, for backends that run it where the state is: returns `{ step, amend, fits? }`, which take and
   * give what the functions here do, with members in snake_case. States are whole numbers from 0 to 2^53 - 1: another
   * number is garbage when it is read again, and the key begins afresh.
   */
  readonly lua?: string;
}

const NAME = /^[a-z][a-z0-9-]{0,31}$/;

/**
 * Checks and freezes a strategy of your own. Give it to the module (`strategies`), or below Nest to `backend.use`.
 *
 * @throws ThrottleConfigError naming the member that does not fit
 * @example
 * export const coinFlip = defineStrategy({ name: 'coin-flip', step, amend });
 */
export function defineStrategy(strategy: Strategy): Strategy {
  return checkStrategy('defineStrategy', strategy);
}

/** The same, for a strategy that stands at a place of the configuration. Returns the object itself: it stays the same one. */
export function checkStrategy(place: string, strategy: Strategy): Strategy {
  if (typeof strategy !== 'object' || strategy === null) {
    throw invalidValue(place, 'an object with name, step and amend', strategy);
  }
  if (typeof strategy.name !== 'string' || !NAME.test(strategy.name)) {
    throw invalidValue(
      `${place}: name`,
      'lower-case letters, digits and "-", at most 32, such as "coin-flip"',
      strategy.name,
    );
  }
  for (const member of ['step', 'amend'] as const) {
    if (typeof strategy[member] !== 'function') {
      throw invalidValue(`${place}: ${strategy.name}.${member}`, 'a function', strategy[member]);
    }
  }
  if (strategy.validate !== undefined && typeof strategy.validate !== 'function') {
    throw invalidValue(`${place}: ${strategy.name}.validate`, 'a function', strategy.validate);
  }
  if (strategy.size !== undefined && typeof strategy.size !== 'function') {
    throw invalidValue(`${place}: ${strategy.name}.size`, 'a function', strategy.size);
  }
  if (strategy.lua !== undefined && typeof strategy.lua !== 'string') {
    throw invalidValue(`${place}: ${strategy.name}.lua`, 'Lua source as a string', strategy.lua);
  }
  return Object.freeze(strategy);
}

/** More numbers than any state has, and few enough for a page of them. */
const MAX_SIZE = 10_000;

/**
 * How many numbers a strategy says that a policy's states hold. Told apart from nonsense: what is not kept is not limited.
 *
 * @throws ThrottleConfigError naming the place
 */
export function sizeOf(strategy: Strategy, policy: Policy, place: string): StateSize | undefined {
  const size = strategy.size?.(policy);
  if (size === undefined) return undefined;
  const { wide, counts } = size ?? {};
  const areCounts = [wide, counts].every((count) => Number.isSafeInteger(count) && count >= 0);
  if (areCounts && wide + counts >= 1 && wide + counts <= MAX_SIZE) return size;
  throw invalidValue(
    `${place}: strategy "${strategy.name}", size`,
    `whole numbers { wide, counts }, together 1 to ${MAX_SIZE}`,
    areCounts ? wide + counts : size,
  );
}

/** Half of the whole numbers that a double holds exactly: two products below it can be added. */
export const HALF_EXACT = 2 ** 52;

/** Throws unless a product that a strategy forms stays exact. */
export function assertExact(product: number, place: string, hint: string): void {
  if (product < HALF_EXACT) return;
  throw new ThrottleConfigError(`${place}: too large to be counted exactly. ${hint}`);
}
