import { isDate } from 'node:util/types';
import {
  assertKnownMembers,
  invalidValue,
  optionAt,
  ThrottleConfigError,
  type ThrottleErrorCode,
} from '../core/errors.js';
import { AN_ON_ERROR, assertPolicyName, DEFAULT_NAME, foundOnError, isOnError, isPolicyMode } from '../core/policy.js';
import { assertNotMissing, missingValue } from '../core/value-options.js';
import { BUDGET_ONLY_MEMBERS } from '../decorators/budget-options.js';
import { POLICY_MEMBERS, type PolicyOptions, RATE_MEMBERS } from '../decorators/policy-options.js';
import { policyOptionsFor } from '../decorators/throttler-options.js';
import { SPEC_EXPECTED } from '../strategies/define-policy.js';
import { assertContextMembers } from '../transports/context-members.js';
import { assertCalled } from '../transports/identity/by.js';
import { A_CONCURRENCY, assertConcurrency, assertNoneOfConcurrency } from './concurrency/concurrency-checks.js';

/** The valid values of an option, apart from `undefined` (see `VALUE_OPTIONS`): in words, and as a predicate. */
export type OptionCheck = readonly [
  expected: string,
  fits: (value: unknown) => boolean,
  /** Returns the invalid part of a value, for the error. Default: the whole value. */
  wrong?: (value: unknown) => unknown,
];

const isFunction = (value: unknown) => typeof value === 'function';

/** The valid values of the option `mode`, of a policy and of the module. */
export const MODE_CHECK: OptionCheck = [
  '"on", "off", "monitor", or a function of the call that returns one of them',
  (value) => isPolicyMode(value) || isFunctionOfCall(value),
];

/** The valid values of the option `chargeWhen`. */
export const CHARGE_WHEN_CHECK: OptionCheck = [
  '"success", "failure", or a function of the result of the call',
  (value) => value === 'success' || value === 'failure' || isFunction(value),
];

/**
 * `definePolicies` also checks rate, strategy, burst, segments, lease, block, unit, headers and the options of a quota.
 */
const CHECKS: Readonly<Record<string, OptionCheck>> = {
  rate: [
    'a rate such as "5/min", or a function of the call that returns one',
    (value) => typeof value === 'string' || isFunctionOfCall(value),
  ],
  concurrency: [A_CONCURRENCY, () => true],
  strategy: [
    'the name of a strategy such as "token-bucket" (add a custom strategy to the strategies of the module, and write its name here)',
    (value) => typeof value === 'string',
  ],
  burst: [SPEC_EXPECTED.burst, () => true],
  segments: [SPEC_EXPECTED.segments, () => true],
  lease: [SPEC_EXPECTED.lease, () => true],
  block: [SPEC_EXPECTED.block, () => true],
  unit: [SPEC_EXPECTED.unit, () => true],
  headers: [SPEC_EXPECTED.headers, () => true],
  timeZone: [SPEC_EXPECTED.timeZone, () => true],
  anchor: [
    `${SPEC_EXPECTED.anchor}, or a function of the call that returns one`,
    (value) => isDate(value) || isFunctionOfCall(value),
  ],
  rollover: [SPEC_EXPECTED.rollover, () => true],
  thresholds: [SPEC_EXPECTED.thresholds, () => true],
  cost: [
    'a whole number of at least 1, or a function of the call (a cost of 0 would never limit)',
    (value) => isFunctionOfCall(value) || (Number.isSafeInteger(value) && Number(value) >= 1),
  ],
  by: ['a function such as by.ip() or by.user()', isFunctionOfCall],
  scope: ['"handler", "class", "app" or { group: "a name" }', isScope],
  id: ['the name of the budget, a string', (value) => typeof value === 'string' && value !== ''],
  manual: ['true or false', (value) => typeof value === 'boolean'],
  phase: ['"guard" or "handler"', (value) => value === 'guard' || value === 'handler'],
  mode: MODE_CHECK,
  chargeWhen: CHARGE_WHEN_CHECK,
  skip: ['a function of the call', isFunctionOfCall],
  onError: [AN_ON_ERROR, isOnError, foundOnError],
  overrides: [
    'true, for the charged subject, or a function such as by.user(), or a list of such functions',
    (value) =>
      value === true ||
      isFunctionOfCall(value) ||
      (Array.isArray(value) && value.length > 0 && value.every(isFunctionOfCall)),
  ],
  message: [
    'a string, or a function that returns a string or an object',
    (value) => isFunction(value) || (typeof value === 'string' && value !== ''),
  ],
  onDenied: ['a function of the call and its outcome', isFunction],
  context: [
    'an object; its scope, if set, is a string',
    (value) => isObject(value) && isOptionalString(Reflect.get(Object(value), 'scope')),
  ],
};

/** The valid values of the options of `@Throttle`, for error messages. */
const EXPECTED: readonly (readonly [member: string, expected: string])[] = [
  ...Object.entries(CHECKS).map(([member, [expected]]) => [member, expected] as const),
  ['connections', 'a rate such as "10/min", or options with a rate'],
];

const A_LIMIT = 'a rate such as "5/min", or an object with a rate';

/**
 * Checks the options of a limit.
 *
 * @throws ThrottleConfigError naming the place and the option
 */
export function assertPolicyOptions(place: string, options: unknown): asserts options is PolicyOptions {
  assertOwnOptions(place, options);
  assertContextMembers(place, options);
}

function assertOwnOptions(place: string, options: unknown): asserts options is PolicyOptions {
  if (options === undefined) throw missingValue(place, A_LIMIT);
  if (!isRecord(options)) throw invalidValue(place, A_LIMIT, options);
  const replacement = policyOptionsFor(options);
  if (replacement !== undefined) throw new ThrottleConfigError('SLUICE_THROTTLER_OPTIONS', `${place}: ${replacement}`);
  assertNoneMisplaced(place, options);
  assertKnownMembers(place, options, POLICY_MEMBERS);
  const { name }: { name?: unknown } = options;
  if (!('rate' in options)) assertConcurrencyAlone(place, options);
  if (name !== undefined && name !== DEFAULT_NAME)
    assertUnreservedName(optionAt(place, 'name'), name, 'Choose another name, or leave it out.');
  assertOptions(place, options, CHECKS);
  if ('concurrency' in options) assertConcurrency(place, options);
  if ('chargeWhen' in options && 'lease' in options) {
    throw new ThrottleConfigError(
      'SLUICE_LEASE_CONFLICT',
      `${optionAt(place, 'chargeWhen')}: cannot be combined with a lease, because leased units cannot be settled by the outcome of a call. Leave one of the two options out.`,
    );
  }
}

/**
 * Throws for what belongs elsewhere: a list that was spread into options, options of a concurrency or of a token
 * budget.
 *
 * @throws ThrottleConfigError saying where it belongs
 */
export function assertNoneMisplaced(place: string, options: object): void {
  if ('0' in options) {
    throw new ThrottleConfigError(
      'SLUICE_INVALID_OPTION',
      `${place}: expected options of a limit, got a list that was spread into an object. Pass the list itself, such as presets.AUTH, or spread it into a list: [...presets.AUTH].`,
    );
  }
  assertNoneOfConcurrency(place, options);
  assertNoBudget(place, options);
}

function assertNoBudget(place: string, options: object): void {
  const member = BUDGET_ONLY_MEMBERS.find((one) => one in options);
  if (member === undefined) return;
  throw new ThrottleConfigError(
    'SLUICE_MISPLACED_OPTION',
    `${place}: there is no option "${member}" here. Token budgets belong in \`policies\` of the module: { policies: { llm: { budget: "100000/min" } } }.`,
  );
}

/** Throws unless a limit without a rate has a concurrency, and no option that belongs to a rate. */
function assertConcurrencyAlone(place: string, options: object): void {
  if (!('concurrency' in options)) {
    throw new ThrottleConfigError(
      'SLUICE_MISSING_VALUE',
      `${optionAt(place, 'rate')}: expected a rate such as "5/min", got none`,
    );
  }
  const other = RATE_MEMBERS.find((member) => member in options);
  if (other === undefined) return;
  const fix = other === 'cost' ? ', or write concurrency: { limit, weight } to set the permits of a call' : '';
  throw new ThrottleConfigError(
    'SLUICE_UNUSED_OPTION',
    `${optionAt(place, other)}: applies to a rate, but this limit has only a concurrency. Leave it out, add a rate${fix}.`,
  );
}

/**
 * Checks the name of a policy. Names that Sluice generates for unnamed limits are not allowed.
 *
 * @param fix what to do instead, for the error
 * @throws ThrottleConfigError naming the place
 */
export function assertUnreservedName(place: string, name: unknown, fix: string): void {
  assertPolicyName(place, name);
  if (name !== DEFAULT_NAME && !name.startsWith(`${DEFAULT_NAME}-`)) return;
  throw new ThrottleConfigError('SLUICE_INVALID_NAME', `${place}: "${name}" is reserved for unnamed limits. ${fix}`);
}

/**
 * Checks each given option against a table.
 *
 * @throws ThrottleConfigError naming the place and the option
 */
export function assertOptions(place: string, options: object, checks: Readonly<Record<string, OptionCheck>>): void {
  for (const [member, [expected, fits, wrong = (value: unknown) => value]] of Object.entries(checks)) {
    const value: unknown = Reflect.get(options, member);
    assertNotMissing(place, options, member, expected);
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) assertCalled(optionAt(place, member), one);
    if (!fits(value)) throw unfitValue(place, member, expected, wrong(value));
  }
}

/**
 * Throws for an option of `@Throttle` that is `undefined` but must have a value. @throws ThrottleConfigError naming it
 */
export function assertNoneMissing(place: string, options: object): void {
  for (const [member, expected] of EXPECTED) assertNotMissing(place, options, member, expected);
}

/** The codes of the errors for options whose errors have a section of their own in `docs/errors.md`. */
const CODES: ReadonlyMap<string, ThrottleErrorCode> = new Map([
  ['rate', 'SLUICE_INVALID_RATE'],
  ['backend', 'SLUICE_INVALID_BACKEND'],
]);

function unfitValue(place: string, member: string, expected: string, value: unknown): ThrottleConfigError {
  const error = invalidValue(optionAt(place, member), expected, value, CODES.get(member));
  // The function of a backend gets no call; a class with arguments is one without `new`.
  if (typeof value !== 'function' || value.length <= 1 || member === 'backend') return error;
  return new ThrottleConfigError(
    'SLUICE_INVALID_FUNCTION',
    `${error.problem}, which takes ${value.length} arguments but would get only the call. Wrap it: (call) => ...`,
  );
}

/**
 * Returns true for a function that takes a call. A function with more parameters is meant for something else, such as
 * the method `config.get`, which would also lose its `this`.
 */
export function isFunctionOfCall(value: unknown): boolean {
  return typeof value === 'function' && value.length <= 1;
}

/** Returns true for an object whose members are options; false for a promise, a `Map` or another iterable. */
export function isRecord(value: unknown): value is object {
  return isObject(value) && !isThenable(value) && !(Symbol.iterator in value);
}

/** Returns true for a promise, or another object with a `then` method. */
export function isThenable(value: unknown): boolean {
  return isObject(value) && typeof Reflect.get(value, 'then') === 'function';
}

/** Returns true for an object that is not null, an array or a function. */
export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isScope(value: unknown): boolean {
  if (value === 'handler' || value === 'class' || value === 'app') return true;
  const group = isObject(value) ? Reflect.get(value, 'group') : undefined;
  return typeof group === 'string' && group !== '' && Object.keys(Object(value)).length === 1;
}

function isOptionalString(value: unknown): boolean {
  return value === undefined || typeof value === 'string';
}
