import { assertKnownMembers, describeValue, invalidValue, ThrottleConfigError } from '../core/errors.js';
import { AN_ON_ERROR, foundOnError, isOnError } from '../core/policy.js';
import { missingValue } from '../core/value-options.js';
import { moduleOptionsFor } from '../decorators/throttler-options.js';
import {
  assertOptions,
  isFunctionOfCall,
  isObject,
  isRecord,
  isThenable,
  MODE_CHECK,
  type OptionCheck,
} from '../planning/option-checks.js';
import { BUILT_IN_STRATEGIES } from '../strategies/built-in-strategies.js';
import { checkStrategy, type Strategy } from '../strategies/strategy.js';
import { A_HEADER_STYLE, isHeaderStyle } from '../transports/http/header-dialects.js';
import { assertNoneMisplaced } from './misplaced-options.js';
import { A_BACKEND, assertNoClient, isBackend } from './throttle-backend.js';
import type { SocketOptions, ThrottleFeatureOptions, ThrottleModuleOptions } from './throttle-module.options.js';

/** The path of the module's options in error messages. */
export const MODULE = 'ThrottleModule';
/** The path of the options of sockets in error messages. */
export const SOCKETS = `${MODULE}.sockets`;

/** Options of the module itself, which are set next to a factory instead of in its result. */
export const EXTRAS: readonly string[] = ['guard', 'isGlobal'];
const FACTORIES = ['useFactory', 'useClass', 'useExisting'];

const isFunction = (value: unknown) => typeof value === 'function';

/** The longest delay of a Node timer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const MODULE_CHECKS: Readonly<Record<keyof ThrottleModuleOptions, OptionCheck>> = {
  backend: [`${A_BACKEND}, or a function that returns one`, (value) => isBackend(value) || isFunction(value)],
  strategies: ['a list of strategies, as defineStrategy() makes them', Array.isArray],
  policies: ['an object of policies by name, such as { login: "5/min" }', isRecord],
  default: ['a rate such as "1000/min", options with a rate, or a list of these', (value) => isLimits(value)],
  plans: ['options { of, default, tiers, cacheMs? }', isRecord],
  requests: [
    'a rate such as "1000/min", or options with a rate',
    (value) => typeof value === 'string' || isObject(value),
  ],
  runtimePolicies: ['true or false', (value) => typeof value === 'boolean'],
  mode: MODE_CHECK,
  skip: ['a function of the call', isFunctionOfCall],
  onError: [AN_ON_ERROR, isOnError, foundOnError],
  headers: [A_HEADER_STYLE, isHeaderStyle],
  errors: ['"nest" or "problem"', (value) => value === 'nest' || value === 'problem'],
  message: [
    'a string, or a function that returns a string or an object',
    (value) => isFunction(value) || (typeof value === 'string' && value !== ''),
  ],
  onDenied: ['a function of the call and its outcome', isFunction],
  functionTimeoutMs: [
    'a whole number of milliseconds from 1 to 2147483647',
    (value) => isWhole(value, 1) && Number(value) <= MAX_TIMER_MS,
  ],
  retryJitter: ['a share of the wait from 0 to 1, or { share, random? }', isRetryJitter],
  ipv6Prefix: ['a whole number of bits from 1 to 128', (value) => isWhole(value, 1) && Number(value) <= 128],
  sockets: ['options { connections?, frames?, closeAfter?, noticeEveryMs?, maxPending?, trustProxy? }', isObject],
};
/** The options of the module, without those that are set next to a factory. */
export const MODULE_MEMBERS: readonly string[] = Object.keys(MODULE_CHECKS);

const A_SOCKET_LIMIT = 'a rate such as "10/min", or options with a rate';

/** `connections`, `frames` and `trustProxy` are checked further when they are compiled. */
const SOCKET_CHECKS: Readonly<Record<keyof SocketOptions, OptionCheck>> = {
  closeAfter: ['a whole number of denied messages, at least 1', (value) => isWhole(value, 1)],
  noticeEveryMs: ['a whole number of milliseconds, at least 0', (value) => isWhole(value, 0)],
  maxPending: ['a whole number of messages, at least 1', (value) => isWhole(value, 1)],
  connections: [A_SOCKET_LIMIT, () => true],
  frames: [A_SOCKET_LIMIT, () => true],
  trustProxy: ['proxies that are trusted', () => true],
};
/** The options of sockets. */
export const SOCKET_MEMBERS: readonly string[] = Object.keys(SOCKET_CHECKS);

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
      'SLUICE_MISSING_FOR_ROOT',
      `${MODULE}: there are no options. Import ThrottleModule.forRoot(), not ThrottleModule alone. With forRootAsync, return an object from the factory.`,
    );
  }
  if (isDynamicModule(options)) {
    throw new ThrottleConfigError(
      'SLUICE_INVALID_FACTORY',
      `${MODULE}: expected options, got a module. The factory of forRootAsync returns what forRoot takes: { default: "1000/min" }.`,
    );
  }
  assertNotThrottlers(MODULE, options);
  if (!isRecord(options)) throw invalidValue(MODULE, 'an object of options', options);
  for (const extra of EXTRAS) {
    if (extra in options) {
      throw new ThrottleConfigError(
        'SLUICE_MISPLACED_OPTION',
        `${MODULE}: "${extra}" is an option of the module itself. Move it beside the factory, out of the object that the factory returns.`,
      );
    }
  }
  assertNoneMisplaced(MODULE, options, MODULE_MEMBERS);
  assertKnownMembers(MODULE, options, [...MODULE_MEMBERS, ...EXTRAS]);
  assertNoClient(`${MODULE}.backend`, options.backend);
  assertOptions(MODULE, options, MODULE_CHECKS);
}

/**
 * Checks the argument of `forRoot`, and returns its options as own members: Nest copies only these, and would lose the
 * getters of a class.
 *
 * @param args an argument that is `undefined` is a missing value; no argument means no options
 * @throws ThrottleConfigError
 */
export function rootOptions<T extends object>(args: readonly (T | undefined)[]): Partial<T> {
  if (args.length === 0) return {};
  const [options] = args;
  const place = `${MODULE}.forRoot`;
  const expected = 'options such as { default: "1000/min" }';
  if (options === undefined) throw missingValue(place, expected, 'Call forRoot() for no options.');
  assertNotThrottlers(place, options);
  if (typeof options === 'function' || isThenable(options)) {
    throw new ThrottleConfigError(
      'SLUICE_INVALID_FACTORY',
      `${place}: expected ${expected}, got ${describeValue(options)}. Use forRootAsync({ useFactory: async () => ({ ... }) }) for options that are loaded asynchronously.`,
    );
  }
  if (!isRecord(options)) throw invalidValue(place, expected, options);
  const inherited = [...MODULE_MEMBERS, ...EXTRAS].filter((member) => member in options);
  return Object.assign(Object.fromEntries(inherited.map((member) => [member, Reflect.get(options, member)])), options);
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
  throw new ThrottleConfigError(
    'SLUICE_DUPLICATE_STRATEGY',
    `${MODULE}.strategies: two strategies are named "${repeated}". Rename yours.`,
  );
}

/**
 * Checks the argument of `forRootAsync`. Options that belong in the result of the factory are not allowed next to it.
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
    throw new ThrottleConfigError(
      'SLUICE_MISPLACED_OPTION',
      `${place}: "${misplaced}" has no effect here. Move it into the object that the factory returns.`,
    );
  }
  assertKnownMembers(place, options, [...FACTORIES, 'inject', 'imports', 'provideInjectionTokensFrom', ...EXTRAS]);
  assertFactory(`${place}: useFactory`, Reflect.get(options, 'useFactory'), Reflect.get(options, 'inject') ?? []);
}

/** Throws for a factory with more parameters than Nest injects: the others would be `undefined`. */
function assertFactory(place: string, factory: unknown, inject: unknown): void {
  if (factory === undefined) return;
  if (typeof factory !== 'function') throw invalidValue(place, 'a function that returns options', factory);
  const injected = Array.isArray(inject) ? inject.length : 0;
  if (factory.length <= injected) return;
  throw new ThrottleConfigError(
    'SLUICE_INVALID_FACTORY',
    `${place}: takes ${factory.length} ${factory.length === 1 ? 'argument' : 'arguments'}, but "inject" lists ${injected || 'none'}, ` +
      'so the rest would be undefined. List a provider for each argument: inject: [ConfigService].',
  );
}

function assertNotThrottlers(place: string, options: unknown): void {
  const replacement = moduleOptionsFor(options);
  if (replacement !== undefined) throw new ThrottleConfigError('SLUICE_THROTTLER_OPTIONS', `${place}: ${replacement}`);
}

function isDynamicModule(options: unknown): boolean {
  return isObject(options) && typeof Reflect.get(options, 'module') === 'function';
}

/** Checks the argument of `forFeature`. @throws ThrottleConfigError */
export function assertFeatureOptions(options: ThrottleFeatureOptions): void {
  const place = `${MODULE}.forFeature`;
  if (options === undefined) throw missingValue(place, 'options { policies }');
  if (!isRecord(options)) throw invalidValue(place, 'options { policies }', options);
  assertKnownMembers(place, options, ['policies']);
  const { policies }: { policies?: unknown } = options;
  const expected = 'an object of policies by name';
  if (policies === undefined && 'policies' in options) throw missingValue(`${place}: policies`, expected);
  if (!isRecord(policies)) throw invalidValue(`${place}: policies`, expected, policies);
}

function isRetryJitter(value: unknown): boolean {
  if (!isObject(value)) return typeof value === 'number' && value >= 0 && value <= 1;
  const { share, random, ...others }: { share?: unknown; random?: unknown } = value;
  if (Object.keys(others).length > 0 || isObject(share)) return false;
  return isRetryJitter(share) && (random === undefined || isFunction(random));
}

function isWhole(value: unknown, atLeast: number): boolean {
  return Number.isSafeInteger(value) && Number(value) >= atLeast;
}

function isLimits(value: unknown): boolean {
  return typeof value === 'string' || isObject(value) || (Array.isArray(value) && value.length > 0);
}
