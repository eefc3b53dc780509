import type { DiscoveryService } from '@nestjs/core';
import { methodsOf } from '../../planning/class-members.js';
import type { HandlerRegistry } from '../../planning/handler-registry.js';
import { trackHandler } from '../../service/calls/ends/handler-tracking.js';
import { isClass, isRoute, isSocketHandler } from './nest-metadata.js';

/** Tracks the handlers of controllers and gateways that hold permits. */
export function trackHandlers(discovery: DiscoveryService, handlers: HandlerRegistry): void {
  for (const { metatype, instance } of [...discovery.getControllers(), ...discovery.getProviders()]) {
    if (!isClass(metatype)) continue;
    const isHandler = (method: string) => isRoute(metatype, method) || isSocketHandler(metatype, method);
    for (const method of methodsOf(metatype).filter(isHandler)) {
      if (!handlers.limitsOf(metatype, method).hasPermits) continue;
      // The constructor may have replaced the method.
      for (const owner of [metatype.prototype, instance ?? {}]) {
        const handler: unknown = Reflect.get(owner, method);
        if (typeof handler === 'function') trackHandler(handler);
      }
    }
  }
}
