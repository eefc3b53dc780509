import { assertKnownMembers, invalidValue, ThrottleConfigError } from '../core/errors.js';
import { isFailureMode } from '../core/policy.js';
import { assertOptions, isObject, type OptionCheck } from '../planning/option-checks.js';
import { BUILT_IN_STRATEGIES } from '../strategies/built-in-strategies.js';
import { checkStrategy, type Strategy } from '../strategies/strategy.js';
import type { SocketOptions, ThrottleFeatureOptions, ThrottleModuleOptions } from './throttle-module.options.js';

const MODULE = 'ThrottleModule';
/** For errors: where the options of sockets are. */
export const SOCKETS = `${MODULE}.sockets`;

/** Options of the module itself, which are given beside a factory and not in what it returns. */
const EXTRAS = ['guard', 'isGlobal'];
const FACTORIES = ['useFactory', 'useClass', 'useExisting'];
const BACKEND_METHODS = ['spend', 'peek', 'settle', 'reset'];

const isFunction = (value: unknown) => typeof value === 'function';

const MODULE_CHECKS: Readonly<Record<keyof ThrottleModuleOptions, OptionCheck>> = {
  backend: [
    'a backend, with spend, peek, settle and reset, such as new MemoryBackend()',
    (value) => isObject(value) && BACKEND_METHODS.every((method) => isFunction(Reflect.get(value, method))),
  ],
  strategies: ['a list of strategies, as defineStrategy() makes them', Array.isArray],
  policies: ['an object of policies by name, such as { login: "5/min" }', isObject],
  default: ['a rate such as "1000/min", options with a rate, or a list of these', (value) => isLimits(value)],
  skip: ['a function of the call', isFunction],
  onError: ['"local", "allow" or "deny"', isFailureMode],
  headers: [
    '"standard", "legacy", "both" or false',
    (value) => ['standard', 'legacy', 'both', false].some((one) => one === value),
  ],
  errors: ['"nest" or "problem"', (value) => value === 'nest' || value === 'problem'],
  message: [
    'a text, or a function that gives a text or an object',
    (value) => isFunction(value) || (typeof value === 'string' && value !== ''),
  ],
  onDenied: ['a function of the call and its outcome', isFunction],
  ipv6Prefix: ['a whole number of bits from 1 to 128', (value) => isWhole(value, 1) && Number(value) <= 128],
  sockets: ['options { connections?, frames?, closeAfter?, noticeEveryMs?, maxPending?, trustProxy? }', isObject],
};
const MODULE_MEMBERS = Object.keys(MODULE_CHECKS);

const SOCKET_CHECKS: Readonly<Record<string, OptionCheck>> = {
  closeAfter: ['a whole number of denied messages, at least 1', (value) => isWhole(value, 1)],
  noticeEveryMs: ['a whole number of milliseconds, at least 0', (value) => isWhole(value, 0)],
  maxPending: ['a whole number of messages, at least 1', (value) => isWhole(value, 1)],
};
/** Checked where they are compiled: `connections`, `frames` and `trustProxy`. */
const SOCKET_MEMBERS = [...Object.keys(SOCKET_CHECKS), 'connections', 'frames', 'trustProxy'];

/**
 * Checks the options of `forRoot`, or those that the factory of `forRootAsync` returns.
 *
 * @throws ThrottleConfigError naming the option
 */
export function assertModuleOptions(
  options: ThrottleModuleOptions | undefined,
): asserts options is ThrottleModuleOptions {
  if (options === undefined) {
    throw new ThrottleConfigError(
      `${MODULE}: there are no options. Import ThrottleModule.forRoot(), not the class alone; a factory has to return them.`,
    );
  }
  if (!isObject(options)) throw invalidValue(MODULE, 'an object of options', options);
  for (const extra of EXTRAS) {
    if (extra in options) {
      throw new ThrottleConfigError(
        `${MODULE}: "${extra}" shapes the module itself. Put it beside the factory, not into what that returns.`,
      );
    }
  }
  assertKnownMembers(MODULE, options, [...MODULE_MEMBERS, ...EXTRAS]);
  assertOptions(MODULE, options, MODULE_CHECKS);
}

/** Checks the options of sockets. @throws ThrottleConfigError naming the option */
export function assertSocketOptions(options: SocketOptions): void {
  assertKnownMembers(SOCKETS, options, SOCKET_MEMBERS);
  assertOptions(SOCKETS, options, SOCKET_CHECKS);
}

/** Checks custom strategies. @throws ThrottleConfigError naming the strategy */
export function assertStrategies(strategies: readonly Strategy[]): void {
  const checked = strategies.map((strategy, i) => checkStrategy(`${MODULE}.strategies[${i}]`, strategy));
  const names = [...BUILT_IN_STRATEGIES, ...checked].map(({ name }) => name);
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated === undefined) return;
  throw new ThrottleConfigError(`${MODULE}.strategies: there are two of the name "${repeated}". Give yours another.`);
}

/**
 * Checks the argument of `forRootAsync`. Options that belong in what the factory returns are not allowed beside it.
 *
 * @throws ThrottleConfigError naming the option
 */
export function assertAsyncOptions(options: object): void {
  const place = `${MODULE}.forRootAsync`;
  if (!isObject(options) || FACTORIES.every((member) => Reflect.get(options, member) === undefined)) {
    throw invalidValue(place, 'options with useFactory, useClass or useExisting', options);
  }
  const misplaced = MODULE_MEMBERS.find((member) => member in options);
  if (misplaced !== undefined) {
    throw new ThrottleConfigError(`${place}: "${misplaced}" is read only in what the factory returns. Put it there.`);
  }
  assertKnownMembers(place, options, [...FACTORIES, 'inject', 'imports', 'provideInjectionTokensFrom', ...EXTRAS]);
}

/** Checks the argument of `forFeature`. @throws ThrottleConfigError */
export function assertFeatureOptions(options: ThrottleFeatureOptions): void {
  const place = `${MODULE}.forFeature`;
  if (!isObject(options)) throw invalidValue(place, 'options { policies }', options);
  assertKnownMembers(place, options, ['policies']);
  if (!isObject(options.policies))
    throw invalidValue(`${place}: policies`, 'an object of policies by name', options.policies);
}

function isWhole(value: unknown, atLeast: number): boolean {
  return Number.isSafeInteger(value) && Number(value) >= atLeast;
}

function isLimits(value: unknown): boolean {
  return typeof value === 'string' || isObject(value) || (Array.isArray(value) && value.length > 0);
}
