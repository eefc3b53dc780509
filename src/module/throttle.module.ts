import {
  type BeforeApplicationShutdown,
  type DynamicModule,
  Inject,
  Module,
  type NestModule,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { ApplicationConfig, DiscoveryModule, DiscoveryService, HttpAdapterHost } from '@nestjs/core';
import { invalidValue } from '../core/errors.js';
import { ThrottleGuard } from '../guards/throttle.guard.js';
import { ThrottleInterceptor } from '../interceptors/throttle.interceptor.js';
import { HandlerRegistry } from '../planning/handler-registry.js';
import { isObject } from '../planning/option-checks.js';
import { PolicyRegistry } from '../planning/policy-registry.js';
import { CallLimiter } from '../service/calls/call-limiter.js';
import { FrameLimiter } from '../service/calls/frame-limiter.js';
import { SessionResolver } from '../service/calls/session-resolver.js';
import { ThrottleService } from '../service/throttle.service.js';
import { HttpTransport } from '../transports/http/http-transport.js';
import { ConnectionRegistry } from '../transports/sockets/connection-registry.js';
import { addFeature, assertAsyncOptions } from './create-settings.js';
import { GatewayDiscovery } from './discovery/gateway-discovery.js';
import { compilePlans } from './discovery/handler-discovery.js';
import { trackRequests } from './hooks/http-call-hook.js';
import { SocketAdapterHook } from './hooks/socket-adapter-hook.js';
import { PROVIDERS } from './providers.js';
import { type ASYNC_OPTIONS_TYPE, ConfigurableModuleClass, type OPTIONS_TYPE } from './throttle-module.definition.js';
import type { ThrottleFeatureOptions } from './throttle-module.options.js';

const FEATURE = Symbol('ThrottleModule feature');

@Module({})
class ThrottleFeatureModule {}

/**
 * Rate limiting for an application: `forRoot` (or `forRootAsync`) once in the root module, `forFeature` where a feature
 * module brings policies of its own. Mistakes stop the boot with a ThrottleConfigError.
 *
 * @example
 * ThrottleModule.forRoot({ default: '1000/min', policies: { login: '5/min' } })
 * ThrottleModule.forRootAsync({ inject: [ConfigService], useFactory: (config) => ({ default: config.get('RATE') }) })
 */
@Module({
  imports: [DiscoveryModule],
  providers: PROVIDERS,
  // Guard and interceptor are made anew where a user binds them: what they need is exported as well.
  exports: [ThrottleService, ThrottleGuard, ThrottleInterceptor, CallLimiter, SessionResolver, PolicyRegistry],
})
export class ThrottleModule
  extends ConfigurableModuleClass
  implements NestModule, OnModuleInit, BeforeApplicationShutdown, OnApplicationShutdown
{
  readonly #gateways: GatewayDiscovery;
  #isCompiled = false;

  constructor(
    @Inject(CallLimiter) private readonly limiter: CallLimiter,
    @Inject(HandlerRegistry) private readonly plans: HandlerRegistry,
    @Inject(SessionResolver) private readonly sessions: SessionResolver,
    @Inject(HttpTransport) private readonly http: HttpTransport,
    @Inject(DiscoveryService) private readonly discovery: DiscoveryService,
    @Inject(HttpAdapterHost) private readonly adapters: HttpAdapterHost,
    @Inject(ThrottleInterceptor) private readonly interceptor: ThrottleInterceptor,
    @Inject(FrameLimiter) frames: FrameLimiter,
    @Inject(ConnectionRegistry) connections: ConnectionRegistry,
    @Inject(ApplicationConfig) config: ApplicationConfig,
  ) {
    super();
    // Now, since Nest opens servers and reads what is bound to gateways before it calls any hook of a module.
    this.#gateways = new GatewayDiscovery(discovery);
    this.#gateways.attach(interceptor);
    const connectionLimits = (port: number, options: object) => {
      this.#compile();
      return this.#gateways.connectionLimits(port, options, plans);
    };
    new SocketAdapterHook(limiter, connections, frames, { connectionLimits }).install(config);
  }

  /** @param options see ThrottleModuleOptions; without any, what `@Throttle` says is charged and nothing else */
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    if (!isObject(options))
      throw invalidValue('ThrottleModule.forRoot', 'options such as { default: "1000/min" }', options);
    return { ...ConfigurableModuleClass.forRoot(options), module: ThrottleModule };
  }

  /** The same, with options that a factory (or the `create` of a class) returns, or promises. */
  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    assertAsyncOptions(options);
    return { ...ConfigurableModuleClass.forRootAsync(options), module: ThrottleModule };
  }

  /** Adds policies, named as those of `forRoot` are and known to the whole application. */
  static forFeature(options: ThrottleFeatureOptions): DynamicModule {
    const feature = {
      provide: FEATURE,
      useFactory: (registry?: PolicyRegistry) => addFeature(registry, options),
      inject: [{ token: PolicyRegistry, optional: true }],
    };
    return { module: ThrottleFeatureModule, providers: [feature] };
  }

  /** Nest calls it before it registers routes: the earliest moment at which the HTTP adapter is there. */
  configure(): void {
    trackRequests(this.adapters.httpAdapter, this.http, this.sessions);
  }

  async onModuleInit(): Promise<void> {
    const { settings } = this.limiter;
    this.#compile();
    for (const warning of (await settings.backend.warnings?.()) ?? []) settings.warn(warning);
  }

  /** Called before the HTTP server closes, which waits for the requests that are under way. */
  beforeApplicationShutdown(): void {
    this.limiter.close();
  }

  async onApplicationShutdown(): Promise<void> {
    this.limiter.events.complete();
    this.#gateways.detach(this.interceptor);
    await this.limiter.settings.backend.close?.();
  }

  /** Before the first server is open, which on a port of its own takes messages at once. */
  #compile(): void {
    if (this.#isCompiled) return;
    this.#isCompiled = true;
    compilePlans(this.discovery, this.plans, this.limiter.settings);
  }
}
