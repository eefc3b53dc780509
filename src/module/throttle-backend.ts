import type { FactoryProvider, Provider } from '@nestjs/common';
import type { Backend } from '../backends/backend.js';
import { MemoryBackend } from '../backends/memory/memory.backend.js';
import { type Awaitable, chain } from '../core/awaitable.js';
import { invalidValue } from '../core/errors.js';
import { isObject } from '../planning/option-checks.js';
import type { ThrottleModuleOptions } from './throttle-module.options.js';

/**
 * The token of the application's backend. A test overrides it to keep the state somewhere else. A backend that the options
 * make by a function (`backend: () => new RedisBackend(...)`) is then never made.
 *
 * The provider is the backend as configured, without the layers that the module puts over it. Override it in tests only;
 * to inject what limits calls, inject ThrottleService.
 *
 * @example
 * Test.createTestingModule({ imports: [AppModule] })
 *   .overrideProvider(THROTTLE_BACKEND)
 *   .useValue(new MemoryBackend({ clock }));
 */
export const THROTTLE_BACKEND: unique symbol = Symbol.for('nestjs-sluice:backend');

/** The token of the module's checked options. The tokens that tests override are the same in every copy of the library. */
export const OPTIONS: unique symbol = Symbol.for('nestjs-sluice:options');

/** For errors: what is expected of a backend. */
export const A_BACKEND = 'a backend, with spend, peek, settle and reset, such as new MemoryBackend()';
const METHODS = ['spend', 'peek', 'settle', 'reset'];

/** Returns true for an object with the methods that every backend has. */
export function isBackend(value: unknown): value is Backend {
  return isObject(value) && METHODS.every((method) => typeof Reflect.get(value, method) === 'function');
}

/** Throws a ThrottleConfigError unless `value` is a backend. `place` names it in the message. */
export function assertBackend(place: string, value: unknown): asserts value is Backend {
  if (!isBackend(value)) throw invalidValue(place, A_BACKEND, value, 'SLUICE_INVALID_BACKEND');
}

/** Returns the backend of the options, or the one that their function makes; default: one in memory. */
export function createBackend({ backend = new MemoryBackend() }: ThrottleModuleOptions): Awaitable<Backend> {
  if (typeof backend !== 'function') return backend;
  return chain(backend(), (made: unknown) => {
    assertBackend('ThrottleModule.backend: the function', made);
    return made;
  });
}

/**
 * Runs a step of startup. If it throws, the application never runs and no hook of it is called, so a backend that the options made by
 * a function is closed here: nobody else has it.
 */
export function orCloseBackend<T>({ backend: given }: ThrottleModuleOptions, backend: Backend, step: () => T): T {
  try {
    return step();
  } catch (error) {
    // The error of the step is the one to see.
    if (typeof given === 'function') void Promise.resolve(backend.close?.()).catch(() => undefined);
    throw error;
  }
}

/** Returns providers of which those behind the backend run their factories by `orCloseBackend`. */
export function closingBackend(providers: readonly Provider[]): Provider[] {
  return providers.map((provider) => (isFactory(provider) && !isBefore(provider) ? closing(provider) : provider));
}

/** Returns true for the backend, and for what it needs. */
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
