import { ThrottleConfigError } from '../../core/errors.js';
import { isDecorated } from '../../decorators/metadata.js';
import { type Class, chainOf, ownerOf } from '../../planning/class-members.js';
import { declarationsOf } from '../../planning/declared-limits.js';

/** Throws if a method with a decorator is not a handler: its limit would never be charged. */
export function assertOnHandlers(type: Class, handlers: readonly string[], fix: string): void {
  for (const one of chainOf(type)) {
    for (const method of Reflect.ownKeys(one.prototype)) {
      const isHandler = handlers.some((handler) => handler === method);
      if (isHandler || !isDecorated(one.prototype, method) || ownerOf(type, method) !== one) continue;
      throw new ThrottleConfigError(
        'SLUICE_NOT_A_HANDLER',
        `@Throttle or @SkipThrottle on ${type.name}.${String(method)}: expected a handler; ${fix}`,
      );
    }
  }
}

/** Throws if a class that is not a gateway limits connections. */
export function assertNoConnectionLimit(type: Class): void {
  const found = declarationsOf(type).find(({ connections }) => connections !== undefined);
  if (found === undefined) return;
  throw new ThrottleConfigError(
    'SLUICE_MISPLACED_OPTION',
    `@Throttle ${found.label}, connections: expected a gateway, but ${type.name} is not one. Requests are limited by a rate: @Throttle("10/min").`,
  );
}

/** Throws if a provider that handles no calls has a decorator. */
export function assertUndecorated(type: Class): void {
  const isAnyDecorated = chainOf(type).some(
    (one) => isDecorated(one) || Reflect.ownKeys(one.prototype).some((method) => isDecorated(one.prototype, method)),
  );
  if (!isAnyDecorated) return;
  throw new ThrottleConfigError(
    'SLUICE_NOT_A_HANDLER',
    `@Throttle or @SkipThrottle on ${type.name}: expected a controller, because a provider receives no requests. Use ThrottleService.hit() in it.`,
  );
}
