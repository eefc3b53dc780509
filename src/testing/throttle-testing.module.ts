import { type DynamicModule, Module } from '@nestjs/common';
import { MemoryBackend } from '../backends/memory/memory.backend.js';
import { ManualClock } from '../core/clock.js';
import { invalidArgument, ThrottleConfigError } from '../core/errors.js';
import { ThrottleModule } from '../module/throttle.module.js';
import type { ThrottleModuleExtras, ThrottleModuleOptions } from '../module/throttle-module.options.js';
import { rootOptions } from '../module/validate-options.js';

/**
 * Options of `ThrottleTestingModule.forRoot`: those of `ThrottleModule.forRoot`, with a clock instead of the backend.
 */
export interface ThrottleTestingOptions extends Omit<ThrottleModuleOptions, 'backend'>, ThrottleModuleExtras {
  /**
   * The clock for decisions and delays. Default: a clock that starts at 2026-01-01T00:00:00.000Z, where windows of all
   * usual periods begin.
   */
  readonly clock?: ManualClock;
}

const START_MS = Date.UTC(2026, 0, 1);

/**
 * `ThrottleModule` for tests. It counts in memory, with a clock that only the test moves. The clock is the provider
 * `ManualClock`.
 *
 * For an application that imports `ThrottleModule` itself, use `useManualClock` or `disableThrottle`.
 *
 * @example
 * const moduleRef = await Test.createTestingModule({
 *   imports: [ThrottleTestingModule.forRoot({ policies: { search: '2/min' } })],
 *   controllers: [SearchController],
 * }).compile();
 * moduleRef.get(ManualClock).advance(60_000);
 */
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: Nest knows a module by its class
export class ThrottleTestingModule {
  /** @throws ThrottleConfigError like `ThrottleModule.forRoot`, and for a `backend` or a clock that cannot be moved */
  static forRoot(...args: readonly [options?: ThrottleTestingOptions]): DynamicModule {
    const { clock = new ManualClock(START_MS), ...options } = rootOptions<ThrottleTestingOptions>(args);
    assertManualClock('ThrottleTestingModule.forRoot: clock', clock);
    if ('backend' in options) {
      throw new ThrottleConfigError(
        'SLUICE_MISPLACED_OPTION',
        'ThrottleTestingModule.forRoot: it counts in memory and takes no backend. To test with another backend, import ThrottleModule.forRoot({ backend }).',
      );
    }
    return {
      module: ThrottleTestingModule,
      global: true,
      imports: [ThrottleModule.forRoot({ ...options, backend: new MemoryBackend({ clock }) })],
      providers: [{ provide: ManualClock, useValue: clock }],
      exports: [ManualClock, ThrottleModule],
    };
  }
}

/** Throws a ThrottleConfigError unless a test can move the clock. `place` names it in the message. */
export function assertManualClock(place: string, clock: unknown): void {
  const isManual = typeof clock === 'object' && clock !== null && 'advance' in clock && 'now' in clock;
  if (!isManual) throw invalidArgument(place, 'a clock that the test moves, such as new ManualClock()', clock);
}
