import { recognizeInstances } from './copies.js';

/**
 * The kind of a configuration error. Each has a section in `docs/errors.md`: what it means, an example, and the fix.
 *
 * @example
 * if (error instanceof ThrottleConfigError && error.code === 'SLUICE_UNKNOWN_POLICY') throw new NotFoundException();
 */
export type ThrottleErrorCode =
  // Options and arguments
  | 'SLUICE_CONFLICTING_OPTIONS'
  | 'SLUICE_INVALID_ARGUMENT'
  | 'SLUICE_INVALID_FUNCTION'
  | 'SLUICE_INVALID_OPTION'
  | 'SLUICE_LEASE_CONFLICT'
  | 'SLUICE_MISPLACED_OPTION'
  | 'SLUICE_MISSING_VALUE'
  | 'SLUICE_THROTTLER_OPTIONS'
  | 'SLUICE_UNKNOWN_OPTION'
  | 'SLUICE_UNUSED_OPTION'
  // Rates
  | 'SLUICE_CALENDAR_RATE'
  | 'SLUICE_COST_TOO_HIGH'
  | 'SLUICE_DUPLICATE_PERIOD'
  | 'SLUICE_FIXED_RATE'
  | 'SLUICE_INVALID_DURATION'
  | 'SLUICE_INVALID_RATE'
  | 'SLUICE_RATE_TOO_LARGE'
  // Names
  | 'SLUICE_DUPLICATE_POLICY'
  | 'SLUICE_INVALID_NAME'
  | 'SLUICE_NAME_REQUIRED'
  | 'SLUICE_UNKNOWN_PLAN'
  | 'SLUICE_UNKNOWN_POLICY'
  // The module
  | 'SLUICE_DUPLICATE_MODULE'
  | 'SLUICE_INVALID_FACTORY'
  | 'SLUICE_MISSING_FOR_ROOT'
  | 'SLUICE_NOT_CONFIGURED'
  | 'SLUICE_TWO_COPIES'
  // Handlers and callers
  | 'SLUICE_NOT_A_HANDLER'
  | 'SLUICE_PROXY_HEADER'
  | 'SLUICE_SKIPPED_LIMIT'
  // Backends and strategies
  | 'SLUICE_DUPLICATE_STRATEGY'
  | 'SLUICE_INVALID_BACKEND'
  | 'SLUICE_INVALID_STRATEGY'
  | 'SLUICE_STRATEGY_FAILED'
  | 'SLUICE_STRATEGY_WITHOUT_LUA'
  | 'SLUICE_UNKNOWN_STRATEGY'
  | 'SLUICE_UNSUPPORTED_BACKEND'
  // Calls of the service
  | 'SLUICE_ENDED_TALLY'
  | 'SLUICE_INVALID_CHARGE'
  | 'SLUICE_INVALID_RESULT'
  | 'SLUICE_NO_CALL'
  | 'SLUICE_WRONG_POLICY';

const PAGE = 'nestjs-sluice/docs/errors.md';

/**
 * A configuration error. At startup, it stops the application. The message says where the mistake is, what was
 * expected, what was found and how to fix it, and ends with the code and the section of `docs/errors.md` to read.
 *
 * @example
 * policies.login.rate: expected "<count>/<unit>" such as "5/min", got "5/fortnight" (SLUICE_INVALID_RATE, see nestjs-sluice/docs/errors.md#sluice_invalid_rate)
 */
export class ThrottleConfigError extends Error {
  static {
    recognizeInstances(ThrottleConfigError, 'ThrottleConfigError');
  }

  override readonly name = 'ThrottleConfigError';
  /** The kind of the error. */
  readonly code: ThrottleErrorCode;
  /** Private, so that logs do not print the message twice. */
  readonly #problem: string;

  /**
   * @param code the kind of the error
   * @param problem where the mistake is, what was expected, what was found, and how to fix it
   */
  constructor(code: ThrottleErrorCode, problem: string) {
    super(`${problem} (${code}, see ${PAGE}#${code.toLowerCase()})`);
    this.code = code;
    this.#problem = problem;
  }

  /** The message without the code and the section to read. */
  get problem(): string {
    return this.#problem;
  }
}

/** Describes an unexpected value, with its type if the value alone would not show it. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return value.length > 80 ? `"${value.slice(0, 77)}..."` : `"${value}"`;
  if (value === null || value === undefined || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return `${value} (number)`;
  if (typeof value === 'bigint') return `${value}n (bigint)`;
  if (typeof value === 'function') return value.name ? `the function ${value.name}` : 'a function';
  if (typeof value === 'symbol') return String(value);
  if (Array.isArray(value)) return describeList(value);
  const kind = Object.getPrototypeOf(value)?.constructor?.name;
  return kind === undefined || kind === 'Object'
    ? `an object with ${Object.keys(value).join(', ') || 'no members'}`
    : `an instance of ${kind}`;
}

/** Returns a short list of plain values as it is written; of any other list, only the length. */
function describeList(list: readonly unknown[]): string {
  if (list.length === 0) return 'an empty list';
  const isPlain = list.every((one) => typeof one === 'string' || typeof one === 'number' || typeof one === 'boolean');
  const text = isPlain ? `[${list.map((one) => (typeof one === 'string' ? `"${one}"` : String(one))).join(', ')}]` : '';
  return isPlain && text.length <= 80 ? text : `a list of ${list.length}`;
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
export function invalidValue(
  path: string,
  expected: string,
  found: unknown,
  code: ThrottleErrorCode = 'SLUICE_INVALID_OPTION',
): ThrottleConfigError {
  return new ThrottleConfigError(code, `${path}: expected ${expected}, got ${describeValue(found)}`);
}

/** Returns the error for an argument of a method or a function that is invalid. */
export function invalidArgument(path: string, expected: string, found: unknown): ThrottleConfigError {
  return invalidValue(path, expected, found, 'SLUICE_INVALID_ARGUMENT');
}

/** Returns ` Did you mean "search"? Known: search, upload.`, the end of an error about an unknown name. */
export function suggest(name: string, known: readonly string[]): string {
  const list = known.length === 0 ? ' None are known.' : ` Known: ${known.join(', ')}.`;
  const nearest = nearestTo(name, known);
  return nearest === undefined ? list : ` Did you mean "${nearest}"?${list}`;
}

/** Returns the known name that was probably meant; undefined if none is similar. */
export function nearestTo(name: string, known: readonly string[]): string | undefined {
  const nearest = known
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0];
  if (nearest === undefined || nearest.distance > Math.max(2, name.length / 3)) return undefined;
  return nearest.candidate;
}

/** Throws for a member that is not an option: a misspelt option would silently not limit. */
export function assertKnownMembers(path: string, value: object, known: readonly string[]): void {
  for (const member of Object.keys(value)) {
    if (!known.includes(member)) {
      throw new ThrottleConfigError(
        'SLUICE_UNKNOWN_OPTION',
        `${path}: there is no option "${member}".${suggest(member, known)}`,
      );
    }
  }
}

/**
 * Returns the number of edits (insert, delete, replace, swap neighbours) between two words: optimal string alignment.
 */
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
