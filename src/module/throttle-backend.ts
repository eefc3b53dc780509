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

/** For errors: what is expected of a backend. */
export const A_BACKEND = 'a backend, with spend, peek, settle and reset, such as new MemoryBackend()';
const METHODS = ['spend', 'peek', 'settle', 'reset'];

/** Returns true for an object with the methods that every backend has. */
export function isBackend(value: unknown): value is Backend {
  return isObject(value) && METHODS.every((method) => typeof Reflect.get(value, method) === 'function');
}

/** Throws a ThrottleConfigError unless `value` is a backend. `place` names it in the message. */
export function assertBackend(place: string, value: unknown): asserts value is Backend {
  if (!isBackend(value)) throw invalidValue(place, A_BACKEND, value);
}

/** Returns the backend of the options, or the one that their function makes; default: one in memory. */
export function createBackend({ backend = new MemoryBackend() }: ThrottleModuleOptions): Awaitable<Backend> {
  if (typeof backend !== 'function') return backend;
  return chain(backend(), (made: unknown) => {
    assertBackend('ThrottleModule.backend: the function', made);
    return made;
  });
}
