import { Logger } from '@nestjs/common';
import type { Backend } from '../backends/backend.js';
import { canLease, LeasingBackend } from '../backends/leasing/leasing.backend.js';
import { MemoryBackend } from '../backends/memory/memory.backend.js';
import { ResilientBackend } from '../backends/resilience/resilient.backend.js';
import { systemClock } from '../core/clock.js';
import { assertKnownMembers, invalidValue, ThrottleConfigError } from '../core/errors.js';
import { isFailureMode } from '../core/policy.js';
import type { Limit } from '../decorators/policy-options.js';
import type { CompiledLimit } from '../planning/compiled-limit.js';
import { assertOptions, isObject } from '../planning/option-checks.js';
import { PolicyRegistry } from '../planning/policy-registry.js';
import { compileSocketLimit, type SocketLimitName } from '../planning/socket-limits.js';
import type { RuntimeSettings, SocketSettings } from '../service/calls/runtime-settings.js';
import { BUILT_IN_STRATEGIES } from '../strategies/built-in-strategies.js';
import { checkStrategy, type Strategy } from '../strategies/strategy.js';
import { compileTrust } from '../transports/identity/trust-proxy.js';
import type { SocketOptions, ThrottleFeatureOptions, ThrottleModuleOptions } from './throttle-module.options.js';

const PLACE = 'ThrottleModule';
const MEMBERS = [
  'backend',
  'strategies',
  'policies',
  'default',
  'skip',
  'onError',
  'headers',
  'errors',
  'message',
  'onDenied',
  'ipv6Prefix',
  'sockets',
];
/** What shapes the module itself, and is said beside a factory. */
const EXTRAS = ['guard', 'isGlobal'];
const BACKEND_METHODS = ['spend', 'peek', 'settle', 'reset'];

const aFunction = (value: unknown) => typeof value === 'function';

const CHECKS: Parameters<typeof assertOptions>[2] = {
  backend: [
    'a backend, with spend, peek, settle and reset, such as new MemoryBackend()',
    (value) => isObject(value) && BACKEND_METHODS.every((method) => aFunction(Reflect.get(value, method))),
  ],
  strategies: ['a list of strategies, as defineStrategy() makes them', Array.isArray],
  policies: ['an object of policies by name, such as { login: "5/min" }', isObject],
  default: ['a rate such as "1000/min", options with a rate, or a list of these', (value) => isLimits(value)],
  skip: ['a function of the call', aFunction],
  onError: ['"local", "allow" or "deny"', isFailureMode],
  headers: [
    '"standard", "legacy", "both" or false',
    (value) => ['standard', 'legacy', 'both', false].some((one) => one === value),
  ],
  errors: ['"nest" or "problem"', (value) => value === 'nest' || value === 'problem'],
  message: [
    'a text, or a function that gives a text or an object',
    (value) => aFunction(value) || (typeof value === 'string' && value !== ''),
  ],
  onDenied: ['a function of the call and its outcome', aFunction],
  ipv6Prefix: ['a whole number of bits from 1 to 128', (value) => isWhole(value, 1) && Number(value) <= 128],
  sockets: ['options { connections?, frames?, closeAfter?, noticeEveryMs?, maxPending?, trustProxy? }', isObject],
};

const SOCKET_CHECKS: Parameters<typeof assertOptions>[2] = {
  closeAfter: ['a whole number of denied messages, at least 1', (value) => isWhole(value, 1)],
  noticeEveryMs: ['a whole number of milliseconds, at least 0', (value) => isWhole(value, 0)],
  maxPending: ['a whole number of messages, at least 1', (value) => isWhole(value, 1)],
};

/** The module's options, checked, with their defaults. @throws ThrottleConfigError naming the option */
export function createSettings(options?: ThrottleModuleOptions): RuntimeSettings {
  assertModuleOptions(options);
  const { strategies = [], onError = 'local' } = options;
  const given: Backend = options.backend ?? new MemoryBackend();
  const remote = canLease(given) ? new LeasingBackend(given) : given;
  const resilient = given.remote === true ? new ResilientBackend(remote, onError) : undefined;
  const backend = resilient ?? given;
  const own = strategies.map((strategy, i) => checkStrategy(`${PLACE}.strategies[${i}]`, strategy));
  const names = [...BUILT_IN_STRATEGIES, ...own].map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new ThrottleConfigError(`${PLACE}.strategies: there are two of the name "${twice}". Give yours another.`);
  }
  backend.use?.(own);
  const logger = new Logger('ThrottleModule');
  return {
    backend,
    clock: backend.clock ?? systemClock,
    strategies: [...BUILT_IN_STRATEGIES, ...own],
    skip: options.skip,
    message: options.message,
    onDenied: options.onDenied,
    headers: options.headers ?? 'standard',
    errors: options.errors ?? 'nest',
    ipv6Prefix: options.ipv6Prefix ?? 64,
    unavailableForMs: () => resilient?.retryAfterMs ?? 0,
    sockets: socketSettingsOf(options.sockets),
    warn: (message) => logger.warn(message),
    fail: (error) => logger.error(error),
  };
}

function socketSettingsOf(options: SocketOptions = {}): SocketSettings {
  const place = `${PLACE}.sockets`;
  assertKnownMembers(place, options, [...Object.keys(SOCKET_CHECKS), 'connections', 'frames', 'trustProxy']);
  assertOptions(place, options, SOCKET_CHECKS);
  const { connections, frames, trustProxy } = options;
  return {
    connections,
    frames,
    trusts: trustProxy === undefined ? undefined : compileTrust(`${place}.trustProxy`, trustProxy),
    closeAfter: options.closeAfter ?? Number.POSITIVE_INFINITY,
    noticeEveryMs: options.noticeEveryMs ?? 1000,
    maxPending: options.maxPending ?? 32,
  };
}

/** The limit of the module that `sockets` names, if it does. @throws ThrottleConfigError naming the option */
export function socketLimitOf(
  { sockets }: RuntimeSettings,
  name: SocketLimitName,
  registry: PolicyRegistry,
): CompiledLimit | undefined {
  const limit = sockets[name];
  if (limit === undefined) return undefined;
  const owner = { level: 'module' as const, owner: 'sockets' };
  return compileSocketLimit(`${PLACE}.sockets.${name}`, name, limit, owner, registry);
}

/** The policies of the module. @throws ThrottleConfigError naming the policy */
export function createRegistry(
  { policies = {}, default: defaults = [] }: ThrottleModuleOptions,
  strategies: readonly Strategy[],
): PolicyRegistry {
  return new PolicyRegistry(policies, isList(defaults) ? defaults : [defaults], strategies);
}

/** Adds the policies of a feature module. */
export function addFeature(registry: PolicyRegistry | undefined, options: ThrottleFeatureOptions): void {
  const place = `${PLACE}.forFeature`;
  if (registry === undefined) {
    throw new ThrottleConfigError(
      `${place}: there is no ThrottleModule.forRoot() to add to. Import it in the root module, and leave it global there.`,
    );
  }
  if (!isObject(options)) throw invalidValue(place, 'options { policies }', options);
  assertKnownMembers(place, options, ['policies']);
  if (!isObject(options.policies))
    throw invalidValue(`${place}: policies`, 'an object of policies by name', options.policies);
  registry.add(options.policies);
}

/** Throws for what stands beside a factory and is read only in what it returns, or nowhere. */
export function assertAsyncOptions(options: object): void {
  const place = `${PLACE}.forRootAsync`;
  const factories = ['useFactory', 'useClass', 'useExisting'];
  if (!isObject(options) || factories.every((member) => Reflect.get(options, member) === undefined)) {
    throw invalidValue(place, 'options with useFactory, useClass or useExisting', options);
  }
  const misplaced = MEMBERS.find((member) => member in options);
  if (misplaced !== undefined) {
    throw new ThrottleConfigError(`${place}: "${misplaced}" is read only in what the factory returns. Put it there.`);
  }
  assertKnownMembers(place, options, [...factories, 'inject', 'imports', 'provideInjectionTokensFrom', ...EXTRAS]);
}

function assertModuleOptions(options: ThrottleModuleOptions | undefined): asserts options is ThrottleModuleOptions {
  if (options === undefined) {
    throw new ThrottleConfigError(
      `${PLACE}: there are no options. Import ThrottleModule.forRoot(), not the class alone; a factory has to return them.`,
    );
  }
  if (!isObject(options)) throw invalidValue(PLACE, 'an object of options', options);
  for (const extra of EXTRAS) {
    if (extra in options) {
      throw new ThrottleConfigError(
        `${PLACE}: "${extra}" shapes the module itself. Put it beside the factory, not into what that returns.`,
      );
    }
  }
  assertKnownMembers(PLACE, options, [...MEMBERS, ...EXTRAS]);
  assertOptions(PLACE, options, CHECKS);
}

function isWhole(value: unknown, atLeast: number): boolean {
  return Number.isSafeInteger(value) && Number(value) >= atLeast;
}

function isLimits(value: unknown): boolean {
  return typeof value === 'string' || isObject(value) || (Array.isArray(value) && value.length > 0);
}

function isList(value: Limit | readonly Limit[]): value is readonly Limit[] {
  return Array.isArray(value);
}
