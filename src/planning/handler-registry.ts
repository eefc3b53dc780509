import type { ExecutionContext } from '@nestjs/common';
import type { Policy } from '../core/policy.js';
import { markMethod, markOn } from '../decorators/handler-mark.js';
import { isDecorated, reservationsOf } from '../decorators/metadata.js';
import { type Class, methodsOf, ownerOf } from './class-members.js';
import type { CompiledLimit } from './compiled-limit.js';
import { declarationsOf } from './declared-limits.js';
import { type Address, type AddressedClass, HandlerIdentities } from './handler-identity.js';
import { compileHandlerLimits, type HandlerLimits, UNKNOWN_METHOD } from './handler-limits.js';
import type { PolicyRegistry } from './policy-registry.js';
import { resolveReferences } from './resolved-limits.js';
import { chargedTwice, sharedBudgetWarnings } from './shared-budgets.js';
import { compileConnectionLimit } from './transport-limits.js';

type Handler = ReturnType<ExecutionContext['getHandler']>;

/** A controller or a gateway. */
export interface HandlerClass extends AddressedClass {
  /** One instance for each module that the class is registered in; there may be none yet. */
  readonly instances: readonly object[];
  /** Where clients connect to a gateway. */
  readonly server?: Address;
}

/** Returns true if the call that is being looked up came to an address. */
export type IsAtAddress = (address: string) => boolean;

interface ClassLimits {
  /** The limit of a gateway's new connections. */
  readonly connections: CompiledLimit | undefined;
  /**
   * The functions of the class, by name. Read once, because a request-scoped controller may bind them again for each
   * request.
   */
  readonly methods: ReadonlyMap<string, unknown>;
  readonly addresses: AddressedClass['handlers'];
  readonly byMethod: Map<string, HandlerLimits>;
  /** Weak, because a request-scoped controller may bind its methods again for each request. */
  readonly byHandler: WeakMap<object, HandlerLimits>;
}

const NO_ADDRESSES: AddressedClass['handlers'] = new Map();

/**
 * The limits of all handlers. A handler is identified by its class and its function, or by metadata that a wrapper of
 * the function copied.
 */
export class HandlerRegistry {
  readonly #classes = new Map<unknown, ClassLimits>();
  readonly #withUnknownHandlers = new Set<Class>();
  #identities = new HandlerIdentities();

  /** @param connections the module's limit of new connections, for gateways that do not declare one */
  constructor(
    private readonly registry: PolicyRegistry,
    readonly connections: CompiledLimit | undefined,
    private readonly warn: (message: string) => void,
  ) {}

  /**
   * Compiles the limits of all controllers and gateways, and warns of limits that share a budget by mistake.
   *
   * @throws ThrottleConfigError naming the place of the mistake
   */
  register(classes: readonly HandlerClass[]): void {
    this.registry.assertPlannedPolicies();
    this.#identities = new HandlerIdentities(classes);
    const servers = new HandlerIdentities(classes.flatMap(limitedServer));
    for (const one of classes) {
      const { byHandler } = this.#addClass(one.type, one.handlers, servers.of(one.type, '').classId);
      for (const method of one.handlers.keys()) {
        const limits = this.limitsOf(one.type, method);
        for (const budget of reservationsOf(one.type.prototype, method)) {
          this.registry.budgets.get(budget, `@TokenBudget on ${one.type.name}.${method}`);
        }
        for (const handler of functionsOf(one, method)) {
          byHandler.set(handler, limits);
          markMethod(handler, method);
        }
      }
    }
    const limitsOf = (type: Class, method: string | undefined) =>
      method === undefined ? [...(this.#classes.get(type)?.byMethod.values() ?? [])] : [this.limitsOf(type, method)];
    for (const warning of sharedBudgetWarnings(this.#identities.shared, limitsOf)) this.warn(warning);
    for (const identity of servers.shared) if (identity.level === 'class') this.warn(chargedTwice(identity));
  }

  /** Returns the limits of a handler that was seen before. */
  known(type: Class, handler: Handler): HandlerLimits | undefined {
    return this.#classes.get(type)?.byHandler.get(handler);
  }

  /**
   * Returns the limits of a handler that is seen for the first time. It may wrap a method, which is then identified by
   * the mark in the wrapper's metadata, or else by the wrapper's name. A function that matches no method has the limits
   * of its class.
   */
  find(type: Class, handler: Handler, isAtAddress: IsAtAddress): HandlerLimits {
    const found = this.#classes.get(type) ?? this.#addClass(type);
    const method = methodOf(found, handler, isAtAddress);
    const limits = this.limitsOf(type, method ?? UNKNOWN_METHOD);
    if (method === undefined) this.#warnOfUnknownHandler(type, found, limits);
    found.byHandler.set(handler, limits);
    return limits;
  }

  /** Returns the limits of a method. */
  limitsOf(type: Class, method: string): HandlerLimits {
    const { byMethod } = this.#classes.get(type) ?? this.#addClass(type);
    let limits = byMethod.get(method);
    if (limits === undefined) {
      limits = compileHandlerLimits(type, method, this.#identities.of(type, method), this.registry);
      byMethod.set(method, limits);
    }
    return limits;
  }

  /** Returns the limit of a gateway's new connections. */
  connectionLimitOf(gateway: Class): CompiledLimit | undefined {
    return this.#classes.get(gateway)?.connections;
  }

  /** Returns true if a method has automatic limits. */
  isLimited(type: Class, method: string): boolean {
    return this.limitsOf(type, method).automatic.length > 0;
  }

  /** Returns true if there is any limit: of handlers, including manual ones, or of new connections. */
  hasLimits(): boolean {
    if (this.registry.defaults.length > 0 || this.connections !== undefined) return true;
    return [...this.#classes.values()].some(
      ({ connections, byMethod }) =>
        connections !== undefined ||
        [...byMethod.values()].some(({ automatic, explicit }) => automatic.length + explicit.length > 0),
    );
  }

  /** Returns the policies of all limits of the application. Call it once, after all limits are compiled. */
  takeKnownPolicies(): readonly Policy[] {
    return this.registry.takeKnownPolicies();
  }

  #addClass(type: Class, addresses = NO_ADDRESSES, connectionsId = type.name): ClassLimits {
    const declarations = declarationsOf(type);
    resolveReferences(declarations, this.registry); // reports unknown names even on a class without handlers
    const added: ClassLimits = {
      connections: compileConnectionLimit(declarations, connectionsId, this.connections, this.registry),
      methods: new Map(methodsOf(type).map((name) => [name, type.prototype[name]])),
      addresses,
      byMethod: new Map(),
      byHandler: new WeakMap(),
    };
    this.#classes.set(type, added);
    return added;
  }

  /** Warns once per class if a function matches no method although methods have limits, which then cannot apply. */
  #warnOfUnknownHandler(type: Class, { methods }: ClassLimits, limits: HandlerLimits): void {
    if (this.#withUnknownHandlers.has(type)) return;
    this.#withUnknownHandlers.add(type);
    const isPerMethod =
      [...methods.keys()].some((name) => isDecorated(ownerOf(type, name).prototype, name)) ||
      [...limits.automatic, ...limits.explicit].some(({ scope }) => scope.startsWith('handler:'));
    if (!isPerMethod) return;
    this.warn(
      `${type.name}: methods of this class were replaced by functions without the name and metadata of the method, so the limits of these methods cannot be found. ` +
        'Only the limits of the class apply to these functions. Copy the name or the Reflect metadata of the method to the function.',
    );
  }
}

/** Returns the server of a gateway as its only address, if the gateway limits new connections itself. */
function limitedServer({ type, server }: HandlerClass): readonly AddressedClass[] {
  const isLimited = declarationsOf(type).some(({ connections }) => connections !== undefined);
  return server !== undefined && isLimited ? [{ type, handlers: new Map([['', [server]]]) }] : [];
}

/** Returns the functions that Nest may route to for a method: an instance may have replaced the one of the class. */
function functionsOf({ type, instances }: HandlerClass, method: string): readonly object[] {
  const functions = [type.prototype, ...instances].map((owner): unknown => Reflect.get(owner, method));
  return functions.filter((one) => typeof one === 'function');
}

/** Returns the name of the method that a function is or wraps. */
function methodOf({ methods, addresses }: ClassLimits, handler: Handler, isAtAddress: IsAtAddress): string | undefined {
  const mark = markOn(handler);
  if (mark !== undefined && methods.has(mark)) return mark;
  for (const [name, method] of methods) if (method === handler) return name;
  const name = handler.name.replace(/^(?:bound )+/, '');
  if (!methods.has(name)) return undefined;
  // A replaced method may have the name of another method, whose route the call did not take.
  const leadsTo = (method: string) => addresses.get(method)?.some(({ text }) => isAtAddress(text)) ?? false;
  const isOther = !leadsTo(name) && [...addresses.keys()].some(leadsTo);
  return isOther ? undefined : name;
}
