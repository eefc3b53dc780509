import type { DiscoveryService } from '@nestjs/core';
import type { ThrottleInterceptor } from '../../interceptors/throttle.interceptor.js';
import type { CompiledLimit } from '../../planning/compiled-limit.js';
import type { HandlerRegistry } from '../../planning/handler-registry.js';

type Class = abstract new (...args: never[]) => unknown;

/** Under which Nest keeps what its decorators say. */
const GATEWAY = 'websockets:is_gateway';
const OPTIONS = 'websockets:gateway_options';
const PORT = 'port';
const INTERCEPTORS = '__interceptors__';

/** The gateways of an application: what Nest opens servers for. */
export class GatewayDiscovery {
  readonly #types: readonly Class[];

  constructor(discovery: DiscoveryService) {
    const types = discovery.getProviders().map(({ metatype, isNotMetatype }) => (isNotMetatype ? undefined : metatype));
    this.#types = [...new Set(types)].filter(isClass).filter(isGateway);
  }

  /**
   * Binds an interceptor in front of those that a gateway's class has. An instance, since nobody can inject it any more;
   * on the class, since Nest 11 binds no global interceptors to gateways. Other applications of the process may have
   * bound theirs.
   */
  attach(interceptor: ThrottleInterceptor): void {
    for (const type of this.#types) {
      const bound: readonly unknown[] = Reflect.getMetadata(INTERCEPTORS, type) ?? [];
      if (!bound.includes(interceptor)) Reflect.defineMetadata(INTERCEPTORS, [interceptor, ...bound], type);
    }
  }

  /** Takes it back, once the application has closed. */
  detach(interceptor: ThrottleInterceptor): void {
    for (const type of this.#types) {
      const bound: readonly unknown[] | undefined = Reflect.getOwnMetadata(INTERCEPTORS, type);
      const others = bound?.filter((one) => one !== interceptor) ?? [];
      if (others.length > 0) Reflect.defineMetadata(INTERCEPTORS, others, type);
      else Reflect.deleteMetadata(INTERCEPTORS, type);
    }
  }

  /** The limits of new connections to a server: those of the gateways that Nest puts on what is opened with these options. */
  connectionLimits(port: number, options: object, plans: HandlerRegistry): readonly CompiledLimit[] {
    const here = this.#types.filter((type) => isOn(type, port, options));
    // socket.io's main namespace is there without a gateway, too.
    const limits = here.length === 0 ? [plans.connections] : here.map((type) => plans.connectionsOf(type));
    return [...new Set(limits.filter((limit) => limit !== undefined))];
  }
}

export function isGateway(type: Class): boolean {
  return Reflect.hasMetadata(GATEWAY, type);
}

/** Nest keeps a server for each port and path, and asks for each namespace on it anew. */
function isOn(type: Class, port: number, options: object): boolean {
  const own: object = Reflect.getMetadata(OPTIONS, type) ?? {};
  const ownPort: unknown = Reflect.getMetadata(PORT, type) || 0;
  return (
    ownPort === port &&
    Reflect.get(own, 'path') === Reflect.get(options, 'path') &&
    namespaceOf(own) === namespaceOf(options)
  );
}

function namespaceOf(options: object): unknown {
  const namespace: unknown = Reflect.get(options, 'namespace') || '/';
  return typeof namespace === 'string' && !namespace.startsWith('/') ? `/${namespace}` : namespace;
}

function isClass(type: unknown): type is Class {
  return typeof type === 'function' && typeof type.prototype === 'object' && type.prototype !== null;
}
