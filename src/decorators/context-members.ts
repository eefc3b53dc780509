import { sharedState } from '../core/copies.js';
import { invalidValue, nearestTo, optionAt, ThrottleConfigError } from '../core/errors.js';
import { missingValue } from '../core/value-options.js';
import type { By } from '../transports/call.js';
import type { PolicyOptions } from './policy-options.js';

/** A member of `context` that a `by` function of this library reads. All other members belong to the application. */
export interface ContextMember {
  readonly name: string;
  /** The valid values, for errors. */
  readonly expected: string;
  readonly fits: (value: unknown) => boolean;
  /** A sentence for errors that says how the preset limits without the member. */
  readonly without: string;
}

const readers = sharedState('context-readers', () => new WeakMap<By, ContextMember>());

/** Notes that a function reads a member of `context`, so that startup checks it. Returns the function. */
export function readsContext(by: By, member: ContextMember): By {
  readers.set(by, member);
  return by;
}

/**
 * Checks the member of `context` that the `by` function of a limit reads. If it is misspelt or invalid, the limit would
 * apply to nobody.
 *
 * @throws ThrottleConfigError naming the place and the member
 */
export function assertContextMembers(place: string, { name: limit, by, context = {} }: PolicyOptions): void {
  const member = by && readers.get(by);
  if (member === undefined) return;
  const { name, expected, fits, without } = member;
  const path = optionAt(place, 'context');
  const fix = `The limit "${limit}" reads it. ${without}`;
  if (name in context) {
    const value: unknown = context[name];
    if (value === undefined) throw missingValue(`${path}.${name}`, expected, fix);
    if (fits(value)) return;
    const { code, problem } = invalidValue(`${path}.${name}`, expected, value);
    throw new ThrottleConfigError(code, `${problem}. ${fix}`);
  }
  const misspelt = Object.keys(context).find((one) => nearestTo(one, [name]) !== undefined);
  if (misspelt === undefined) return;
  throw new ThrottleConfigError(
    'SLUICE_UNKNOWN_OPTION',
    `${path}: expected "${name}", ${expected}, got "${misspelt}". Did you mean "${name}"? ${fix}`,
  );
}
