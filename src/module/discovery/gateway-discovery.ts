import type { DiscoveryService } from '@nestjs/core';
import type { ThrottleInterceptor } from '../../interceptors/throttle.interceptor.js';
import type { Class } from '../../planning/class-members.js';
import type { HandlerRegistry } from '../../planning/handler-registry.js';
import type { ServerLimits } from '../../service/sockets/handshake-limiter.js';
import {
  bindInterceptors,
  interceptorsOn,
  isClass,
  isGateway,
  namespaceOf,
  ownInterceptorsOn,
  serverOf,
} from './nest-metadata.js';

/** The WebSocket gateways of an application. */
export class GatewayDiscovery {
  readonly #gateways: readonly Class[];

  constructor(discovery: DiscoveryService) {
    const types = discovery.getProviders().map(({ metatype, isNotMetatype }) => (isNotMetatype ? undefined : metatype));
    this.#gateways = [...new Set(types)].filter(isClass).filter(isGateway);
  }

  /**
   * Binds an interceptor to each gateway, before the gateway's own. It is bound to the class because Nest 11 does not
   * apply global interceptors to gateways, and as an instance because it is too late for injection. Several
   * applications in a process may bind theirs to one class.
   */
  attach(interceptor: ThrottleInterceptor): void {
    for (const gateway of this.#gateways) {
      const bound = interceptorsOn(gateway);
      if (!bound.includes(interceptor)) bindInterceptors(gateway, [interceptor, ...bound]);
    }
  }

  /** Removes the interceptor, after the application has closed. */
  detach(interceptor: ThrottleInterceptor): void {
    for (const gateway of this.#gateways) {
      bindInterceptors(
        gateway,
        ownInterceptorsOn(gateway).filter((one) => one !== interceptor),
      );
    }
  }

  /** Returns the limits of new connections to a server: those of all gateways on it. */
  connectionLimits(port: number, options: object, handlers: HandlerRegistry): ServerLimits {
    const served = this.#gateways.filter((gateway) => isServedOn(gateway, port, options));
    const isServed = served.length > 0;
    // socket.io's main namespace exists even if no gateway uses it.
    const limits = isServed ? served.map((one) => handlers.connectionLimitOf(one)) : [handlers.connections];
    return { limits: [...new Set(limits.filter((limit) => limit !== undefined))], isServed };
  }
}

/**
 * Returns true if a gateway is on a server. Nest creates one server per port and path, and gets each namespace on it
 * from the adapter.
 */
function isServedOn(gateway: Class, port: number, options: object): boolean {
  const server = serverOf(gateway);
  return (
    server.port === port &&
    Reflect.get(server.options, 'path') === Reflect.get(options, 'path') &&
    namespaceOf(server.options) === namespaceOf(options)
  );
}
