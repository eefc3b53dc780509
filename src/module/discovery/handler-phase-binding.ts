import type { DiscoveryService } from '@nestjs/core';
import type { HandlerPhaseInterceptor } from '../../interceptors/handler-phase.interceptor.js';
import { methodsOf } from '../../planning/class-members.js';
import type { HandlerLimits } from '../../planning/handler-limits.js';
import type { HandlerRegistry } from '../../planning/handler-registry.js';
import { bindInterceptors, interceptorsOn, isClass, isRoute, ownInterceptorsOn } from './nest-metadata.js';

/**
 * Binds the interceptor of the handler phase to controller handlers with limits in that phase, or limits that depend on
 * how calls end. It is bound to the method's function, from which Nest reads interceptors when it registers the route
 * or, for a request-scoped controller, with each request. It is bound as an instance, because it is too late for
 * injection.
 */
export class HandlerPhaseBinding {
  readonly #handlers = new Set<object>();
  /**
   * Handlers that have copied the metadata of a bound one: instrumentation wraps handlers and copies their metadata.
   */
  readonly #wrappers = new WeakSet<object>();
  #interceptor: HandlerPhaseInterceptor | undefined;

  /** Must run before Nest registers routes. */
  attach(interceptor: HandlerPhaseInterceptor, discovery: DiscoveryService, handlers: HandlerRegistry): void {
    this.#interceptor = interceptor;
    for (const { metatype, instance } of discovery.getControllers()) {
      if (!isClass(metatype)) continue;
      for (const method of methodsOf(metatype).filter((name) => isRoute(metatype, name))) {
        const handler: unknown = metatype.prototype[method];
        if (typeof handler !== 'function' || !isIntercepted(handlers.limitsOf(metatype, method))) continue;
        this.#bind(handler, interceptor);
        // The constructor may have replaced the method.
        const routed: unknown = Reflect.get(instance ?? {}, method);
        if (typeof routed === 'function') this.#bind(routed, interceptor);
      }
    }
  }

  /** Removes the interceptor, after the application has closed. */
  detach(): void {
    for (const handler of this.#handlers) {
      bindInterceptors(
        handler,
        ownInterceptorsOn(handler).filter((one) => one !== this.#interceptor),
      );
    }
    this.#handlers.clear();
  }

  /** Returns true if Nest runs the interceptor for a handler. */
  isBoundTo(handler: object): boolean {
    if (this.#handlers.has(handler) || this.#wrappers.has(handler)) return true;
    if (!interceptorsOn(handler).includes(this.#interceptor)) return false;
    this.#wrappers.add(handler);
    return true;
  }

  /** Puts it before the interceptors of the method, which may return without calling the handler. */
  #bind(handler: object, interceptor: HandlerPhaseInterceptor): void {
    if (this.#handlers.has(handler)) return;
    this.#handlers.add(handler);
    bindInterceptors(handler, [interceptor, ...interceptorsOn(handler)]);
  }
}

function isIntercepted({ hasHandlerPhase, isByOutcome, hasPermits }: HandlerLimits): boolean {
  return hasHandlerPhase || isByOutcome || hasPermits;
}
