import { assertKnownMembers, invalidValue, optionAt, ThrottleConfigError } from '../core/errors.js';
import { assertPolicyName, DEFAULT_NAME, isFailureMode } from '../core/policy.js';
import { POLICY_MEMBERS, type PolicyOptions } from '../decorators/policy-options.js';

/** The values that an option may have: in words, and as a predicate. `undefined` means that the option is not given. */
export type OptionCheck = readonly [expected: string, fits: (value: unknown) => boolean];

const isFunction = (value: unknown) => typeof value === 'function';

/** The rate, strategy, burst, segments and lease are checked further by `definePolicies`. */
const CHECKS: Readonly<Record<string, OptionCheck>> = {
  rate: [
    'a rate such as "5/min", or a function that answers with one',
    (value) => typeof value === 'string' || isFunction(value),
  ],
  strategy: [
    'the name of a strategy such as "token-bucket" (one of your own goes into the module\'s strategies, and its name here)',
    (value) => typeof value === 'string',
  ],
  cost: [
    'a whole number of at least 1, or a function of the call (a cost of 0 would never limit)',
    (value) => isFunction(value) || (Number.isSafeInteger(value) && Number(value) >= 1),
  ],
  by: ['a function such as by.ip() or by.user()', isFunction],
  scope: ['"handler", "class", "app" or { group: "a name" }', isScope],
  manual: ['true or false', (value) => typeof value === 'boolean'],
  phase: ['"guard" or "handler"', (value) => value === 'guard' || value === 'handler'],
  skip: ['a function of the call', isFunction],
  onError: ['"local", "allow" or "deny"', isFailureMode],
  message: [
    'a text, or a function that gives a text or an object',
    (value) => isFunction(value) || (typeof value === 'string' && value !== ''),
  ],
  onDenied: ['a function of the call and its outcome', isFunction],
  context: [
    'an object, whose scope, if any, is a text',
    (value) => isObject(value) && isOptionalString(Reflect.get(Object(value), 'scope')),
  ],
};

/**
 * Checks the options of a limit.
 *
 * @throws ThrottleConfigError naming the place and the option
 */
export function assertPolicyOptions(place: string, options: unknown): asserts options is PolicyOptions {
  if (!isObject(options)) throw invalidValue(place, 'a rate such as "5/min", or an object with a rate', options);
  assertKnownMembers(place, options, POLICY_MEMBERS);
  const { rate, name }: { rate?: unknown; name?: unknown } = options;
  if (rate === undefined) {
    throw new ThrottleConfigError(`${optionAt(place, 'rate')}: expected a rate such as "5/min", got none`);
  }
  if (name !== undefined && name !== DEFAULT_NAME)
    assertUnreservedName(optionAt(place, 'name'), name, 'Take another, or leave it out.');
  assertOptions(place, options, CHECKS);
}

/**
 * Checks the name of a policy. Names that Sluice gives to unnamed limits are not allowed.
 *
 * @param fix what to do instead, for the error
 * @throws ThrottleConfigError naming the place
 */
export function assertUnreservedName(place: string, name: unknown, fix: string): void {
  assertPolicyName(place, name);
  if (name !== DEFAULT_NAME && !name.startsWith(`${DEFAULT_NAME}-`)) return;
  throw new ThrottleConfigError(`${place}: "${name}" is what limits without a name are called. ${fix}`);
}

/**
 * Checks each given option against a table.
 *
 * @throws ThrottleConfigError naming the place and the option
 */
export function assertOptions(place: string, options: object, checks: Readonly<Record<string, OptionCheck>>): void {
  for (const [member, [expected, fits]] of Object.entries(checks)) {
    const value: unknown = Reflect.get(options, member);
    if (value !== undefined && !fits(value)) throw invalidValue(optionAt(place, member), expected, value);
  }
}

/** Returns true for an object that is neither null, an array nor a function. */
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
