import type { ExecutionContext } from '@nestjs/common';
import { ThrottleConfigError } from '../core/errors.js';
import { declarationOn } from '../decorators/metadata.js';
import type { CompiledLimit } from './compiled-limit.js';
import { chainOf, ownerOf } from './declared-limits.js';
import { compileHandlerLimits, type HandlerLimits } from './handler-limits.js';
import type { PolicyRegistry } from './policy-registry.js';
import { connectionLimitOf } from './socket-limits.js';

type Class = abstract new (...args: never[]) => unknown;
type Handler = ReturnType<ExecutionContext['getHandler']>;

interface ClassPlans {
  readonly classId: string;
  /** Of a gateway's new connections. */
  readonly connections: CompiledLimit | undefined;
  readonly byMethod: Map<string, HandlerLimits>;
  /** Not held on to: a controller made for each request may bind its methods for each. */
  readonly byHandler: WeakMap<object, HandlerLimits>;
}

/** The plans of all handlers, found by class and function. */
export class HandlerRegistry {
  readonly #classes = new Map<unknown, ClassPlans>();
  readonly #names = new Set<string>();

  /** @param connections of the module: where a gateway says nothing else */
  constructor(
    private readonly registry: PolicyRegistry,
    readonly connections: CompiledLimit | undefined,
  ) {}

  /**
   * Compiles the plans of a controller's or gateway's handlers. Its name in keys is that of its module and class, with a running
   * number where these are equal.
   */
  add(type: Class, moduleName: string, methods: readonly string[], instance: object = type.prototype): void {
    if (this.#classes.has(type)) return;
    this.#open(type, moduleName);
    for (const method of methods) {
      const plan = this.#compile(type, method, type.prototype[method]);
      // What the instance has in the method's place is what Nest routes to.
      const routed: unknown = Reflect.get(instance, method);
      if (typeof routed === 'function') this.#classes.get(type)?.byHandler.set(routed, plan);
    }
  }

  /**
   * The plan of a handler; one that was not there at boot is compiled when it is first seen.
   *
   * @throws ThrottleConfigError for a function that is none of a class's methods, where those have limits of their own
   */
  of(type: Class, handler: Handler): HandlerLimits {
    return this.#classes.get(type)?.byHandler.get(handler) ?? this.#late(type, handler);
  }

  /** The limit of a gateway's new connections. */
  connectionsOf(gateway: Class): CompiledLimit | undefined {
    return this.#classes.get(gateway)?.connections;
  }

  /** Whether a handler would be charged anything. */
  limits(type: Class, method: string): boolean {
    return this.of(type, type.prototype[method]).guarded.length > 0;
  }

  #late(type: Class, handler: Handler): HandlerLimits {
    const methods = methodsOf(type);
    const isBound = (name: string) => handler.name === `bound ${name}`;
    const method = methods.find((name) => type.prototype[name] === handler) ?? methods.find(isBound);
    if (method !== undefined) return this.#compile(type, method, handler);
    const own = methods.find((name) => isDeclared(type, name));
    if (own === undefined) return this.#compile(type, '', handler);
    throw new ThrottleConfigError(
      `${type.name}: a request came to a function that took the place of one of its methods, and which cannot be told; ${type.name}.${own} has limits of its own. ` +
        'Wrap methods with a decorator, or in the class, and not after the application has started.',
    );
  }

  #open(type: Class, moduleName: string): ClassPlans {
    const known = this.#classes.get(type);
    if (known !== undefined) return known;
    const classId = this.#unique(`${moduleName}/${type.name}`);
    const connections = connectionLimitOf(type, classId, this.connections, this.registry);
    const opened: ClassPlans = { classId, connections, byMethod: new Map(), byHandler: new WeakMap() };
    this.#classes.set(type, opened);
    return opened;
  }

  #compile(type: Class, method: string, handler: Handler): HandlerLimits {
    const { classId, byMethod, byHandler } = this.#open(type, '');
    let plan = byMethod.get(method);
    if (plan === undefined) {
      plan = compileHandlerLimits(
        type,
        method,
        { classId, handlerId: this.#unique(`${classId}/${method}`) },
        this.registry,
      );
      byMethod.set(method, plan);
    }
    byHandler.set(handler, plan);
    return plan;
  }

  #unique(name: string): string {
    let unique = name;
    for (let number = 2; this.#names.has(unique); number++) unique = `${name}#${number}`;
    this.#names.add(unique);
    return unique;
  }
}

/** The methods of a class's instances, inherited ones too. */
export function methodsOf(type: Class): readonly string[] {
  const names = new Set<string>();
  for (const { prototype } of chainOf(type)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (name !== 'constructor' && typeof value === 'function') names.add(name);
    }
  }
  return [...names];
}

function isDeclared(type: Class, method: string): boolean {
  const { limits, skips } = declarationOn(ownerOf(type, method).prototype, method);
  return limits.length + skips.length > 0;
}
