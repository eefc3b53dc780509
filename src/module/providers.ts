import type { Provider } from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { ThrottleGuard } from '../guards/throttle.guard.js';
import { ThrottleInterceptor } from '../interceptors/throttle.interceptor.js';
import { CallLimiter } from '../service/call-limiter.js';
import { Calls } from '../service/calls.js';
import { Connections } from '../service/connections.js';
import { LimitBook } from '../service/limit-book.js';
import { Plans } from '../service/plans.js';
import { PolicyRegistry } from '../service/registry.js';
import type { Settings } from '../service/settings.js';
import { SocketGate } from '../service/socket-gate.js';
import { ThrottleService } from '../service/throttle.service.js';
import { ClientAddress } from '../transports/client-address.js';
import { MODULE_OPTIONS_TOKEN } from './configurable.js';
import { connectionsOf } from './connections.js';
import type { ThrottleModuleOptions } from './options.js';
import { isServiceUsed } from './service-use.js';
import { registryOf, settingsOf, socketLimitOf } from './settings.js';

const SETTINGS = Symbol('ThrottleModule settings');

/** What the module is made of, each of those before it. */
export const PROVIDERS: Provider[] = [
  // Without forRoot there are none, and that is an error that says so; its options take this one's place.
  { provide: MODULE_OPTIONS_TOKEN, useValue: undefined },
  { provide: SETTINGS, useFactory: settingsOf, inject: [MODULE_OPTIONS_TOKEN] },
  {
    provide: PolicyRegistry,
    useFactory: (options: ThrottleModuleOptions, { strategies }: Settings) => registryOf(options, strategies),
    inject: [MODULE_OPTIONS_TOKEN, SETTINGS],
  },
  {
    provide: Plans,
    useFactory: (settings: Settings, registry: PolicyRegistry) =>
      new Plans(registry, socketLimitOf(settings, 'connections', registry)),
    inject: [SETTINGS, PolicyRegistry],
  },
  {
    provide: ClientAddress,
    useFactory: ({ ipv6Prefix, warn }: Settings) => new ClientAddress(ipv6Prefix, warn),
    inject: [SETTINGS],
  },
  { provide: Connections, useFactory: connectionsOf, inject: [SETTINGS, ClientAddress, HttpAdapterHost] },
  {
    provide: Calls,
    useFactory: (
      settings: Settings,
      plans: Plans,
      addresses: ClientAddress,
      connections: Connections,
      modules: ModulesContainer,
    ) => new Calls(settings, plans, addresses, connections, () => isServiceUsed(modules)),
    inject: [SETTINGS, Plans, ClientAddress, Connections, ModulesContainer],
  },
  {
    provide: CallLimiter,
    useFactory: (settings: Settings, calls: Calls) => new CallLimiter(settings, calls),
    inject: [SETTINGS, Calls],
  },
  {
    provide: SocketGate,
    useFactory: (
      settings: Settings,
      registry: PolicyRegistry,
      limiter: CallLimiter,
      calls: Calls,
      connections: Connections,
    ) => new SocketGate(limiter, calls, connections, socketLimitOf(settings, 'frames', registry)),
    inject: [SETTINGS, PolicyRegistry, CallLimiter, Calls, Connections],
  },
  {
    provide: ThrottleService,
    useFactory: (limiter: CallLimiter, calls: Calls, registry: PolicyRegistry) =>
      new ThrottleService(limiter, calls, new LimitBook(registry)),
    inject: [CallLimiter, Calls, PolicyRegistry],
  },
  ThrottleGuard,
  ThrottleInterceptor,
];
