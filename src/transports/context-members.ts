import { sharedState } from '../core/copies.js';
import { invalidValue, nearestTo, optionAt, ThrottleConfigError } from '../core/errors.js';
import { missingValue } from '../core/value-options.js';
import type { By, CallContext } from './call.js';

/** A member of `context` that a `by` function of this library reads. All other members belong to the application. */
export interface ContextMember {
  readonly name: string;
  /** The valid values, for errors. */
  readonly expected: string;
  readonly fits: (value: unknown) => boolean;
  /** A sentence for errors that says how the preset limits without the member. */
  readonly without: string;
}

const readers = sharedState('context-readers', () => new WeakMap<By, readonly ContextMember[]>());

/** Notes that a function reads members of `context`, so that they are checked. Returns the function. */
export function readsContext(by: By, members: readonly ContextMember[]): By {
  if (members.length > 0) readers.set(by, members);
  return by;
}

/** Returns the members of `context` that a `By` of this library, or one that it consists of, reads. */
export function contextMembersOf(by: By): readonly ContextMember[] {
  return readers.get(by) ?? [];
}

/** The options of a limit that say what `context` has to contain. */
export interface ContextUse {
  readonly name?: string;
  readonly by?: By;
  readonly context?: CallContext;
}

/**
 * Checks the members of `context` that the library reads for a limit. If the one that its `by` function reads is
 * misspelt or invalid, the limit would not apply.
 *
 * @throws ThrottleConfigError naming the place and the member
 */
export function assertContextMembers(place: string, { name: limit, by, context = {} }: ContextUse): void {
  const path = optionAt(place, 'context');
  // A policy of the module has no name among its options: the place has it.
  const reader = limit === undefined ? 'The policy' : `The limit "${limit}"`;
  for (const member of by === undefined ? [] : contextMembersOf(by)) {
    assertMember(path, context, member, `${reader} reads it. ${member.without}`);
  }
}

function assertMember(path: string, context: CallContext, member: ContextMember, fix: string): void {
  const { name, expected, fits } = member;
  if (!(name in context)) {
    const misspelt = Object.keys(context).find((given) => nearestTo(given, [name]) !== undefined);
    if (misspelt === undefined) return;
    throw new ThrottleConfigError(
      'SLUICE_UNKNOWN_OPTION',
      `${path}: expected "${name}", ${expected}, got "${misspelt}". Did you mean "${name}"? ${fix}`,
    );
  }
  const value: unknown = context[name];
  if (value === undefined) throw missingValue(`${path}.${name}`, expected, fix);
  if (fits(value)) return;
  const { code, problem } = invalidValue(`${path}.${name}`, expected, value);
  throw new ThrottleConfigError(code, `${problem}. ${fix}`);
}
