import type { PolicyCalendar } from '../core/policy.js';
import type { BuiltinStrategy } from './built-in-strategies.js';

const LETTERS = {
  'fixed-window': 'f',
  'sliding-window': 'w',
  'sliding-log': 'l',
  'token-bucket': 't',
  gcra: 'g',
  'leaky-bucket': 'b',
  calendar: 'c',
} as const satisfies Record<BuiltinStrategy, string>;

const LETTER_BY_STRATEGY: ReadonlyMap<string, string> = new Map(Object.entries(LETTERS));

/**
 * Returns a short code for how a policy is counted (strategy, period and segments), the last part of its id. States of
 * policies with different codes are incompatible, so such policies have separate budgets. The codes are part of stored
 * keys: changing a code resets all counters.
 *
 * @param strategy the strategy's name
 * @param periodMs whole milliseconds
 * @param calendar the calendar of a `calendar` policy; it defines the period
 * @param hasBlock true if the policy has the option `block`: its stored states contain the blocks of subjects
 * @example
 * shapeCode('fixed-window', 60_000, 1); // "f60000"
 * shapeCode('sliding-window', 60_000, 10); // "w60000/10"
 * shapeCode('coin-flip', 1000, 1); // "x-coin-flip-1000"
 * shapeCode('calendar', 2_629_746_000, 1, { unit: 'month', timeZone: 'Europe/Berlin' }); // "cm/europe/berlin"
 */
export function shapeCode(
  strategy: string,
  periodMs: number,
  segments: number,
  calendar?: PolicyCalendar,
  hasBlock = false,
): string {
  return `${stateCode(strategy, periodMs, segments, calendar)}${hasBlock ? '-b' : ''}`;
}

function stateCode(strategy: string, periodMs: number, segments: number, calendar?: PolicyCalendar): string {
  if (calendar !== undefined) return `${LETTERS.calendar}${calendarCode(calendar)}`;
  const isSegmented = strategy === 'sliding-window' || segments !== 1;
  const letter = LETTER_BY_STRATEGY.get(strategy) ?? `x-${strategy}-`;
  return `${letter}${periodMs}${isSegmented ? `/${segments}` : ''}`;
}

/** Returns unit, anchor (base 36) and time zone; anchor and zone only if set. Zone names are case-insensitive. */
function calendarCode({ unit, timeZone, anchorMs }: PolicyCalendar): string {
  const zone = timeZone.toLowerCase();
  return `${unit.charAt(0)}${anchorMs === undefined ? '' : anchorMs.toString(36)}${zone === 'utc' ? '' : `/${zone}`}`;
}
