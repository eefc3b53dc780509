import type { FactoryProvider, Provider } from '@nestjs/common';
import type { Backend } from '../backends/backend.js';
import { MemoryBackend } from '../backends/memory/memory.backend.js';
import { type Awaitable, chain } from '../core/awaitable.js';
import { invalidValue, ThrottleConfigError } from '../core/errors.js';
import { isObject } from '../planning/option-checks.js';
import type { ThrottleModuleOptions } from './throttle-module.options.js';

/**
 * The token of the application's backend. Override it in a test to store the state somewhere else. If the option
 * `backend` is a function (`() => new RedisBackend(...)`), it is then not called.
 *
 * The provider is the configured backend without the layers that the module adds. Override it in tests only; to limit
 * calls, inject ThrottleService.
 *
 * @example
 * Test.createTestingModule({ imports: [AppModule] })
 *   .overrideProvider(THROTTLE_BACKEND)
 *   .useValue(new MemoryBackend({ clock }));
 */
export const THROTTLE_BACKEND: unique symbol = Symbol.for('nestjs-sluice:backend');

/** The token of the module's checked options. Tokens that tests override are the same in every copy of the library. */
export const OPTIONS: unique symbol = Symbol.for('nestjs-sluice:options');

/** The description of a valid backend, for error messages. */
export const A_BACKEND = 'a backend, with spend, peek, settle and reset, such as new MemoryBackend()';
const METHODS = ['spend', 'peek', 'settle', 'reset'];

/** Returns true for an object with the methods that every backend has. */
export function isBackend(value: unknown): value is Backend {
  return isObject(value) && METHODS.every((method) => typeof Reflect.get(value, method) === 'function');
}

/**
 * Throws for a value that is meant as a backend but has another form.
 *
 * @throws ThrottleConfigError with what to write
 */
export function assertNoClient(place: string, value: unknown): void {
  const [found, fix] = instead(value);
  if (found === '') return;
  throw new ThrottleConfigError(
    'SLUICE_INVALID_BACKEND',
    `${place}: expected ${A_BACKEND}, got ${found}. Write ${fix}.`,
  );
}

function instead(value: unknown): readonly [found: string, fix: string] {
  const withClient = 'new RedisBackend(client)';
  if (typeof value === 'string' && /^rediss?:/i.test(value)) {
    // The text may contain a password.
    return ['the address of a server', `${withClient} with a client of ioredis or node-redis`];
  }
  // Classes of other compilations are functions, which the option also takes; only a class is certain.
  if (typeof value === 'function' && /^class\b/.test(String(value))) {
    return [`the class ${value.name}`, value.name === 'RedisBackend' ? withClient : `new ${value.name}(...)`];
  }
  if (!isObject(value) || isBackend(value)) return ['', ''];
  const has = (method: string) => typeof Reflect.get(value, method) === 'function';
  if (has('defineCommand') && has('duplicate')) return ['a client of ioredis', withClient];
  if (has('sendCommand') && has('connect')) return ['a client of node-redis', withClient];
  return ['', ''];
}

/** Throws a ThrottleConfigError unless `value` is a backend. `place` names it in the message. */
export function assertBackend(place: string, value: unknown): asserts value is Backend {
  assertNoClient(place, value);
  if (!isBackend(value)) throw invalidValue(place, A_BACKEND, value, 'SLUICE_INVALID_BACKEND');
}

/** Returns the backend in the options, or the result of their function. Default: a backend in memory. */
export function createBackend({ backend = new MemoryBackend() }: ThrottleModuleOptions): Awaitable<Backend> {
  if (typeof backend !== 'function') return backend;
  return chain(backend(), (made: unknown) => {
    assertBackend('ThrottleModule.backend: the function', made);
    return made;
  });
}

/**
 * Runs a step of startup. If it throws, the application does not start and none of its hooks is called. So a backend
 * that was created by a function of the options is closed here.
 */
export function orCloseBackend<T>({ backend: given }: ThrottleModuleOptions, backend: Backend, step: () => T): T {
  try {
    return step();
  } catch (error) {
    // Ignores errors of closing, so that the error of the step is reported.
    if (typeof given === 'function') void Promise.resolve(backend.close?.()).catch(() => undefined);
    throw error;
  }
}

/** Returns the providers. The factories of those after the backend run in `orCloseBackend`. */
export function closingBackend(providers: readonly Provider[]): Provider[] {
  return providers.map((provider) => (isFactory(provider) && !isBefore(provider) ? closing(provider) : provider));
}

/** Returns true for the backend and its dependencies. */
function isBefore({ provide }: FactoryProvider): boolean {
  return provide === OPTIONS || provide === THROTTLE_BACKEND;
}

function closing({ useFactory, inject = [], ...provider }: FactoryProvider): FactoryProvider {
  return {
    ...provider,
    inject: [OPTIONS, THROTTLE_BACKEND, ...inject],
    useFactory: (options: ThrottleModuleOptions, backend: Backend, ...injected: unknown[]) =>
      orCloseBackend(options, backend, () => useFactory(...injected)),
  };
}

function isFactory(provider: Provider): provider is FactoryProvider {
  return typeof provider === 'object' && 'useFactory' in provider;
}
