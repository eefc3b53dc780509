import { Module, type ModuleMetadata, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ThrottleConfigError,
  ThrottleModule,
  type ThrottleModuleExtras,
  type ThrottleModuleOptions,
} from '../../src/index.js';

export interface Boot {
  readonly options?: ThrottleModuleOptions & ThrottleModuleExtras;
  readonly controllers?: Type[];
  readonly providers?: NonNullable<ModuleMetadata['providers']>;
  readonly imports?: NonNullable<ModuleMetadata['imports']>;
}

/**
 * The text of the ThrottleConfigError that stops an application from booting; `null` where it boots.
 * What it is made of comes from a function, since a decorator and `forRoot` may throw by themselves.
 */
export async function bootError(make: () => Boot): Promise<string | null> {
  try {
    const { options, controllers = [], providers = [], imports = [] } = make();
    const root = options === undefined ? [] : [ThrottleModule.forRoot(options)];

    @Module({ imports: [...root, ...imports], controllers, providers })
    class AppModule {}

    const app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
    await app.close();
    return null;
  } catch (error) {
    if (error instanceof ThrottleConfigError) return error.message;
    throw error;
  }
}
