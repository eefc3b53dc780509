import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type INestApplication, Inject, Injectable, Module, type ModuleMetadata } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import * as sluice from 'nestjs-sluice';
import { ManualClock } from 'nestjs-sluice/testing';
import { LegacyController, sluice as legacy } from './legacy.cjs';

async function start(metadata: ModuleMetadata): Promise<INestApplication> {
  @Module(metadata)
  class AppModule {}

  const app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
  await app.listen(0, '127.0.0.1');
  return app;
}

async function statuses(app: INestApplication, path: string): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < 3; i++) found.push((await fetch(`${await app.getUrl()}${path}`)).status);
  return found;
}

/** Names both copies. */
function namesBoth(error: unknown): boolean {
  assert.ok(error instanceof sluice.ThrottleConfigError);
  assert.match(error.message, /nestjs-sluice[\\/]dist[\\/]esm/);
  assert.match(error.message, /nestjs-sluice[\\/]dist[\\/]cjs/);
  return true;
}

describe('a process with both builds', () => {
  it('has two copies', () => {
    assert.notEqual(sluice.ThrottleService, legacy.ThrottleService);
    assert.equal(ManualClock, sluice.ManualClock);
  });

  it('limits by decorators of both, and both recognize its exceptions', async () => {
    const root = sluice.ThrottleModule.forRoot({ default: '2/min', backend: new legacy.MemoryBackend() });
    const app = await start({ imports: [root], controllers: [LegacyController] });
    try {
      assert.deepEqual(await statuses(app, '/legacy/limited'), [200, 200, 429]);
      assert.deepEqual(await statuses(app, '/legacy/exempt'), [200, 200, 200]);
      assert.deepEqual(await statuses(app, '/legacy/skipped'), [200, 200, 200]);
      const denied = await fetch(`${await app.getUrl()}/legacy/limited`);
      assert.deepEqual(await denied.json(), {
        caughtBy: 'legacy',
        policy: 'default',
        isThrottled: true,
        hasWait: true,
      });
    } finally {
      await app.close();
    }
  });

  it('does not start if the service of the other copy is injected', async () => {
    @Injectable()
    class Jobs {
      constructor(@Inject(legacy.ThrottleService) readonly throttle: object) {}
    }
    await assert.rejects(start({ imports: [sluice.ThrottleModule.forRoot()], providers: [Jobs] }), namesBoth);
  });

  it('does not start with the module of both', async () => {
    const imports = [sluice.ThrottleModule.forRoot(), legacy.ThrottleModule.forRoot()];
    await assert.rejects(start({ imports }), namesBoth);
  });

  it('does not start with policies of the other copy', async () => {
    const imports = [sluice.ThrottleModule.forRoot(), legacy.ThrottleModule.forFeature({ policies: { a: '1/min' } })];
    await assert.rejects(start({ imports }), namesBoth);
  });
});
