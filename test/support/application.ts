import { Module, type ModuleMetadata, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ThrottleConfigError,
  ThrottleModule,
  type ThrottleModuleExtras,
  type ThrottleModuleOptions,
} from '../../src/index.js';
import { type AdapterName, adapterOf } from './http-app.js';

export interface Boot {
  readonly options?: ThrottleModuleOptions & ThrottleModuleExtras;
  readonly controllers?: Type[];
  readonly providers?: NonNullable<ModuleMetadata['providers']>;
  readonly imports?: NonNullable<ModuleMetadata['imports']>;
}

/** The problem of the ThrottleConfigError that stops an application from starting; `null` where it starts. See `bootFailure`. */
export async function bootError(make: () => Boot, adapter?: AdapterName): Promise<string | null> {
  return (await bootFailure(make, adapter))?.problem ?? null;
}

/**
 * The ThrottleConfigError that stops an application from starting; `null` where it starts.
 * What it is made of comes from a function, since a decorator and `forRoot` may throw by themselves.
 *
 * @param adapter of the application; without one it takes no requests, which is faster
 */
export async function bootFailure(make: () => Boot, adapter?: AdapterName): Promise<ThrottleConfigError | null> {
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
