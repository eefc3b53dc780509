import {
  type BeforeApplicationShutdown,
  type DynamicModule,
  Inject,
  Module,
  type NestModule,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { ApplicationConfig, DiscoveryModule, DiscoveryService, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import type { Checked } from '../core/literals/checked-options.js';
import { ThrottleGuard } from '../guards/throttle.guard.js';
import { HandlerPhaseInterceptor } from '../interceptors/handler-phase.interceptor.js';
import { ThrottleInterceptor } from '../interceptors/throttle.interceptor.js';
import { HandlerRegistry } from '../planning/handler-registry.js';
import { PolicyRegistry } from '../planning/policy-registry.js';
import { CallLimiter } from '../service/calls/call-limiter.js';
import { HandlerLimiter } from '../service/calls/handler-limiter.js';
import { SessionResolver } from '../service/calls/session-resolver.js';
import { PolicyChanges } from '../service/policies/policy-changes.js';
import { RequestLimiter } from '../service/request-limiter.js';
import { FrameLimiter } from '../service/sockets/frame-limiter.js';
import { ThrottleService } from '../service/throttle.service.js';
import { HttpTransport } from '../transports/http/http-transport.js';
import { enterPrefix } from '../transports/identity/ipv6-prefixes.js';
import { ConnectionRegistry } from '../transports/sockets/connection-registry.js';
import type { CheckedAsyncOptions, CheckedFeatureOptions, CheckedRootOptions } from './checked-module-options.js';
import { GatewayDiscovery } from './discovery/gateway-discovery.js';
import { compileHandlers, markHandlers } from './discovery/handler-discovery.js';
import { HandlerPhaseBinding } from './discovery/handler-phase-binding.js';
import { isServiceRequested } from './discovery/service-usage.js';
import { throttlerWarning } from './discovery/throttler-decorators.js';
import { trackHandlers } from './discovery/tracked-handlers.js';
import { featureModule } from './feature.module.js';
import { trackRequests, watchUnlinkedResponses } from './hooks/http-call-hook.js';
import { answerAcrossNestCopies } from './hooks/other-nest-copy.js';
import { sendProblemsOfNodeRequests } from './hooks/problem-reply-hook.js';
import { limitRequests } from './hooks/request-hook.js';
import { SocketAdapterHook } from './hooks/socket-adapter-hook.js';
import { otherCopiesModule } from './other-copies.module.js';
import { PROVIDERS } from './providers.js';
import { OPTIONS, orCloseBackend } from './throttle-backend.js';
import { type ASYNC_OPTIONS_TYPE, ConfigurableModuleClass, type OPTIONS_TYPE } from './throttle-module.definition.js';
import type { ThrottleFeatureOptions, ThrottleModuleOptions } from './throttle-module.options.js';
import { assertAsyncOptions, rootOptions } from './validate-options.js';

/**
 * Rate limiting for an application. Import `forRoot` (or `forRootAsync`) once, in the root module, and `forFeature` in
 * modules that add policies. A mistake in the options or in a limit stops startup with a ThrottleConfigError.
 *
 * @example
 * ThrottleModule.forRoot({ default: '1000/min', policies: { login: '5/min' } })
 * ThrottleModule.forRootAsync({
 *   inject: [ConfigService],
 *   useFactory: (config: ConfigService) => ({ default: config.getOrThrow('RATE') }),
 * })
 */
@Module({
  imports: [DiscoveryModule],
  providers: PROVIDERS,
  // Nest creates a guard or interceptor in each module that binds it, so their dependencies are exported, too.
  exports: [ThrottleService, ThrottleGuard, ThrottleInterceptor, HandlerLimiter, SessionResolver, PolicyRegistry],
})
export class ThrottleModule
  extends ConfigurableModuleClass
  implements NestModule, OnModuleInit, BeforeApplicationShutdown, OnApplicationShutdown
{
  readonly #gateways: GatewayDiscovery;
  readonly #leavePrefix: () => void;
  #isCompiled = false;
  #stopWatching = () => {};

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
    @Inject(RequestLimiter) private readonly requests: RequestLimiter,
    @Inject(FrameLimiter) frames: FrameLimiter,
    @Inject(ConnectionRegistry) connections: ConnectionRegistry,
    @Inject(PolicyChanges) private readonly changes: PolicyChanges,
    @Inject(ApplicationConfig) private readonly config: ApplicationConfig,
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(OPTIONS) private readonly options: ThrottleModuleOptions,
  ) {
    super();
    this.#leavePrefix = enterPrefix(limiter.settings.ipv6Prefix);
    // Done in the constructor, because Nest opens socket servers and reads gateways' interceptors before any module
    // hook.
    markHandlers(discovery);
    this.#gateways = new GatewayDiscovery(discovery);
    this.#gateways.attach(interceptor);
    const connectionLimits = (port: number, options: object) => {
      this.#compileHandlers();
      return this.#gateways.connectionLimits(port, options, handlers);
    };
    new SocketAdapterHook(limiter, connections, frames, { connectionLimits }).install(config);
  }

  /**
   * Configures the module. The compiler checks rates and names that are literals; see docs/types.md.
   *
   * @param options see ThrottleModuleOptions
   * @throws ThrottleConfigError if they are `undefined` or invalid
   */
  static override forRoot<const Options extends typeof OPTIONS_TYPE>(
    options: Checked<Options, CheckedRootOptions<Options>>,
  ): DynamicModule;
  /** Without options, only `@Throttle` sets limits. */
  static override forRoot(): DynamicModule;
  static override forRoot(...options: readonly [options?: typeof OPTIONS_TYPE]): DynamicModule {
    return moduleOf(ConfigurableModuleClass.forRoot(rootOptions(options)));
  }

  /**
   * Like `forRoot`, with options from a factory, or from the `create` method of a class.
   *
   * @throws ThrottleConfigError for a factory with more parameters than `inject` has tokens
   */
  static override forRootAsync<const Result extends ThrottleModuleOptions | Promise<ThrottleModuleOptions>>(
    options: CheckedAsyncOptions<Result>,
  ): DynamicModule;
  static override forRootAsync(options: typeof ASYNC_OPTIONS_TYPE): DynamicModule {
    assertAsyncOptions(options);
    return moduleOf(ConfigurableModuleClass.forRootAsync(options));
  }

  /** Adds policies that the whole application can use. Their names share one namespace with those of `forRoot`. */
  static forFeature<const Options extends ThrottleFeatureOptions>(
    options: Checked<Options, CheckedFeatureOptions<Options>>,
  ): DynamicModule;
  static forFeature(options: ThrottleFeatureOptions): DynamicModule {
    return featureModule(options);
  }

  /**
   * Prepares handlers and requests. Nest calls this before it registers routes, when their paths are final and the HTTP
   * adapter exists. It is not called in applications without HTTP.
   */
  configure(): void {
    this.#compileHandlers();
    this.binding.attach(this.handlerPhase, this.discovery, this.handlers);
    if (this.limiter.settings.errors === 'problem') sendProblemsOfNodeRequests(this.adapters.httpAdapter);
    this.#stopWatching = watchUnlinkedResponses(this.adapters.httpAdapter);
    answerAcrossNestCopies();
    limitRequests(this.adapters.httpAdapter, this.requests);
    trackRequests(this.adapters.httpAdapter, this.http, this.sessions);
  }

  async onModuleInit(): Promise<void> {
    const { settings } = this.limiter;
    // In applications without HTTP, `configure` was not called.
    this.#compileHandlers();
    this.#warnOfNoLimits();
    for (const warning of (await settings.backend.warnings?.()) ?? []) settings.warn(warning);
    if (settings.runtimePolicies) await this.changes.begin();
  }

  /**
   * Ends delays and queues: Nest calls this before it closes the HTTP server, which waits for the requests in flight.
   * Returns leases, because the application may close its Redis client before this module closes.
   */
  async beforeApplicationShutdown(): Promise<void> {
    this.limiter.close();
    await this.limiter.settings.backend.returnLeases?.();
  }

  async onApplicationShutdown(): Promise<void> {
    this.changes.stop();
    // All responses have closed, and their charges are being settled.
    await this.limiter.outcomes.close();
    await this.limiter.permits.close();
    this.limiter.heartbeat.close();
    this.limiter.events.complete();
    this.#gateways.detach(this.interceptor);
    this.binding.detach();
    this.#leavePrefix();
    this.#stopWatching();
    await this.limiter.settings.backend.close?.();
  }

  /** Runs before the first server opens: a socket server on its own port accepts messages at once. */
  #compileHandlers(): void {
    if (this.#isCompiled) return;
    this.#isCompiled = true;
    const { discovery, modules, config } = this;
    const { warn, backend } = this.limiter.settings;
    orCloseBackend(this.options, backend, () => compileHandlers({ discovery, modules, config }, this.handlers, warn));
    backend.announce?.(this.handlers.takeKnownPolicies());
    trackHandlers(discovery, this.handlers);
  }

  #warnOfNoLimits(): void {
    const { sockets, warn } = this.limiter.settings;
    const ignored = throttlerWarning(this.discovery);
    if (ignored !== undefined) warn(ignored);
    if (this.handlers.hasLimits() || sockets.frames !== undefined || this.requests.isActive) return;
    if (isServiceRequested(this.modules)) return;
    warn(
      'Nothing is limited: the options have no default and no limits of sockets, no handler has @Throttle, and no class injects ThrottleService. ' +
        'Limit all handlers with ThrottleModule.forRoot({ default: "1000/min" }), or some of them with @Throttle("10/min").',
    );
  }
}

function moduleOf(definition: DynamicModule): DynamicModule {
  return { ...definition, module: ThrottleModule, imports: [...(definition.imports ?? []), otherCopiesModule()] };
}
