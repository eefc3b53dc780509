import { ConfigurableModuleBuilder } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { invalidValue } from '../core/errors.js';
import { ThrottleGuard } from '../guards/throttle.guard.js';
import type { ThrottleModuleExtras, ThrottleModuleOptions } from './throttle-module.options.js';

/** The base class with `forRoot` and `forRootAsync` that Nest generates, the token of the options, and their types. */
export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<ThrottleModuleOptions>({
    moduleName: 'Throttle',
  })
    .setClassMethodName('forRoot')
    .setExtras<ThrottleModuleExtras>({ guard: true, isGlobal: true }, (definition, extras) => {
      const { guard = true, isGlobal = true } = extras;
      for (const [name, value] of Object.entries({ guard, isGlobal })) {
        if (typeof value !== 'boolean') throw invalidValue(`ThrottleModule.${name}`, 'true or false', value);
      }
      const bound = guard ? [{ provide: APP_GUARD, useExisting: ThrottleGuard }] : [];
      return { ...definition, global: isGlobal, providers: [...(definition.providers ?? []), ...bound] };
    })
    .build();
