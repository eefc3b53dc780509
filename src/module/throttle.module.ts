import {
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
import { PolicyRegistry } from '../service/registry.js';
import type { Settings } from '../service/settings.js';
import { ThrottleService } from '../service/throttle.service.js';
import { openCalls } from './call-hook.js';
import { compilePlans } from './discovery.js';
import type { ThrottleFeatureOptions, ThrottleModuleExtras, ThrottleModuleOptions } from './options.js';
import { addFeature, registryOf, settingsOf } from './settings.js';

const SETTINGS = Symbol('ThrottleModule settings');
const FEATURE = Symbol('ThrottleModule feature');

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } = new ConfigurableModuleBuilder<ThrottleModuleOptions>({
  moduleName: 'Throttle',
})
  .setClassMethodName('forRoot')
  .setExtras<ThrottleModuleExtras>({ guard: true, isGlobal: true }, (definition, extras) => {
    const { guard = true, isGlobal = true } = extras;
    for (const [name, value] of Object.entries({ guard, isGlobal })) {
      if (typeof value !== 'boolean') throw misfit(`ThrottleModule: ${name}`, 'true or false', value);
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
export class ThrottleModule extends ConfigurableModuleClass implements NestModule, OnModuleInit, OnApplicationShutdown {
  constructor(
    @Inject(CallLimiter) private readonly limiter: CallLimiter,
    @Inject(Plans) private readonly plans: Plans,
    @Inject(DiscoveryService) private readonly discovery: DiscoveryService,
    @Inject(HttpAdapterHost) private readonly adapters: HttpAdapterHost,
  ) {
    super();
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

  onModuleInit(): void {
    compilePlans(this.discovery, this.plans, this.limiter.settings);
  }

  async onApplicationShutdown(): Promise<void> {
    this.limiter.events.complete();
    await this.limiter.settings.backend.close?.();
  }
}
