import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ManualClock,
  MemoryBackend,
  type MemoryBackendOptions,
  ThrottleModule,
  type ThrottleModuleOptions,
  ThrottleService,
} from '../../src/index.js';
import { PATIENT_FUNCTION_TIMEOUT_MS, START } from './start-time.js';

/** An application without HTTP, on a clock that tests move. */
export class TestContext {
  constructor(
    readonly throttle: ThrottleService,
    readonly clock: ManualClock,
    readonly close: () => Promise<void>,
  ) {}

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

export async function startContext(
  options: ThrottleModuleOptions = {},
  memory: MemoryBackendOptions = {},
): Promise<TestContext> {
  const clock = new ManualClock(START);
  const throttle = ThrottleModule.forRoot({
    backend: new MemoryBackend({ clock, ...memory }),
    functionTimeoutMs: PATIENT_FUNCTION_TIMEOUT_MS,
    ...options,
  });

  @Module({ imports: [throttle] })
  class AppModule {}

  const app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
  return new TestContext(app.get(ThrottleService), clock, () => app.close());
}
