import type { ApplicationConfig, DiscoveryService, ModulesContainer } from '@nestjs/core';
import { markMethod } from '../../decorators/handler-mark.js';
import { ThrottleGuard } from '../../guards/throttle.guard.js';
import { type Class, methodsOf } from '../../planning/class-members.js';
import type { HandlerClass, HandlerRegistry } from '../../planning/handler-registry.js';
import { assertImportedOnce, assertNoneOfOtherCopies } from './copy-checks.js';
import { assertNoConnectionLimit, assertOnHandlers, assertUndecorated } from './declaration-checks.js';
import { eventAddress, messageAddresses, serverAddress } from './message-addresses.js';
import {
  guardsOn,
  isClass,
  isGateway,
  isMicroserviceHandler,
  isResolver,
  isRoute,
  isSocketHandler,
} from './nest-metadata.js';
import { RouteAddresses } from './route-addresses.js';

type InstanceWrapper = ReturnType<DiscoveryService['getProviders']>[number];

/** The parts of Nest with which handlers are found. */
export interface Application {
  readonly discovery: DiscoveryService;
  readonly modules: ModulesContainer;
  readonly config: ApplicationConfig;
}

/**
 * Marks the methods of all controllers and gateways. Instrumentation copies the marks to the functions that Nest routes
 * to, so this must run before Nest registers any. Nest registers those of gateways before any module hook.
 */
export function markHandlers(discovery: DiscoveryService): void {
  const controllers = classesOf(discovery.getControllers());
  const gateways = classesOf(discovery.getProviders()).filter(isGateway);
  for (const type of new Set([...controllers, ...gateways])) {
    for (const method of methodsOf(type)) markMethod(type.prototype[method], method);
  }
}

/**
 * Compiles the limits of all controllers and gateways, and warns of limited handlers that nothing charges.
 *
 * @throws ThrottleConfigError for a mistake in a limit, and for a limit on something that is not a handler
 */
export function compileHandlers(
  { discovery, modules, config }: Application,
  handlers: HandlerRegistry,
  warn: (message: string) => void,
): void {
  const providers = discovery.getProviders();
  assertImportedOnce(providers, modules);
  assertNoneOfOtherCopies(modules);
  const controllers = groupByClass(discovery.getControllers(), ({ metatype }) => metatype);
  const others = groupByClass(providers, ({ instance, metatype }) => instance?.constructor ?? metatype);
  for (const type of controllers.keys()) others.delete(type);
  const gateways = [...others].filter(([type]) => isGateway(type));
  const resolvers = [...others.keys()].filter((type) => !isGateway(type) && isResolver(type));
  for (const type of others.keys()) if (!isGateway(type) && !isResolver(type)) assertUndecorated(type);

  const addresses = new RouteAddresses(config, modules.applicationId);
  handlers.register([
    ...[...controllers].map(([type, wrappers]) => controllerClass(type, wrappers, addresses)),
    ...gateways.map(([type, wrappers]) => gatewayClass(type, wrappers)),
  ]);
  warnOfUncharged([...controllers.keys()], resolvers, guardLookup(providers), handlers, warn);
}

function classesOf(wrappers: readonly InstanceWrapper[]): readonly Class[] {
  return wrappers.map(({ metatype }): unknown => metatype).filter(isClass);
}

/** Groups the instances of Nest by class: a class may be registered in several modules. */
function groupByClass(
  wrappers: readonly InstanceWrapper[],
  typeOf: (wrapper: InstanceWrapper) => unknown,
): Map<Class, InstanceWrapper[]> {
  const groups = new Map<Class, InstanceWrapper[]>();
  for (const wrapper of wrappers) {
    const type = typeOf(wrapper);
    if (!isClass(type)) continue;
    const group = groups.get(type);
    if (group === undefined) groups.set(type, [wrapper]);
    else group.push(wrapper);
  }
  return groups;
}

function controllerClass(type: Class, wrappers: readonly InstanceWrapper[], addresses: RouteAddresses): HandlerClass {
  const methods = methodsOf(type).filter((method) => isRoute(type, method) || isMicroserviceHandler(type, method));
  assertOnHandlers(type, methods, 'no route leads to this method. Move it to one, or use ThrottleService.hit().');
  assertNoConnectionLimit(type);
  const modules = wrappers.flatMap(({ host }) => (host === undefined ? [] : [host.metatype]));
  const addressesOf = (method: string) => [
    ...(isRoute(type, method) ? addresses.of(type, method, modules) : []),
    ...(isMicroserviceHandler(type, method) ? messageAddresses(type, method) : []),
  ];
  return {
    type,
    instances: instancesOf(wrappers),
    handlers: new Map(methods.map((method) => [method, addressesOf(method)])),
  };
}

function gatewayClass(type: Class, wrappers: readonly InstanceWrapper[]): HandlerClass {
  const messages = methodsOf(type).filter((method) => isSocketHandler(type, method));
  assertOnHandlers(
    type,
    messages,
    'no message leads to this method. Move it to one with @SubscribeMessage, or use ThrottleService.hit(). ' +
      'New connections are limited on the class: @Throttle({ connections: "10/min" }).',
  );
  return {
    type,
    instances: instancesOf(wrappers),
    handlers: new Map(messages.map((method) => [method, [eventAddress(type, method)]])),
    server: serverAddress(type),
  };
}

function instancesOf(wrappers: readonly InstanceWrapper[]): readonly object[] {
  return wrappers
    .map(({ instance }): unknown => instance)
    .filter((instance) => typeof instance === 'object' && instance !== null);
}

/** Warns of limits that nothing charges. */
function warnOfUncharged(
  controllers: readonly Class[],
  resolvers: readonly Class[],
  isGuarded: (type: Class, method: string) => boolean,
  handlers: HandlerRegistry,
  warn: (message: string) => void,
): void {
  const limited = controllers.flatMap((type) =>
    methodsOf(type)
      .filter(
        (method) => (isRoute(type, method) || isMicroserviceHandler(type, method)) && handlers.isLimited(type, method),
      )
      .map((method) => ({ type, method, label: label(type, method) })),
  );
  const unguarded = limited.filter(({ type, method }) => isRoute(type, method) && !isGuarded(type, method));
  const unsupported = [
    ...limited.filter(({ type, method }) => isMicroserviceHandler(type, method)).map((one) => one.label),
    ...resolvers
      .filter((type) => methodsOf(type).some((method) => handlers.isLimited(type, method)))
      .map(({ name }) => name),
  ];
  if (unguarded.length > 0) {
    warn(
      `Not limited, unless app.useGlobalGuards() does it: ${unguarded.map((one) => one.label).join(', ')}. ` +
        'ThrottleGuard is not bound there. Leave the option "guard" out, or provide { provide: APP_GUARD, useClass: ThrottleGuard }.',
    );
  }
  if (unsupported.length > 0) {
    warn(`Not limited: ${unsupported.join(', ')}. This version limits calls over HTTP and WebSockets only.`);
  }
}

/**
 * Returns a function that returns true if ThrottleGuard is bound to a handler: globally, on its class, or on the
 * method.
 */
function guardLookup(providers: readonly InstanceWrapper[]): (type: Class, method: string) => boolean {
  const isGlobal = providers.some(
    // The module provides ThrottleGuard under its own token, bound or not.
    ({ token, metatype, instance }) =>
      token !== ThrottleGuard && (isThrottleGuard(metatype) || isThrottleGuard(instance)),
  );
  const isBoundTo = (target: object) => guardsOn(target).some(isThrottleGuard);
  return (type, method) => isGlobal || isBoundTo(type) || isBoundTo(type.prototype[method]);
}

function isThrottleGuard(guard: unknown): boolean {
  return (
    guard instanceof ThrottleGuard ||
    guard === ThrottleGuard ||
    (isClass(guard) && guard.prototype instanceof ThrottleGuard)
  );
}

function label(type: Class, method: string): string {
  return `${type.name}.${method}`;
}
