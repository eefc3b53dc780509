import type { Provider } from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { ThrottleGuard } from '../guards/throttle.guard.js';
import { ThrottleInterceptor } from '../interceptors/throttle.interceptor.js';
import { HandlerRegistry } from '../planning/handler-registry.js';
import { PolicyRegistry } from '../planning/policy-registry.js';
import { CallLimiter } from '../service/calls/call-limiter.js';
import { FrameLimiter } from '../service/calls/frame-limiter.js';
import type { RuntimeSettings } from '../service/calls/runtime-settings.js';
import { SessionResolver } from '../service/calls/session-resolver.js';
import { LimitLookup } from '../service/limit-lookup.js';
import { ThrottleService } from '../service/throttle.service.js';
import { HttpTransport } from '../transports/http/http-transport.js';
import { ClientAddress } from '../transports/identity/client-address.js';
import { ConnectionRegistry } from '../transports/sockets/connection-registry.js';
import { SocketTransport } from '../transports/sockets/socket-transport.js';
import type { Transport } from '../transports/transport.js';
import { connectionsOf } from './connections.js';
import { createRegistry, createSettings, socketLimitOf } from './create-settings.js';
import { isServiceInjected } from './discovery/service-usage.js';
import { MODULE_OPTIONS_TOKEN } from './throttle-module.definition.js';
import type { ThrottleModuleOptions } from './throttle-module.options.js';

const SETTINGS = Symbol('ThrottleModule settings');
const TRANSPORTS = Symbol('ThrottleModule transports');

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
    provide: HttpTransport,
    useFactory: (addresses: ClientAddress, settings: RuntimeSettings) => new HttpTransport(addresses, settings),
    inject: [ClientAddress, SETTINGS],
  },
  {
    provide: SocketTransport,
    useFactory: (connections: ConnectionRegistry) => new SocketTransport(connections),
    inject: [ConnectionRegistry],
  },
  // Every transport is listed here.
  { provide: TRANSPORTS, useFactory: (...all: Transport[]) => all, inject: [HttpTransport, SocketTransport] },
  {
    provide: SessionResolver,
    useFactory: (transports: readonly Transport[], handlers: HandlerRegistry, modules: ModulesContainer) =>
      new SessionResolver(transports, handlers, () => isServiceInjected(modules)),
    inject: [TRANSPORTS, HandlerRegistry, ModulesContainer],
  },
  {
    provide: CallLimiter,
    useFactory: (settings: RuntimeSettings) => new CallLimiter(settings),
    inject: [SETTINGS],
  },
  {
    provide: FrameLimiter,
    useFactory: (
      settings: RuntimeSettings,
      registry: PolicyRegistry,
      limiter: CallLimiter,
      connections: ConnectionRegistry,
    ) => new FrameLimiter(limiter, connections, socketLimitOf(settings, 'frames', registry)),
    inject: [SETTINGS, PolicyRegistry, CallLimiter, ConnectionRegistry],
  },
  {
    provide: ThrottleService,
    useFactory: (limiter: CallLimiter, sessions: SessionResolver, registry: PolicyRegistry) =>
      new ThrottleService(limiter, sessions, new LimitLookup(registry)),
    inject: [CallLimiter, SessionResolver, PolicyRegistry],
  },
  ThrottleGuard,
  ThrottleInterceptor,
];
