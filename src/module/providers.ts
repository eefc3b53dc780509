import type { Provider } from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import type { Limit } from '../decorators/policy-options.js';
import { ThrottleGuard } from '../guards/throttle.guard.js';
import { HandlerPhaseInterceptor } from '../interceptors/handler-phase.interceptor.js';
import { ThrottleInterceptor } from '../interceptors/throttle.interceptor.js';
import type { CompiledLimit } from '../planning/compiled-limit.js';
import { HandlerRegistry } from '../planning/handler-registry.js';
import { PolicyRegistry } from '../planning/policy-registry.js';
import { compileSocketLimit, type SocketLimitName } from '../planning/socket-limits.js';
import { CallLimiter } from '../service/calls/call-limiter.js';
import { HandlerLimiter } from '../service/calls/handler-limiter.js';
import type { RuntimeSettings } from '../service/calls/runtime-settings.js';
import { SessionResolver } from '../service/calls/session-resolver.js';
import { LimitLookup } from '../service/limit-lookup.js';
import { FrameLimiter } from '../service/sockets/frame-limiter.js';
import { ThrottleService } from '../service/throttle.service.js';
import type { HttpRequest } from '../transports/call.js';
import { HttpTransport } from '../transports/http/http-transport.js';
import { ClientAddress } from '../transports/identity/client-address.js';
import { proxiedRequest } from '../transports/identity/trust-proxy.js';
import { ConnectionRegistry } from '../transports/sockets/connection-registry.js';
import { asFrameworkRequest } from '../transports/sockets/handshake/upgrade-request.js';
import { SocketTransport } from '../transports/sockets/socket-transport.js';
import type { Transport } from '../transports/transport.js';
import { createSettings } from './create-settings.js';
import { HandlerPhaseBinding } from './discovery/handler-phase-binding.js';
import { isServiceInjected } from './discovery/service-usage.js';
import { MODULE_OPTIONS_TOKEN } from './throttle-module.definition.js';
import type { ThrottleModuleOptions } from './throttle-module.options.js';
import { SOCKETS } from './validate-options.js';

const SETTINGS = Symbol('ThrottleModule settings');
const TRANSPORTS = Symbol('ThrottleModule transports');

/** The providers of the module, each after those that it needs. */
export const PROVIDERS: Provider[] = [
  // Replaced by the options of `forRoot`. Without `forRoot`, `createSettings` reports that there are none.
  { provide: MODULE_OPTIONS_TOKEN, useValue: undefined },
  { provide: SETTINGS, useFactory: createSettings, inject: [MODULE_OPTIONS_TOKEN] },
  { provide: PolicyRegistry, useFactory: createPolicyRegistry, inject: [MODULE_OPTIONS_TOKEN, SETTINGS] },
  {
    provide: HandlerRegistry,
    useFactory: (settings: RuntimeSettings, registry: PolicyRegistry) =>
      new HandlerRegistry(registry, moduleSocketLimit(settings, 'connections', registry), settings.warn),
    inject: [SETTINGS, PolicyRegistry],
  },
  {
    provide: ClientAddress,
    useFactory: ({ ipv6Prefix, warn }: RuntimeSettings) => new ClientAddress(ipv6Prefix, warn),
    inject: [SETTINGS],
  },
  {
    provide: ConnectionRegistry,
    useFactory: createConnectionRegistry,
    inject: [SETTINGS, ClientAddress, HttpAdapterHost],
  },
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
    useFactory: (
      transports: readonly Transport[],
      handlers: HandlerRegistry,
      modules: ModulesContainer,
      { warn }: RuntimeSettings,
    ) => new SessionResolver(transports, handlers, () => isServiceInjected(modules), warn),
    inject: [TRANSPORTS, HandlerRegistry, ModulesContainer, SETTINGS],
  },
  {
    provide: CallLimiter,
    useFactory: (settings: RuntimeSettings) => new CallLimiter(settings),
    inject: [SETTINGS],
  },
  HandlerPhaseBinding,
  {
    provide: HandlerLimiter,
    useFactory: (limiter: CallLimiter, binding: HandlerPhaseBinding) =>
      new HandlerLimiter(limiter, (handler) => binding.isBoundTo(handler)),
    inject: [CallLimiter, HandlerPhaseBinding],
  },
  {
    provide: FrameLimiter,
    useFactory: (
      settings: RuntimeSettings,
      registry: PolicyRegistry,
      limiter: CallLimiter,
      connections: ConnectionRegistry,
    ) => new FrameLimiter(limiter, connections, moduleSocketLimit(settings, 'frames', registry)),
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
  HandlerPhaseInterceptor,
];

function createPolicyRegistry(
  { policies = {}, default: defaults = [] }: ThrottleModuleOptions,
  { strategies }: RuntimeSettings,
): PolicyRegistry {
  return new PolicyRegistry(policies, isList(defaults) ? defaults : [defaults], strategies);
}

/** Compiles the limit of new connections, or of frames, that the module sets for all gateways. */
function moduleSocketLimit(
  { sockets }: RuntimeSettings,
  name: SocketLimitName,
  registry: PolicyRegistry,
): CompiledLimit | undefined {
  const limit = sockets[name];
  if (limit === undefined) return undefined;
  return compileSocketLimit(`${SOCKETS}.${name}`, name, limit, { level: 'module', owner: 'sockets' }, registry);
}

const HOW_TO_TRUST =
  'Trust it: ThrottleModule.forRoot({ sockets: { trustProxy: "10.0.0.0/8" } }), by its addresses or their number.';

/** Addresses are found under the proxy setting of sockets if there is one, else under that of the HTTP application. */
function createConnectionRegistry(
  settings: RuntimeSettings,
  addresses: ClientAddress,
  adapters: HttpAdapterHost,
): ConnectionRegistry {
  const { trusts } = settings.sockets;
  if (trusts === undefined) {
    const app = () => adapters.httpAdapter?.getInstance<unknown>();
    return new ConnectionRegistry(settings, addresses, (upgrade) => asFrameworkRequest(upgrade, app()));
  }
  const socketAddresses = new ClientAddress(settings.ipv6Prefix, settings.warn, HOW_TO_TRUST);
  return new ConnectionRegistry(settings, socketAddresses, (upgrade: HttpRequest) => proxiedRequest(upgrade, trusts));
}

function isList(limits: Limit | readonly Limit[]): limits is readonly Limit[] {
  return Array.isArray(limits);
}
