import type { DiscoveryService } from '@nestjs/core';
import { ThrottleConfigError } from '../../core/errors.js';
import { declarationOn, isDeclaredOn } from '../../decorators/metadata.js';
import { ThrottleGuard } from '../../guards/throttle.guard.js';
import { hasConnections } from '../../planning/connection-option.js';
import { chainOf, ownerOf } from '../../planning/declared-limits.js';
import { type HandlerRegistry, methodsOf } from '../../planning/handler-registry.js';
import { CallLimiter } from '../../service/calls/call-limiter.js';
import type { RuntimeSettings } from '../../service/calls/runtime-settings.js';
import { isGateway } from './gateway-discovery.js';

/** What Nest's DiscoveryService finds. */
type InstanceWrapper = ReturnType<DiscoveryService['getProviders']>[number];
type Class = abstract new (...args: never[]) => unknown;

/** Under which Nest keeps what its decorators say. */
const ROUTE = 'path';
const GUARDS = '__guards__';
const MESSAGE_PATTERN = 'microservices:pattern';
const MESSAGE = 'websockets:message_mapping';
const RESOLVER = 'graphql:resolver_type';

/**
 * Compiles the plans of all controllers and gateways, and stops the boot where a limit is written on something that nothing charges.
 *
 * @throws ThrottleConfigError naming the place
 */
export function compilePlans(discovery: DiscoveryService, plans: HandlerRegistry, settings: RuntimeSettings): void {
  const providers = discovery.getProviders();
  if (providers.filter(({ token }) => token === CallLimiter).length > 1) {
    throw new ThrottleConfigError(
      'ThrottleModule.forRoot: imported twice, which would charge every call twice. Import it once; use forFeature for the policies of other modules.',
    );
  }
  const isGuarded = guardBinding(providers);
  const unlimited: string[] = [];
  const unguarded: string[] = [];
  const controllers = new Set<unknown>();
  for (const { metatype, host, instance } of discovery.getControllers()) {
    if (!isClass(metatype) || controllers.has(metatype)) continue;
    controllers.add(metatype);
    const methods = methodsOf(metatype);
    const routes = methods.filter((method) => Reflect.hasMetadata(ROUTE, metatype.prototype[method]));
    const messages = methods.filter((method) => Reflect.hasMetadata(MESSAGE_PATTERN, metatype.prototype[method]));
    assertOnHandlers(metatype, [...routes, ...messages]);
    assertNoConnections(metatype);
    plans.add(metatype, host?.name ?? '', routes, instance ?? metatype.prototype);
    unguarded.push(
      ...routes
        .filter((method) => !isGuarded(metatype, method) && plans.limits(metatype, method))
        .map((method) => `${metatype.name}.${method}`),
    );
    unlimited.push(
      ...messages.filter((method) => plans.limits(metatype, method)).map((method) => `${metatype.name}.${method}`),
    );
  }
  for (const { instance, metatype, host } of providers) {
    const type: unknown = instance?.constructor ?? metatype;
    if (!isClass(type) || controllers.has(type)) continue;
    controllers.add(type);
    if (isGateway(type)) addGateway(type, host?.name ?? '', instance, plans);
    else unlimited.push(...unlimitedProvider(type, plans));
  }
  if (unguarded.length > 0) {
    settings.warn(
      `Not limited, unless app.useGlobalGuards() does it: ${unguarded.join(', ')}. ` +
        'ThrottleGuard is not bound there. Leave the option "guard" out, or provide { provide: APP_GUARD, useClass: ThrottleGuard }.',
    );
  }
  if (unlimited.length > 0) {
    settings.warn(`Not limited: ${unlimited.join(', ')}. This version limits calls over HTTP and WebSockets only.`);
  }
}

/** Tells of a handler whether ThrottleGuard is bound for all, on its class, or on it. */
function guardBinding(providers: readonly InstanceWrapper[]): (type: Class, method: string) => boolean {
  const isForAll = providers.some(({ token, metatype, instance }) => {
    const isOwn = token === ThrottleGuard; // it provides itself, bound or not
    return !isOwn && (isGuard(metatype) || isGuard(instance));
  });
  const isOn = (target: object) => [Reflect.getMetadata(GUARDS, target)].flat().some(isGuard);
  return (type, method) => isForAll || isOn(type) || isOn(type.prototype[method]);
}

function isGuard(guard: unknown): boolean {
  return (
    guard instanceof ThrottleGuard ||
    guard === ThrottleGuard ||
    (isClass(guard) && guard.prototype instanceof ThrottleGuard)
  );
}

function unlimitedProvider(type: Class, plans: HandlerRegistry): readonly string[] {
  if (Reflect.hasMetadata(RESOLVER, type))
    return methodsOf(type).some((method) => plans.limits(type, method)) ? [type.name] : [];
  if (!chainOf(type).some((one) => isDeclaredOn(one, one.prototype))) return [];
  throw new ThrottleConfigError(
    `@Throttle or @SkipThrottle on ${type.name}: expected a controller; no request comes to a provider. Use ThrottleService.hit() in it.`,
  );
}

function addGateway(type: Class, moduleName: string, instance: object | undefined, plans: HandlerRegistry): void {
  const handlers = methodsOf(type).filter((method) => Reflect.hasMetadata(MESSAGE, type.prototype[method]));
  assertOnHandlers(
    type,
    handlers,
    'no message leads to this method. Move it to one with @SubscribeMessage, or use ThrottleService.hit(). ' +
      'New connections are limited on the class: @Throttle({ connections: "10/min" }).',
  );
  plans.add(type, moduleName, handlers, instance ?? type.prototype);
}

/** Connections are made to gateways: on another class the limit would never be charged. */
function assertNoConnections(type: Class): void {
  const said = chainOf(type).find((one) => hasConnections(declarationOn(one)));
  if (said === undefined) return;
  throw new ThrottleConfigError(
    `@Throttle on ${said.name}, connections: expected a gateway, and ${type.name} is none. Requests are limited by a rate: @Throttle("10/min").`,
  );
}

/** A limit on a method that is no handler would never be charged. */
function assertOnHandlers(
  type: Class,
  handlers: readonly string[],
  why = 'no route leads to this method. Move it to one, or use ThrottleService.hit().',
): void {
  for (const one of chainOf(type)) {
    for (const method of Reflect.ownKeys(one.prototype)) {
      const { limits, skips } = declarationOn(one.prototype, method);
      const isHandler = handlers.some((handler) => handler === method);
      if (limits.length + skips.length === 0 || isHandler || ownerOf(type, method) !== one) continue;
      throw new ThrottleConfigError(
        `@Throttle or @SkipThrottle on ${type.name}.${String(method)}: expected a handler; ${why}`,
      );
    }
  }
}

function isClass(type: unknown): type is Class {
  return typeof type === 'function' && typeof type.prototype === 'object' && type.prototype !== null;
}
