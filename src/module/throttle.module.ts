import {
  type BeforeApplicationShutdown,
  ConfigurableModuleBuilder,
  type DynamicModule,
  Inject,
  Module,
  type NestModule,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { APP_GUARD, DiscoveryModule, DiscoveryService, HttpAdapterHost } from '@nestjs/core';
import { misfit } from '../core/errors.js';
import { ThrottleGuard } from '../guards/throttle.guard.js';
import { CallLimiter } from '../service/call-limiter.js';
import { LimitBook } from '../service/limit-book.js';
import { Plans } from '../service/plans.js';
import { isObject } from '../service/policy-options.check.js';
import { PolicyRegistry } from '../service/registry.js';
import type { Settings } from '../service/settings.js';
import { ThrottleService } from '../service/throttle.service.js';
import { openCalls } from './call-hook.js';
import { compilePlans } from './discovery.js';
import type { ThrottleFeatureOptions, ThrottleModuleExtras, ThrottleModuleOptions } from './options.js';
import { addFeature, assertAsyncOptions, registryOf, settingsOf } from './settings.js';

const SETTINGS = Symbol('ThrottleModule settings');
const FEATURE = Symbol('ThrottleModule feature');

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<ThrottleModuleOptions>({
    moduleName: 'Throttle',
  })
    .setClassMethodName('forRoot')
    .setExtras<ThrottleModuleExtras>({ guard: true, isGlobal: true }, (definition, extras) => {
      const { guard = true, isGlobal = true } = extras;
      for (const [name, value] of Object.entries({ guard, isGlobal })) {
        if (typeof value !== 'boolean') throw misfit(`ThrottleModule.${name}`, 'true or false', value);
      }
      const bound = guard ? [{ provide: APP_GUARD, useExisting: ThrottleGuard }] : [];
      return { ...definition, global: isGlobal, providers: [...(definition.providers ?? []), ...bound] };
    })
    .build();

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
  providers: [
    // Without forRoot there are none, and that is an error that says so; its options take this one's place.
    { provide: MODULE_OPTIONS_TOKEN, useValue: undefined },
    { provide: SETTINGS, useFactory: settingsOf, inject: [MODULE_OPTIONS_TOKEN] },
    {
      provide: PolicyRegistry,
      useFactory: (options: ThrottleModuleOptions, { strategies }: Settings) => registryOf(options, strategies),
      inject: [MODULE_OPTIONS_TOKEN, SETTINGS],
    },
    { provide: Plans, useFactory: (registry: PolicyRegistry) => new Plans(registry), inject: [PolicyRegistry] },
    {
      provide: CallLimiter,
      useFactory: (settings: Settings, plans: Plans) => new CallLimiter(settings, plans),
      inject: [SETTINGS, Plans],
    },
    {
      provide: ThrottleService,
      useFactory: (limiter: CallLimiter, registry: PolicyRegistry) =>
        new ThrottleService(limiter, new LimitBook(registry)),
      inject: [CallLimiter, PolicyRegistry],
    },
    ThrottleGuard,
  ],
  exports: [ThrottleService, ThrottleGuard, CallLimiter, PolicyRegistry],
})
export class ThrottleModule
  extends ConfigurableModuleClass
  implements NestModule, OnModuleInit, BeforeApplicationShutdown, OnApplicationShutdown
{
  constructor(
    @Inject(CallLimiter) private readonly limiter: CallLimiter,
    @Inject(Plans) private readonly plans: Plans,
    @Inject(DiscoveryService) private readonly discovery: DiscoveryService,
    @Inject(HttpAdapterHost) private readonly adapters: HttpAdapterHost,
  ) {
    super();
  }

  /** @param options see ThrottleModuleOptions; without any, what `@Throttle` says is charged and nothing else */
  static override forRoot(options: typeof OPTIONS_TYPE = {}): DynamicModule {
    if (!isObject(options)) throw misfit('ThrottleModule.forRoot', 'options such as { default: "1000/min" }', options);
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
    openCalls(this.adapters.httpAdapter, this.limiter);
  }

  async onModuleInit(): Promise<void> {
    const { settings } = this.limiter;
    compilePlans(this.discovery, this.plans, settings);
    for (const warning of (await settings.backend.warnings?.()) ?? []) settings.warn(warning);
  }

  /** Called before the HTTP server closes, which waits for the requests that are under way. */
  beforeApplicationShutdown(): void {
    this.limiter.close();
  }

  async onApplicationShutdown(): Promise<void> {
    this.limiter.events.complete();
    await this.limiter.settings.backend.close?.();
  }
}
