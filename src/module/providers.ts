import type { Provider } from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { ThrottleGuard } from '../guards/throttle.guard.js';
import { ThrottleInterceptor } from '../interceptors/throttle.interceptor.js';
import { HandlerRegistry } from '../planning/handler-registry.js';
import { PolicyRegistry } from '../planning/policy-registry.js';
import { CallLimiter } from '../service/calls/call-limiter.js';
import type { RuntimeSettings } from '../service/calls/runtime-settings.js';
import { SessionStore } from '../service/calls/session-store.js';
import { SocketLimiter } from '../service/calls/socket-limiter.js';
import { LimitLookup } from '../service/limit-lookup.js';
import { ThrottleService } from '../service/throttle.service.js';
import { ClientAddress } from '../transports/identity/client-address.js';
import { ConnectionRegistry } from '../transports/sockets/connection-registry.js';
import { connectionsOf } from './connections.js';
import { createRegistry, createSettings, socketLimitOf } from './create-settings.js';
import { isServiceInjected } from './discovery/service-usage.js';
import { MODULE_OPTIONS_TOKEN } from './throttle-module.definition.js';
import type { ThrottleModuleOptions } from './throttle-module.options.js';

const SETTINGS = Symbol('ThrottleModule settings');

/** What the module is made of, each of those before it. */
export const PROVIDERS: Provider[] = [
  // Without forRoot there are none, and that is an error that says so; its options take this one's place.
  { provide: MODULE_OPTIONS_TOKEN, useValue: undefined },
  { provide: SETTINGS, useFactory: createSettings, inject: [MODULE_OPTIONS_TOKEN] },
  {
    provide: PolicyRegistry,
    useFactory: (options: ThrottleModuleOptions, { strategies }: RuntimeSettings) =>
      createRegistry(options, strategies),
    inject: [MODULE_OPTIONS_TOKEN, SETTINGS],
  },
  {
    provide: HandlerRegistry,
    useFactory: (settings: RuntimeSettings, registry: PolicyRegistry) =>
      new HandlerRegistry(registry, socketLimitOf(settings, 'connections', registry)),
    inject: [SETTINGS, PolicyRegistry],
  },
  {
    provide: ClientAddress,
    useFactory: ({ ipv6Prefix, warn }: RuntimeSettings) => new ClientAddress(ipv6Prefix, warn),
    inject: [SETTINGS],
  },
  { provide: ConnectionRegistry, useFactory: connectionsOf, inject: [SETTINGS, ClientAddress, HttpAdapterHost] },
  {
    provide: SessionStore,
    useFactory: (
      settings: RuntimeSettings,
      plans: HandlerRegistry,
      addresses: ClientAddress,
      connections: ConnectionRegistry,
      modules: ModulesContainer,
    ) => new SessionStore(settings, plans, addresses, connections, () => isServiceInjected(modules)),
    inject: [SETTINGS, HandlerRegistry, ClientAddress, ConnectionRegistry, ModulesContainer],
  },
  {
    provide: CallLimiter,
    useFactory: (settings: RuntimeSettings, calls: SessionStore) => new CallLimiter(settings, calls),
    inject: [SETTINGS, SessionStore],
  },
  {
    provide: SocketLimiter,
    useFactory: (
      settings: RuntimeSettings,
      registry: PolicyRegistry,
      limiter: CallLimiter,
      calls: SessionStore,
      connections: ConnectionRegistry,
    ) => new SocketLimiter(limiter, calls, connections, socketLimitOf(settings, 'frames', registry)),
    inject: [SETTINGS, PolicyRegistry, CallLimiter, SessionStore, ConnectionRegistry],
  },
  {
    provide: ThrottleService,
    useFactory: (limiter: CallLimiter, calls: SessionStore, registry: PolicyRegistry) =>
      new ThrottleService(limiter, calls, new LimitLookup(registry)),
    inject: [CallLimiter, SessionStore, PolicyRegistry],
  },
  ThrottleGuard,
  ThrottleInterceptor,
];
