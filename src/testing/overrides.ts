import { MemoryBackend } from '../backends/memory/memory.backend.js';
import type { ManualClock } from '../core/clock.js';
import { invalidArgument } from '../core/errors.js';
import { createSettings } from '../module/create-settings.js';
import { SETTINGS } from '../module/providers.js';
import { OPTIONS, THROTTLE_BACKEND } from '../module/throttle-backend.js';
import type { ThrottleModuleOptions } from '../module/throttle-module.options.js';
import { assertManualClock } from './throttle-testing.module.js';
import { unlimitedBackend } from './unlimited-backend.js';

/** The part of `TestingModuleBuilder` of `@nestjs/testing` in use. */
export interface OverridableModule {
  overrideProvider(token: unknown): {
    useValue(value: unknown): unknown;
    useFactory(options: { factory: (...args: never[]) => unknown; inject?: unknown[] }): unknown;
  };
}

/**
 * Switches off all limits of an application: requests, messages, frames and connections pass, `hit()` and the other
 * methods of ThrottleService resolve as allowed, responses have no RateLimit headers, and functions of the options are
 * not called. Mistakes in options and decorators still stop startup.
 *
 * If the option `backend` is a function, it is not called; other backends are not used. If the application creates and
 * connects a Redis client itself, override its provider, too.
 *
 * @returns the builder
 * @throws ThrottleConfigError if the argument is not the builder of a testing module
 * @example
 * const moduleRef = await disableThrottle(Test.createTestingModule({ imports: [AppModule] })).compile();
 */
export function disableThrottle<Builder extends OverridableModule>(builder: Builder): Builder {
  assertBuilder('disableThrottle', builder);
  const backend = unlimitedBackend();
  builder.overrideProvider(THROTTLE_BACKEND).useValue(backend);
  builder.overrideProvider(SETTINGS).useFactory({
    factory: (options: ThrottleModuleOptions) => ({ ...createSettings(options, backend), skip: () => true }),
    inject: [OPTIONS],
  });
  return builder;
}

/**
 * Makes an application count in memory, with a clock that the test moves. A shorthand for overriding THROTTLE_BACKEND
 * with `new MemoryBackend({ clock })`.
 *
 * @returns the builder
 * @throws ThrottleConfigError if the arguments are not the builder of a testing module and a clock that can be moved
 * @example
 * const clock = new ManualClock(Date.UTC(2026, 0, 1));
 * const moduleRef = await useManualClock(Test.createTestingModule({ imports: [AppModule] }), clock).compile();
 */
export function useManualClock<Builder extends OverridableModule>(builder: Builder, clock: ManualClock): Builder {
  assertBuilder('useManualClock', builder);
  assertManualClock('useManualClock', clock);
  builder.overrideProvider(THROTTLE_BACKEND).useValue(new MemoryBackend({ clock }));
  return builder;
}

/** Throws unless it is a builder. The usual mistake is to pass the result of `compile()`. */
function assertBuilder(name: string, builder: unknown): void {
  if (typeof builder === 'object' && builder !== null && 'overrideProvider' in builder) return;
  throw invalidArgument(name, 'the builder that Test.createTestingModule() returns, before compile()', builder);
}
