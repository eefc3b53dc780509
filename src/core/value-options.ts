import { describeValue, optionAt, ThrottleConfigError } from './errors.js';

/**
 * Options that define the limit itself, such as its rate, and what applies if they are omitted. Their values often come
 * from a configuration; if one is missing there, the default would be an unintended limit, or none. So these options
 * may be omitted but not be `undefined`. All other options may be `undefined`, which means their default.
 */
export const VALUE_OPTIONS = {
  default: 'no limit for handlers without one of their own',
  policies: 'no policies',
  plans: 'no plans',
  requests: 'no limit of all requests',
  connections: 'the limit of the module, or none',
  frames: 'no limit',
  /** Required, unless another argument contains it. */
  rate: null,
  concurrency: 'any number of calls at a time',
  by: 'the connection on sockets, elsewhere the address',
  cost: '1',
  burst: 'the limit; for "gcra" 1',
  segments: "the period's largest divisor up to 10",
  scope: 'where the limit is declared',
  strategy: '"sliding-window"',
  onError: 'that of the module, or "local"',
  lease: 'no lease',
  chargeWhen: 'every call is charged',
  block: 'no blocks',
  on: 'the call being handled',
  subject: 'the subject that the policy finds',
} as const satisfies Readonly<Record<string, string | null>>;

/** The name of an option that may not be `undefined`. */
export type ValueOption = keyof typeof VALUE_OPTIONS;

function isValueOption(member: string): member is ValueOption {
  return Object.hasOwn(VALUE_OPTIONS, member);
}

/**
 * Returns the error for a member that is present with the value `undefined`.
 *
 * @param fix what to do to have no value
 */
export function missingValue(path: string, expected: string, fix = ''): ThrottleConfigError {
  return new ThrottleConfigError(
    'SLUICE_MISSING_VALUE',
    `${path}: expected ${expected}, got ${describeValue(undefined)}. ` +
      `Is an environment variable or a configuration value missing?${fix === '' ? '' : ` ${fix}`}`,
  );
}

/** Throws for an option that is present as `undefined` but must have a value. @throws ThrottleConfigError naming it */
export function assertNotMissing(path: string, options: object, member: string, expected: string): void {
  if (!isValueOption(member) || !(member in options) || Reflect.get(options, member) !== undefined) return;
  const without = VALUE_OPTIONS[member];
  const fix = without === null ? '' : `Leave the option out to use its default: ${without}.`;
  throw missingValue(optionAt(path, member), expected, fix);
}
