import type { ConcurrencyOptions } from './concurrency-options.js';
import type { MoreOptions } from './policy-options.js';
import { limitDecorator } from './throttle.decorator.js';

/** Options of `@Concurrency`, in addition to the permits. */
export type MoreConcurrencyOptions = Pick<
  MoreOptions,
  | 'name'
  | 'by'
  | 'scope'
  | 'id'
  | 'manual'
  | 'phase'
  | 'mode'
  | 'skip'
  | 'onError'
  | 'headers'
  | 'message'
  | 'onDenied'
  | 'context'
>;

/**
 * Limits how many calls of a method, or of all methods of a class together, run at a time, for each subject. The limit
 * is named `concurrency` by default and applies in addition to rates. Use `@Throttle({ rate, concurrency })` to have
 * both in one policy.
 *
 * A mistake stops startup with a ThrottleConfigError that names the decorated class or method.
 *
 * @param concurrency the number of permits, or options
 * @param more who is charged, the name of the limit, where the permits are shared
 * @example
 * @Concurrency(5)                                        @Get('report') report() {}
 * @Concurrency({ limit: 2, queue: { max: 10, waitMs: 5000 } }, { by: by.user() }) @Get('export') export() {}
 */
export function Concurrency(
  concurrency: number | ConcurrencyOptions,
  more: MoreConcurrencyOptions = {},
): ClassDecorator & MethodDecorator {
  return limitDecorator('@Concurrency', { ...more, concurrency });
}
