import { Module, type ModuleMetadata, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ThrottleConfigError,
  ThrottleModule,
  type ThrottleModuleExtras,
  type ThrottleModuleOptions,
} from '../../src/index.js';
import { type AdapterName, adapterOf } from './http-app.js';

export interface StartupParts {
  readonly options?: ThrottleModuleOptions & ThrottleModuleExtras;
  readonly controllers?: Type[];
  readonly providers?: NonNullable<ModuleMetadata['providers']>;
  readonly imports?: NonNullable<ModuleMetadata['imports']>;
}

/**
 * Returns the problem of the ThrottleConfigError that stops an application from starting; `null` if it starts. See
 * `startupFailure`.
 */
export async function startupError(make: () => StartupParts, adapter?: AdapterName): Promise<string | null> {
  return (await startupFailure(make, adapter))?.problem ?? null;
}

/**
 * Returns the ThrottleConfigError that stops an application from starting; `null` if it starts. Its parts come from a
 * function, since decorators and `forRoot` may throw themselves.
 *
 * @param adapter the adapter of the application; without one it accepts no requests, which is faster
 */
export async function startupFailure(
  make: () => StartupParts,
  adapter?: AdapterName,
): Promise<ThrottleConfigError | null> {
  try {
    const { options, controllers = [], providers = [], imports = [] } = make();
    const root = options === undefined ? [] : [ThrottleModule.forRoot(options)];

    @Module({ imports: [...root, ...imports], controllers, providers })
    class AppModule {}

    const settings = { logger: false, abortOnError: false } as const;
    if (adapter === undefined) {
      await (await NestFactory.createApplicationContext(AppModule, settings)).close();
      return null;
    }
    const app = await NestFactory.create(AppModule, await adapterOf(adapter), settings);
    await app.init();
    await app.close();
    return null;
  } catch (error) {
    if (error instanceof ThrottleConfigError) return error;
    throw error;
  }
}
