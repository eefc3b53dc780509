import { assertKnownMembers, invalidValue, optionAt, ThrottleConfigError } from '../core/errors.js';
import { assertPolicyName, DEFAULT_NAME, isFailureMode } from '../core/policy.js';
import { POLICY_MEMBERS, type PolicyOptions } from '../decorators/policy-options.js';

type Check = readonly [expected: string, fits: (value: unknown) => boolean];

const aFunction = (value: unknown) => typeof value === 'function';

/** What each option may be. The rate, strategy, burst and segments are checked where a policy is made of them. */
const CHECKS: Readonly<Record<string, Check>> = {
  rate: [
    'a rate such as "5/min", or a function that answers with one',
    (value) => typeof value === 'string' || aFunction(value),
  ],
  strategy: [
    'the name of a strategy such as "token-bucket" (one of your own goes into the module\'s strategies, and its name here)',
    (value) => typeof value === 'string',
  ],
  cost: [
    'a whole number of at least 1, or a function of the call (a cost of 0 would never limit)',
    (value) => aFunction(value) || (Number.isSafeInteger(value) && Number(value) >= 1),
  ],
  by: ['a function such as by.ip() or by.user()', aFunction],
  scope: ['"handler", "class", "app" or { group: "a name" }', isScope],
  manual: ['true or false', (value) => typeof value === 'boolean'],
  skip: ['a function of the call', aFunction],
  onError: ['"local", "allow" or "deny"', isFailureMode],
  message: [
    'a text, or a function that gives a text or an object',
    (value) => aFunction(value) || (typeof value === 'string' && value !== ''),
  ],
  onDenied: ['a function of the call and its outcome', aFunction],
  context: [
    'an object, whose scope, if any, is a text',
    (value) => isObject(value) && isText(Reflect.get(Object(value), 'scope')),
  ],
};

/** Throws unless all that is given fits, with an error that names the place and the option. */
export function assertPolicyOptions(place: string, options: PolicyOptions): void {
  if (!isObject(options)) throw invalidValue(place, 'a rate such as "5/min", or an object with a rate', options);
  assertKnownMembers(place, options, POLICY_MEMBERS);
  if (options.rate === undefined) {
    throw new ThrottleConfigError(`${optionAt(place, 'rate')}: expected a rate such as "5/min", got none`);
  }
  if (options.name !== undefined && options.name !== DEFAULT_NAME)
    assertOwnName(optionAt(place, 'name'), options.name, 'Take another, or leave it out.');
  assertOptions(place, options, CHECKS);
}

/** Throws unless `name` can be given to a policy: fits, and is none that unnamed limits are called by. */
export function assertOwnName(place: string, name: unknown, fix: string): void {
  assertPolicyName(place, name);
  if (name !== DEFAULT_NAME && !name.startsWith(`${DEFAULT_NAME}-`)) return;
  throw new ThrottleConfigError(`${place}: "${name}" is what limits without a name are called. ${fix}`);
}

/** Checks each member that is given against its row of a table. */
export function assertOptions(place: string, options: object, checks: Readonly<Record<string, Check>>): void {
  for (const [member, [expected, fits]] of Object.entries(checks)) {
    const value: unknown = Reflect.get(options, member);
    if (value !== undefined && !fits(value)) throw invalidValue(optionAt(place, member), expected, value);
  }
}

/** Whether a value is a plain object, and no list or null. */
export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isScope(value: unknown): boolean {
  if (value === 'handler' || value === 'class' || value === 'app') return true;
  const group = isObject(value) ? Reflect.get(value, 'group') : undefined;
  return typeof group === 'string' && group !== '' && Object.keys(Object(value)).length === 1;
}

function isText(value: unknown): boolean {
  return value === undefined || typeof value === 'string';
}
