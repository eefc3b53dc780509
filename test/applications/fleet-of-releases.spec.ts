import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Module, type Type } from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import { RedisBackend, Throttle } from '../../src/index.js';
import { adapters, startApp, type TestApp } from '../support/http-app.js';
import { PATIENT_MS } from '../support/redis/faults.js';
import { freshPrefix, startRedis, type TestRedis } from '../support/redis/redis-shared.js';

/** Makes a module with one controller, as code that generates both does: all have the same names. */
function moduleAt(path: string): Type {
  @Throttle('3/hour', { name: 'wide' })
  @Controller(path)
  class CrudController {
    @Throttle('2/hour')
    @Get()
    list(): string {
      return path;
    }

    @Get('all')
    all(): string {
      return path;
    }
  }

  @Module({ controllers: [CrudController] })
  class CrudModule {}
  return CrudModule;
}

describe.each(adapters)('releases of an application on one Redis, with %s', (adapter) => {
  let redis: TestRedis;

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(() => redis.stop());

  /** Starts a release that serves these paths below `/api/m`, from modules in this order. */
  function start(prefix: string, paths: readonly string[]): Promise<TestApp> {
    const modules = paths.map(moduleAt);
    return startApp({
      adapter,
      imports: [...modules, RouterModule.register(modules.map((module) => ({ path: 'm', module })))],
      prepare: (app) => app.setGlobalPrefix('api'),
      options: {
        backend: new RedisBackend(redis.client, { prefix, timeoutMs: PATIENT_MS }),
      },
    });
  }

  /** The statuses of one request to each path. */
  async function statuses(app: TestApp, ...paths: readonly string[]): Promise<number[]> {
    const found: number[] = [];
    for (const path of paths) found.push((await app.send(`/api/m/${path}`)).status);
    return found;
  }

  it('share the budgets of the routes that they both serve, and nothing else', async () => {
    const prefix = freshPrefix();
    await using server = await start(prefix, ['users', 'exports', 'reports']);
    await using worker = await start(prefix, ['reports', 'users']);
    expect(await statuses(server, 'users', 'exports')).toEqual([200, 200]);
    expect(await statuses(worker, 'users', 'users')).toEqual([200, 429]);
    expect(await statuses(server, 'users', 'exports', 'exports')).toEqual([429, 200, 429]);
    // Two of the three units of the class are taken.
    expect(await statuses(worker, 'users/all', 'users/all')).toEqual([200, 429]);
    expect(await statuses(server, 'users/all', 'exports/all')).toEqual([429, 200]);
    expect(await statuses(worker, 'reports', 'reports')).toEqual([200, 200]);
    expect(await statuses(server, 'reports', 'reports/all', 'reports/all')).toEqual([429, 200, 429]);
    // A budget for each of three routes and three classes, and none for a process.
    expect(await redis.client.keys(`${prefix}:{ip:*`)).toHaveLength(6);
  });

  it('keep their budgets after a release with another module', async () => {
    const prefix = freshPrefix();
    {
      await using before = await start(prefix, ['users', 'reports']);
      expect(await statuses(before, 'users', 'users')).toEqual([200, 200]);
    }
    await using after = await start(prefix, ['accounts', 'users', 'reports']);
    expect(await statuses(after, 'users', 'accounts', 'reports')).toEqual([429, 200, 200]);
  });
});
