import { RequestMethod } from '@nestjs/common';
import type { Class } from '../../planning/class-members.js';

/**
 * The metadata that Nest's decorators write. Nest does not export these keys; they are the same in Nest 11 and 12.
 * Metadata of a method is on the function, that of a class on the class.
 */
const ROUTE_PATH = 'path';
const REQUEST_METHOD = 'method';
const VERSION = '__version__';
const HOST = 'host';
const IMPORTS = 'imports';
/** Followed by the id of the application. */
const MODULE_PATH = '__module_path__';
const MESSAGE_PATTERN = 'microservices:pattern';
const MESSAGE_TRANSPORT = 'microservices:transport';
const SUBSCRIBED_MESSAGE = 'websockets:message_mapping';
const EVENT = 'message';
const RESOLVER_TYPE = 'graphql:resolver_type';
const IS_GATEWAY = 'websockets:is_gateway';
const GATEWAY_OPTIONS = 'websockets:gateway_options';
const GATEWAY_PORT = 'port';
const GUARDS = '__guards__';
const INTERCEPTORS = '__interceptors__';
const PARAMETER_TYPES = 'design:paramtypes';
const INJECTED_PARAMETERS = 'self:paramtypes';
const INJECTED_PROPERTIES = 'self:properties_metadata';

/** Returns true for a function that can be constructed. Arrow functions and methods have no prototype. */
export function isClass(type: unknown): type is Class {
  return typeof type === 'function' && typeof type.prototype === 'object' && type.prototype !== null;
}

/** Returns what the decorator of a module imports. */
export function importsOn(type: object): readonly unknown[] {
  return Reflect.getMetadata(IMPORTS, type) ?? [];
}

/** Returns true if requests over HTTP are routed to a method. */
export function isRoute(type: Class, method: string): boolean {
  return Reflect.hasMetadata(ROUTE_PATH, type.prototype[method]);
}

/** Returns the paths of a controller or of a route, as written in the decorator. */
export function pathsOn(target: object): readonly string[] {
  return [Reflect.getMetadata(ROUTE_PATH, target) ?? '/'].flat();
}

/** Returns the method of a route's requests. */
export function requestMethodOf(route: object): RequestMethod {
  return Reflect.getMetadata(REQUEST_METHOD, route) ?? RequestMethod.GET;
}

/** One or several versions, or none. A symbol means requests without a version. */
export type Versions = string | symbol | readonly (string | symbol)[] | undefined;

/** Returns the versions of a controller or of a route. */
export function versionsOn(target: object): Versions {
  return Reflect.getMetadata(VERSION, target);
}

/** Returns the hosts of a controller. If there are none, it serves all hosts. */
export function hostsOf(controller: Class): readonly (string | RegExp)[] {
  return [Reflect.getMetadata(HOST, controller) ?? []].flat();
}

/** Returns the path that `RouterModule` gives to a module. */
export function modulePathOf(module: object, applicationId: string): string {
  return Reflect.getMetadata(MODULE_PATH + applicationId, module) ?? Reflect.getMetadata(MODULE_PATH, module) ?? '';
}

/** Returns true for a method with `@MessagePattern` or `@EventPattern`. */
export function isMicroserviceHandler(type: Class, method: string): boolean {
  return Reflect.hasMetadata(MESSAGE_PATTERN, type.prototype[method]);
}

/** Returns the patterns of a microservice's handler. */
export function patternsOf(type: Class, method: string): readonly unknown[] {
  return [Reflect.getMetadata(MESSAGE_PATTERN, type.prototype[method])].flat();
}

/** Returns the transport of a microservice's handler: a number or a symbol; undefined for all. */
export function messageTransportOf(type: Class, method: string): unknown {
  return Reflect.getMetadata(MESSAGE_TRANSPORT, type.prototype[method]);
}

/** Returns the event of `@SubscribeMessage`. */
export function eventOf(type: Class, method: string): unknown {
  return Reflect.getMetadata(EVENT, type.prototype[method]);
}

/** Returns true for a method with `@SubscribeMessage`. */
export function isSocketHandler(type: Class, method: string): boolean {
  return Reflect.hasMetadata(SUBSCRIBED_MESSAGE, type.prototype[method]);
}

/** Returns true for a class with `@Resolver`. */
export function isResolver(type: Class): boolean {
  return Reflect.hasMetadata(RESOLVER_TYPE, type);
}

/** Returns true for a class with `@WebSocketGateway`. */
export function isGateway(type: Class): boolean {
  return Reflect.hasMetadata(IS_GATEWAY, type);
}

/** The arguments of `@WebSocketGateway`. */
export interface GatewayServer {
  /** The port; 0 is that of the HTTP application. */
  readonly port: unknown;
  readonly options: object;
}

/** Returns the server of a gateway. */
export function serverOf(gateway: Class): GatewayServer {
  return {
    port: Reflect.getMetadata(GATEWAY_PORT, gateway) || 0,
    options: Reflect.getMetadata(GATEWAY_OPTIONS, gateway) ?? {},
  };
}

/** Returns the namespace in the options of a gateway, as Nest passes it to the adapter. */
export function namespaceOf(options: object): unknown {
  const namespace: unknown = Reflect.get(options, 'namespace') || '/';
  return typeof namespace === 'string' && !namespace.startsWith('/') ? `/${namespace}` : namespace;
}

/** Returns the guards that `@UseGuards` binds to a class or a function. */
export function guardsOn(target: object): readonly unknown[] {
  return [Reflect.getMetadata(GUARDS, target)].flat();
}

/** Returns the interceptors that are bound to a class, including inherited ones, or to a method's function. */
export function interceptorsOn(target: object): readonly unknown[] {
  return Reflect.getMetadata(INTERCEPTORS, target) ?? [];
}

/** Returns the interceptors that are bound to a class or a function itself. */
export function ownInterceptorsOn(target: object): readonly unknown[] {
  return Reflect.getOwnMetadata(INTERCEPTORS, target) ?? [];
}

/** Sets the interceptors of a class or a function. If there are none, the inherited ones of a class apply. */
export function bindInterceptors(target: object, interceptors: readonly unknown[]): void {
  if (interceptors.length > 0) Reflect.defineMetadata(INTERCEPTORS, interceptors, target);
  else Reflect.deleteMetadata(INTERCEPTORS, target);
}

/** Returns the tokens that a class injects in its constructor and properties, as written there. */
export function injectedInto(type: object): readonly unknown[] {
  const types: readonly unknown[] = Reflect.getMetadata(PARAMETER_TYPES, type) ?? [];
  const parameters: readonly { readonly param?: unknown }[] = Reflect.getMetadata(INJECTED_PARAMETERS, type) ?? [];
  const properties: readonly { readonly type?: unknown }[] = Reflect.getMetadata(INJECTED_PROPERTIES, type) ?? [];
  return [...types, ...parameters.map(({ param }) => param), ...properties.map((property) => property.type)];
}
