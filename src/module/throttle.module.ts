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
import { HandlerPhaseInterceptor } from '../interceptors/handler-phase.interceptor.js';
import { ThrottleInterceptor } from '../interceptors/throttle.interceptor.js';
import { HandlerRegistry } from '../planning/handler-registry.js';
import { isObject } from '../planning/option-checks.js';
import { PolicyRegistry } from '../planning/policy-registry.js';
import { CallLimiter } from '../service/calls/call-limiter.js';
import { FrameLimiter } from '../service/calls/frame-limiter.js';
import { HandlerLimiter } from '../service/calls/handler-limiter.js';
import { SessionResolver } from '../service/calls/session-resolver.js';
import { ThrottleService } from '../service/throttle.service.js';
import { HttpTransport } from '../transports/http/http-transport.js';
import { ConnectionRegistry } from '../transports/sockets/connection-registry.js';
import { GatewayDiscovery } from './discovery/gateway-discovery.js';
import { compileHandlers } from './discovery/handler-discovery.js';
import { HandlerPhaseBinding } from './discovery/handler-phase-binding.js';
import { featureModule } from './feature.module.js';
import { trackRequests } from './hooks/http-call-hook.js';
import { SocketAdapterHook } from './hooks/socket-adapter-hook.js';
import { PROVIDERS } from './providers.js';
import { type ASYNC_OPTIONS_TYPE, ConfigurableModuleClass, type OPTIONS_TYPE } from './throttle-module.definition.js';
import type { ThrottleFeatureOptions } from './throttle-module.options.js';
import { assertAsyncOptions } from './validate-options.js';

/**
 * Rate limiting for an application. Import `forRoot` (or `forRootAsync`) once, in the root module, and `forFeature` in
 * modules with policies of their own. A mistake in the options or in a limit stops startup with a ThrottleConfigError.
 *
 * @example
 * ThrottleModule.forRoot({ default: '1000/min', policies: { login: '5/min' } })
 * ThrottleModule.forRootAsync({ inject: [ConfigService], useFactory: (config) => ({ default: config.get('RATE') }) })
 */
@Module({
  imports: [DiscoveryModule],
  providers: PROVIDERS,
  // Nest makes a guard or interceptor anew in each module that binds it, so their dependencies are exported, too.
  exports: [ThrottleService, ThrottleGuard, ThrottleInterceptor, HandlerLimiter, SessionResolver, PolicyRegistry],
})
export class ThrottleModule
  extends ConfigurableModuleClass
  implements NestModule, OnModuleInit, BeforeApplicationShutdown, OnApplicationShutdown
{
  readonly #gateways: GatewayDiscovery;
  #isCompiled = false;

  constructor(
    @Inject(CallLimiter) private readonly limiter: CallLimiter,
    @Inject(HandlerRegistry) private readonly handlers: HandlerRegistry,
    @Inject(SessionResolver) private readonly sessions: SessionResolver,
    @Inject(HttpTransport) private readonly http: HttpTransport,
    @Inject(DiscoveryService) private readonly discovery: DiscoveryService,
    @Inject(HttpAdapterHost) private readonly adapters: HttpAdapterHost,
    @Inject(ThrottleInterceptor) private readonly interceptor: ThrottleInterceptor,
    @Inject(HandlerPhaseInterceptor) private readonly handlerPhase: HandlerPhaseInterceptor,
    @Inject(HandlerPhaseBinding) private readonly binding: HandlerPhaseBinding,
    @Inject(FrameLimiter) frames: FrameLimiter,
    @Inject(ConnectionRegistry) connections: ConnectionRegistry,
    @Inject(ApplicationConfig) config: ApplicationConfig,
  ) {
    super();
    // In the constructor, because Nest opens socket servers and reads gateways' interceptors before any module hook.
    this.#gateways = new GatewayDiscovery(discovery);
    this.#gateways.attach(interceptor);
    const connectionLimits = (port: number, options: object) => {
      this.#compileHandlers();
      return this.#gateways.connectionLimits(port, options, handlers);
    };
    new SocketAdapterHook(limiter, connections, frames, { connectionLimits }).install(config);
  }

  /** @param options see ThrottleModuleOptions; without options only `@Throttle` limits anything */
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    if (!isObject(options))
      throw invalidValue('ThrottleModule.forRoot', 'options such as { default: "1000/min" }', options);
    return { ...ConfigurableModuleClass.forRoot(options), module: ThrottleModule };
  }

  /** Like `forRoot`, with options that a factory, or the `create` method of a class, returns or resolves with. */
  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    assertAsyncOptions(options);
    return { ...ConfigurableModuleClass.forRootAsync(options), module: ThrottleModule };
  }

  /** Adds policies that the whole application knows. Their names share one namespace with those of `forRoot`. */
  static forFeature(options: ThrottleFeatureOptions): DynamicModule {
    return featureModule(options);
  }

  /** Prepares handlers and requests. Nest calls this before it registers routes, if the application serves HTTP. */
  configure(): void {
    this.#compileHandlers();
    this.binding.attach(this.handlerPhase, this.discovery, this.handlers);
    trackRequests(this.adapters.httpAdapter, this.http, this.sessions);
  }

  async onModuleInit(): Promise<void> {
    const { settings } = this.limiter;
    this.#compileHandlers();
    for (const warning of (await settings.backend.warnings?.()) ?? []) settings.warn(warning);
  }

  /** Ends delays: Nest calls this before it closes the HTTP server, which waits for the requests in flight. */
  beforeApplicationShutdown(): void {
    this.limiter.close();
  }

  async onApplicationShutdown(): Promise<void> {
    this.limiter.events.complete();
    this.#gateways.detach(this.interceptor);
    this.binding.detach();
    await this.limiter.settings.backend.close?.();
  }

  /** Runs before the first server opens: a socket server on a port of its own takes messages at once. */
  #compileHandlers(): void {
    if (this.#isCompiled) return;
    this.#isCompiled = true;
    compileHandlers(this.discovery, this.handlers, this.limiter.settings.warn);
  }
}
