import type { BuiltinStrategy } from './built-in-strategies.js';

const LETTERS = {
  'fixed-window': 'f',
  'sliding-window': 'w',
  'sliding-log': 'l',
  'token-bucket': 't',
  gcra: 'g',
  'leaky-bucket': 'b',
} as const satisfies Record<BuiltinStrategy, string>;

const LETTER_BY_STRATEGY: ReadonlyMap<string, string> = new Map(Object.entries(LETTERS));

/**
 * Returns a short code for how a policy is counted, the last part of its id: strategy, period and segments. Policies of another
 * code have states that cannot be read as each other's, so they are budgets of their own. The codes are part of stored keys: a
 * changed code starts all counters anew.
 *
 * @param strategy the strategy's name
 * @param periodMs whole milliseconds
 * @example
 * shapeCode('fixed-window', 60_000, 1); // "f60000"
 * shapeCode('sliding-window', 60_000, 10); // "w60000/10"
 * shapeCode('coin-flip', 1000, 1); // "x-coin-flip-1000"
 */
export function shapeCode(strategy: string, periodMs: number, segments: number): string {
  const isSegmented = strategy === 'sliding-window' || segments !== 1;
  const letter = LETTER_BY_STRATEGY.get(strategy) ?? `x-${strategy}-`;
  return `${letter}${periodMs}${isSegmented ? `/${segments}` : ''}`;
}
