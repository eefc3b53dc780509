import type { Provider } from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import type { Backend } from '../backends/backend.js';
import { COPY, THIS_COPY } from '../core/copies.js';
import type { Limit } from '../decorators/policy-options.js';
import { ThrottleGuard } from '../guards/throttle.guard.js';
import { HandlerPhaseInterceptor } from '../interceptors/handler-phase.interceptor.js';
import { ThrottleInterceptor } from '../interceptors/throttle.interceptor.js';
import type { CompiledLimit } from '../planning/compiled-limit.js';
import { HandlerRegistry } from '../planning/handler-registry.js';
import { Plans } from '../planning/plans/plans.js';
import { PolicyRegistry } from '../planning/policy-registry.js';
import { modeSource } from '../planning/runtime/mode-source.js';
import { compileRequestLimit, compileTransportLimit } from '../planning/transport-limits.js';
import { CallLimiter } from '../service/calls/call-limiter.js';
import { HandlerLimiter } from '../service/calls/handler-limiter.js';
import type { RuntimeSettings } from '../service/calls/runtime-settings.js';
import { SessionResolver } from '../service/calls/session-resolver.js';
import { LimitLookup } from '../service/limit-lookup.js';
import { PolicyChanges } from '../service/policies/policy-changes.js';
import { RuntimePolicies } from '../service/policies/runtime-policies.js';
import { RequestLimiter } from '../service/request-limiter.js';
import { FrameLimiter } from '../service/sockets/frame-limiter.js';
import { ThrottleService } from '../service/throttle.service.js';
import { ThrottleOverrides } from '../service/throttle-overrides.js';
import type { HttpRequest } from '../transports/call.js';
import { HttpTransport } from '../transports/http/http-transport.js';
import { ClientAddress } from '../transports/identity/client-address.js';
import { asFrameworkRequest } from '../transports/identity/framework-request.js';
import { proxiedRequest } from '../transports/identity/trust-proxy.js';
import { ConnectionRegistry } from '../transports/sockets/connection-registry.js';
import { SocketTransport } from '../transports/sockets/socket-transport.js';
import type { Transport } from '../transports/transport.js';
import { checkedOptions, createSettings } from './create-settings.js';
import { HandlerPhaseBinding } from './discovery/handler-phase-binding.js';
import { isServiceInjected } from './discovery/service-usage.js';
import { closingBackend, createBackend, OPTIONS, THROTTLE_BACKEND } from './throttle-backend.js';
import { MODULE_OPTIONS_TOKEN } from './throttle-module.definition.js';
import type { ThrottleModuleOptions } from './throttle-module.options.js';
import { MODULE, SOCKETS } from './validate-options.js';

/** The token of the settings at run time. */
export const SETTINGS = Symbol.for('nestjs-sluice:settings');
const TRANSPORTS = Symbol.for('nestjs-sluice:transports');

/** The providers of the module, each after its dependencies. */
const ALL: readonly Provider[] = [
  // Identifies the copies of this library whose modules an application imports.
  { provide: COPY, useValue: THIS_COPY },
  // Replaced by the options of `forRoot`. Without `forRoot`, `checkedOptions` reports that they are missing.
  { provide: MODULE_OPTIONS_TOKEN, useValue: undefined },
  { provide: OPTIONS, useFactory: checkedOptions, inject: [MODULE_OPTIONS_TOKEN] },
  { provide: THROTTLE_BACKEND, useFactory: createBackend, inject: [OPTIONS] },
  { provide: SETTINGS, useFactory: createSettings, inject: [OPTIONS, THROTTLE_BACKEND] },
  { provide: PolicyRegistry, useFactory: createPolicyRegistry, inject: [OPTIONS, SETTINGS, THROTTLE_BACKEND] },
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
    useFactory: (addresses: ClientAddress, settings: RuntimeSettings, adapters: HttpAdapterHost) =>
      new HttpTransport(addresses, settings, (request) => frameworkView(request, adapters)),
    inject: [ClientAddress, SETTINGS, HttpAdapterHost],
  },
  {
    provide: SocketTransport,
    useFactory: (connections: ConnectionRegistry) => new SocketTransport(connections),
    inject: [ConnectionRegistry],
  },
  // Lists all transports.
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
    useFactory: (settings: RuntimeSettings, { plans }: PolicyRegistry) => {
      const limiter = new CallLimiter(settings);
      plans?.lookup.events.listen((event) => limiter.events.emit(event));
      return limiter;
    },
    inject: [SETTINGS, PolicyRegistry],
  },
  HandlerPhaseBinding,
  {
    provide: HandlerLimiter,
    useFactory: (limiter: CallLimiter, binding: HandlerPhaseBinding) =>
      new HandlerLimiter(limiter, (handler) => binding.isBoundTo(handler)),
    inject: [CallLimiter, HandlerPhaseBinding],
  },
  {
    provide: RequestLimiter,
    useFactory: (
      { requests }: RuntimeSettings,
      registry: PolicyRegistry,
      limiter: CallLimiter,
      sessions: SessionResolver,
      http: HttpTransport,
    ) => {
      const limit = requests === undefined ? undefined : compileRequestLimit(`${MODULE}.requests`, requests, registry);
      return new RequestLimiter(limiter, sessions, http, limit);
    },
    inject: [SETTINGS, PolicyRegistry, CallLimiter, SessionResolver, HttpTransport],
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
    provide: PolicyChanges,
    useFactory: (registry: PolicyRegistry, limiter: CallLimiter) =>
      new PolicyChanges(registry, limiter.settings, limiter.events),
    inject: [PolicyRegistry, CallLimiter],
  },
  {
    provide: ThrottleService,
    useFactory: (limiter: CallLimiter, sessions: SessionResolver, registry: PolicyRegistry, changes: PolicyChanges) => {
      const policies = new RuntimePolicies(registry, changes);
      const overrides = new ThrottleOverrides(limiter.settings.backend, registry, limiter.settings.warn);
      return new ThrottleService(
        limiter,
        sessions,
        new LimitLookup(registry),
        policies,
        registry.plans?.lookup,
        overrides,
      );
    },
    inject: [CallLimiter, SessionResolver, PolicyRegistry, PolicyChanges],
  },
  ThrottleGuard,
  ThrottleInterceptor,
  HandlerPhaseInterceptor,
];

export const PROVIDERS: Provider[] = closingBackend(ALL);

function createPolicyRegistry(
  { policies = {}, default: defaults = [], plans, mode }: ThrottleModuleOptions,
  { strategies, warn, clock, deadlines }: RuntimeSettings,
  backend: Backend,
): PolicyRegistry {
  const tiers = plans && new Plans(plans, { clock, warn, deadlines });
  const ofModule = modeSource(mode, `${MODULE}.mode`);
  const limits = isList(defaults) ? defaults : [defaults];
  return new PolicyRegistry(policies, limits, strategies, warn, tiers, ofModule, backend, clock, deadlines);
}

/** Compiles the module's limit of new connections, or of frames, for all gateways. */
function moduleSocketLimit(
  { sockets }: RuntimeSettings,
  name: 'connections' | 'frames',
  registry: PolicyRegistry,
): CompiledLimit | undefined {
  const limit = sockets[name];
  if (limit === undefined) return undefined;
  return compileTransportLimit(`${SOCKETS}.${name}`, name, limit, { level: 'module', owner: 'sockets' }, registry);
}

const HOW_TO_TRUST =
  'Trust it: ThrottleModule.forRoot({ sockets: { trustProxy: "10.0.0.0/8" } }), by its addresses or their number.';

/**
 * Addresses are determined with the proxy setting of sockets if there is one, else with that of the HTTP application.
 */
function createConnectionRegistry(
  settings: RuntimeSettings,
  addresses: ClientAddress,
  adapters: HttpAdapterHost,
): ConnectionRegistry {
  const { trusts } = settings.sockets;
  if (trusts === undefined) {
    return new ConnectionRegistry(settings, addresses, (upgrade) => frameworkView(upgrade, adapters));
  }
  const socketAddresses = new ClientAddress(settings.ipv6Prefix, settings.warn, HOW_TO_TRUST);
  return new ConnectionRegistry(settings, socketAddresses, (upgrade: HttpRequest) => proxiedRequest(upgrade, trusts));
}

/** Returns a request of Node in the form of the application's framework. */
function frameworkView(request: HttpRequest, { httpAdapter }: HttpAdapterHost): HttpRequest {
  return asFrameworkRequest(request, httpAdapter?.getInstance<unknown>());
}

function isList(limits: Limit | readonly Limit[]): limits is readonly Limit[] {
  return Array.isArray(limits);
}
