import type { DiscoveryService } from '@nestjs/core';
import { ThrottleConfigError } from '../../core/errors.js';
import { isDecorated } from '../../decorators/metadata.js';
import { ThrottleGuard } from '../../guards/throttle.guard.js';
import { type Class, chainOf, methodsOf, ownerOf } from '../../planning/class-members.js';
import { declarationsOf } from '../../planning/declared-limits.js';
import type { HandlerRegistry } from '../../planning/handler-registry.js';
import { CallLimiter } from '../../service/calls/call-limiter.js';
import {
  guardsOn,
  isClass,
  isGateway,
  isMicroserviceHandler,
  isResolver,
  isRoute,
  isSocketHandler,
} from './nest-metadata.js';

type InstanceWrapper = ReturnType<DiscoveryService['getProviders']>[number];

/**
 * Compiles the limits of all controllers and gateways, and warns of limited handlers that nothing charges.
 *
 * @throws ThrottleConfigError for a mistake in a limit, and for a limit on something that is no handler
 */
export function compileHandlers(
  discovery: DiscoveryService,
  handlers: HandlerRegistry,
  warn: (message: string) => void,
): void {
  const providers = discovery.getProviders();
  assertImportedOnce(providers);
  const isGuarded = guardLookup(providers);
  const seen = new Set<unknown>();
  const unguarded: string[] = [];
  const unsupported: string[] = [];

  for (const { metatype, host, instance } of discovery.getControllers()) {
    if (!isClass(metatype) || seen.has(metatype)) continue;
    seen.add(metatype);
    const { routes, messages } = addController(metatype, host?.name ?? '', instance, handlers);
    unguarded.push(...routes.filter((route) => !isGuarded(metatype, route)).map((route) => label(metatype, route)));
    unsupported.push(...messages.map((message) => label(metatype, message)));
  }
  for (const { metatype, host, instance } of providers) {
    const type: unknown = instance?.constructor ?? metatype;
    if (!isClass(type) || seen.has(type)) continue;
    seen.add(type);
    if (isGateway(type)) addGateway(type, host?.name ?? '', instance, handlers);
    else if (!isResolver(type)) assertUndecorated(type);
    else if (methodsOf(type).some((method) => handlers.isLimited(type, method))) unsupported.push(type.name);
  }

  if (unguarded.length > 0) {
    warn(
      `Not limited, unless app.useGlobalGuards() does it: ${unguarded.join(', ')}. ` +
        'ThrottleGuard is not bound there. Leave the option "guard" out, or provide { provide: APP_GUARD, useClass: ThrottleGuard }.',
    );
  }
  if (unsupported.length > 0) {
    warn(`Not limited: ${unsupported.join(', ')}. This version limits calls over HTTP and WebSockets only.`);
  }
}

function assertImportedOnce(providers: readonly InstanceWrapper[]): void {
  if (providers.filter(({ token }) => token === CallLimiter).length < 2) return;
  throw new ThrottleConfigError(
    'ThrottleModule.forRoot: imported twice, which would charge every call twice. Import it once; use forFeature for the policies of other modules.',
  );
}

/** Adds the routes of a controller. Returns its limited methods. */
function addController(
  type: Class,
  moduleName: string,
  instance: object | undefined,
  handlers: HandlerRegistry,
): { readonly routes: readonly string[]; readonly messages: readonly string[] } {
  const methods = methodsOf(type);
  const routes = methods.filter((method) => isRoute(type, method));
  const messages = methods.filter((method) => isMicroserviceHandler(type, method));
  assertOnHandlers(
    type,
    [...routes, ...messages],
    'no route leads to this method. Move it to one, or use ThrottleService.hit().',
  );
  assertNoConnectionLimit(type);
  handlers.add(type, moduleName, routes, instance);
  const isLimited = (method: string) => handlers.isLimited(type, method);
  return { routes: routes.filter(isLimited), messages: messages.filter(isLimited) };
}

function addGateway(type: Class, moduleName: string, instance: object | undefined, handlers: HandlerRegistry): void {
  const messages = methodsOf(type).filter((method) => isSocketHandler(type, method));
  assertOnHandlers(
    type,
    messages,
    'no message leads to this method. Move it to one with @SubscribeMessage, or use ThrottleService.hit(). ' +
      'New connections are limited on the class: @Throttle({ connections: "10/min" }).',
  );
  handlers.add(type, moduleName, messages, instance);
}

/** Returns a function that tells if ThrottleGuard is bound to a handler: for all, on its class, or on itself. */
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

/** Throws if a method with a decorator is no handler: its limit would never be charged. */
function assertOnHandlers(type: Class, handlers: readonly string[], fix: string): void {
  for (const one of chainOf(type)) {
    for (const method of Reflect.ownKeys(one.prototype)) {
      const isHandler = handlers.some((handler) => handler === method);
      if (isHandler || !isDecorated(one.prototype, method) || ownerOf(type, method) !== one) continue;
      throw new ThrottleConfigError(
        `@Throttle or @SkipThrottle on ${type.name}.${String(method)}: expected a handler; ${fix}`,
      );
    }
  }
}

/** Throws if a class that is no gateway limits connections. */
function assertNoConnectionLimit(type: Class): void {
  const found = declarationsOf(type).find(({ connections }) => connections !== undefined);
  if (found === undefined) return;
  throw new ThrottleConfigError(
    `@Throttle ${found.label}, connections: expected a gateway, and ${type.name} is none. Requests are limited by a rate: @Throttle("10/min").`,
  );
}

/** Throws if a provider that handles no calls has a decorator. */
function assertUndecorated(type: Class): void {
  const isAnyDecorated = chainOf(type).some(
    (one) => isDecorated(one) || Reflect.ownKeys(one.prototype).some((method) => isDecorated(one.prototype, method)),
  );
  if (!isAnyDecorated) return;
  throw new ThrottleConfigError(
    `@Throttle or @SkipThrottle on ${type.name}: expected a controller; no request comes to a provider. Use ThrottleService.hit() in it.`,
  );
}

function label(type: Class, method: string): string {
  return `${type.name}.${method}`;
}
