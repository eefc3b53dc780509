import { recognizeInstances } from './copies.js';

/**
 * A configuration error. It stops the startup. The message says where, what was expected, what was found, and the fix.
 *
 * @example
 * policies.login.rate: expected "<count>/<unit>" such as "5/min", got "5/fortnight"
 */
export class ThrottleConfigError extends Error {
  static {
    recognizeInstances(ThrottleConfigError, 'ThrottleConfigError');
  }

  override readonly name = 'ThrottleConfigError';
}

/** Describes an unexpected value, with its type if the value alone would not show it. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return value.length > 80 ? `"${value.slice(0, 77)}..."` : `"${value}"`;
  if (value === null || value === undefined || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return `${value} (number)`;
  if (typeof value === 'bigint') return `${value}n (bigint)`;
  if (typeof value === 'function') return value.name ? `the function ${value.name}` : 'a function';
  if (typeof value === 'symbol') return String(value);
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  const kind = Object.getPrototypeOf(value)?.constructor?.name;
  return kind === undefined || kind === 'Object'
    ? `an object with ${Object.keys(value).join(', ') || 'no members'}`
    : `an instance of ${kind}`;
}

/**
 * Returns the path of a member: `policies.login.rate`, `@Throttle on Cats.find, rate` after the path of a decorator, or
 * `hit({ subject })` after that of a method.
 */
export function optionAt(path: string, member: string): string {
  if (path.endsWith('()')) return `${path.slice(0, -1)}{ ${member} })`;
  return path.startsWith('@') ? `${path}, ${member}` : `${path}.${member}`;
}

/** Returns the error for an invalid value: its path, what was expected, and what was found. */
export function invalidValue(path: string, expected: string, found: unknown): ThrottleConfigError {
  return new ThrottleConfigError(`${path}: expected ${expected}, got ${describeValue(found)}`);
}

/** Returns ` Did you mean "search"? Known: search, upload.`, the end of an error about an unknown name. */
export function suggest(name: string, known: readonly string[]): string {
  const list = known.length === 0 ? ' None are known.' : ` Known: ${known.join(', ')}.`;
  const nearest = known
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0];
  if (nearest === undefined || nearest.distance > Math.max(2, name.length / 3)) return list;
  return ` Did you mean "${nearest.candidate}"?${list}`;
}

/** Throws for a member that is not an option: a misspelt option would silently not limit. */
export function assertKnownMembers(path: string, value: object, known: readonly string[]): void {
  for (const member of Object.keys(value)) {
    if (!known.includes(member)) {
      throw new ThrottleConfigError(`${path}: there is no option "${member}".${suggest(member, known)}`);
    }
  }
}

/** Returns the number of edits (insert, delete, replace, swap neighbours) between two words: optimal string alignment. */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number) => rows[i]?.[j] ?? Number.POSITIVE_INFINITY;
  for (let i = 1; i <= a.length; i++) {
    rows[i] = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY;
      rows[i]?.push(Math.min(replaced, swapped, at(i - 1, j) + 1, at(i, j - 1) + 1));
    }
  }
  return at(a.length, b.length);
}
