import type { ExecutionContext } from '@nestjs/common';
import { ThrottleConfigError } from '../core/errors.js';
import { isDecorated } from '../decorators/metadata.js';
import { type Class, methodsOf, ownerOf } from './class-members.js';
import type { CompiledLimit } from './compiled-limit.js';
import { declarationsOf } from './declared-limits.js';
import { HandlerNames } from './handler-identity.js';
import { compileHandlerLimits, type HandlerLimits } from './handler-limits.js';
import type { PolicyRegistry } from './policy-registry.js';
import { resolveReferences } from './resolved-limits.js';
import { compileConnectionLimit } from './socket-limits.js';

type Handler = ReturnType<ExecutionContext['getHandler']>;

interface ClassLimits {
  readonly classId: string;
  /** Of a gateway's new connections. */
  readonly connections: CompiledLimit | undefined;
  readonly byMethod: Map<string, HandlerLimits>;
  /** Weak, because a request-scoped controller may bind its methods anew for each request. */
  readonly byHandler: WeakMap<object, HandlerLimits>;
}

/** The limits of all handlers, found by class and function. */
export class HandlerRegistry {
  readonly #classes = new Map<unknown, ClassLimits>();
  readonly #names = new HandlerNames();

  /** @param connections the module's limit of new connections, for gateways without their own */
  constructor(
    private readonly registry: PolicyRegistry,
    readonly connections: CompiledLimit | undefined,
  ) {}

  /**
   * Compiles the limits of a controller's or gateway's handlers.
   *
   * @throws ThrottleConfigError naming the place of a mistake
   */
  add(type: Class, moduleName: string, methods: readonly string[], instance?: object | null): void {
    if (this.#classes.has(type)) return;
    const { byHandler } = this.#addClass(type, moduleName);
    for (const method of methods) {
      const limits = this.#compile(type, method, type.prototype[method]);
      // Nest routes to the instance's member, which may replace the prototype's method.
      const routed: unknown = Reflect.get(instance ?? type.prototype, method);
      if (typeof routed === 'function') byHandler.set(routed, limits);
    }
  }

  /**
   * Returns the limits of a handler. A handler that was not there at startup is compiled when it is first seen.
   *
   * @throws ThrottleConfigError for a function that is none of a class's methods, if any of them has limits of its own
   */
  of(type: Class, handler: Handler): HandlerLimits {
    return this.#classes.get(type)?.byHandler.get(handler) ?? this.#compileLate(type, handler);
  }

  /** Returns the limit of a gateway's new connections. */
  connectionLimitOf(gateway: Class): CompiledLimit | undefined {
    return this.#classes.get(gateway)?.connections;
  }

  /** Returns true if a method is charged anything without being asked. */
  isLimited(type: Class, method: string): boolean {
    return this.of(type, type.prototype[method]).automatic.length > 0;
  }

  #compileLate(type: Class, handler: Handler): HandlerLimits {
    const methods = methodsOf(type);
    const isBound = (name: string) => handler.name === `bound ${name}`;
    const method = methods.find((name) => type.prototype[name] === handler) ?? methods.find(isBound);
    if (method !== undefined) return this.#compile(type, method, handler);
    const decorated = methods.find((name) => isDecorated(ownerOf(type, name).prototype, name));
    if (decorated === undefined) return this.#compile(type, '', handler);
    throw new ThrottleConfigError(
      `${type.name}: a request came to a function that took the place of one of its methods, and which cannot be told; ${type.name}.${decorated} has limits of its own. ` +
        'Wrap methods with a decorator, or in the class, and not after the application has started.',
    );
  }

  #addClass(type: Class, moduleName: string): ClassLimits {
    const classId = this.#names.classId(type, moduleName);
    const declarations = declarationsOf(type);
    resolveReferences(declarations, this.registry); // reports unknown names on a class without handlers, too
    const added: ClassLimits = {
      classId,
      connections: compileConnectionLimit(declarations, classId, this.connections, this.registry),
      byMethod: new Map(),
      byHandler: new WeakMap(),
    };
    this.#classes.set(type, added);
    return added;
  }

  #compile(type: Class, method: string, handler: Handler): HandlerLimits {
    const { classId, byMethod, byHandler } = this.#classes.get(type) ?? this.#addClass(type, '');
    let limits = byMethod.get(method);
    if (limits === undefined) {
      limits = compileHandlerLimits(type, method, this.#names.identity(classId, method), this.registry);
      byMethod.set(method, limits);
    }
    byHandler.set(handler, limits);
    return limits;
  }
}
