import { chain } from '../../core/awaitable.js';
import { describeValue } from '../../core/errors.js';
import { isPolicyMode, type PolicyMode } from '../../core/policy.js';
import type { ModeOf } from '../../transports/call.js';

/** A mode or a function that returns one; undefined for `on`, so that a call compares one value. */
export type ModeSource = Exclude<PolicyMode, 'on'> | ModeOf | undefined;

/**
 * Returns the source of a mode.
 *
 * @param place names the option in the error if the function returns something else
 */
export function modeSource(mode: PolicyMode | ModeOf | undefined, place: string): ModeSource {
  if (typeof mode !== 'function') return mode === 'on' ? undefined : mode;
  return (call) =>
    chain(mode(call), (result) => {
      if (isPolicyMode(result)) return result;
      throw new TypeError(`${place}: expected "on", "off" or "monitor", got ${describeValue(result)}`);
    });
}
