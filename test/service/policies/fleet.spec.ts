import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Controller, type DynamicModule, Get, type LoggerService, Module } from '@nestjs/common';
import { LazyModuleLoader, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { MemorySettings } from '../../../src/backends/memory/memory-settings.js';
import {
  type Backend,
  type PolicyChange,
  RedisBackend,
  Throttle,
  ThrottleModule,
  type ThrottleModuleOptions,
  ThrottleService,
} from '../../../src/index.js';
import { CountedBackend } from '../../support/counted-backend.js';
import { eventsOf } from '../../support/events.js';
import { TestApp } from '../../support/http-app.js';
import { PATIENT_MS } from '../../support/redis/faults.js';
import { freshPrefix, startRedis } from '../../support/redis/redis-shared.js';
import { until } from '../../support/wait-until.js';

/** Settings that can be broken. */
class BreakableSettings extends MemorySettings {
  isBroken = false;
  /** Looks at the version so far. */
  looks = 0;

  override version(): number {
    this.looks += 1;
    if (this.isBroken) throw new Error('no answer');
    return super.version();
  }
}

class BreakableBackend extends CountedBackend {
  override readonly settings = new BreakableSettings(this.manual);
}

const strategy = 'fixed-window';
const policies = { api: { rate: '1000/day', strategy }, other: { rate: '7/day', strategy } } as const;

@Controller()
class ApiController {
  @Throttle('api')
  @Get()
  list(): string {
    return 'ok';
  }
}

/** An application, and what it logs. */
async function start(backend: Backend, options: ThrottleModuleOptions = { policies, runtimePolicies: true }) {
  @Module({ imports: [ThrottleModule.forRoot({ backend, ...options })], controllers: [ApiController] })
  class AppModule {}

  const logs: string[] = [];
  const warnings: string[] = [];
  const logger: LoggerService = {
    log: (text: string) => logs.push(text),
    warn: (text: string) => warnings.push(text),
    error: (text: string) => warnings.push(text),
  };
  const app = await NestFactory.create(AppModule, new ExpressAdapter(), { logger, abortOnError: false });
  await app.listen(0, '127.0.0.1');
  const http = new TestApp(app, new CountedBackend().manual, app.getHttpServer().address().port);
  const throttle = app.get(ThrottleService);
  const limit = async () => (await http.send('/')).headers['ratelimit-policy'] ?? null;
  const load = (module: DynamicModule) => app.get(LazyModuleLoader).load(() => module);
  const changed = () => logs.filter((text) => text.startsWith('Changed at run time'));
  return { throttle, limit, load, changed, warnings, events: eventsOf(app), [Symbol.asyncDispose]: () => app.close() };
}

describe('changes to policies in a fleet on one Redis', () => {
  it('are in force in every process within a second, and in processes that start later', async () => {
    const redis = await startRedis();
    try {
      const prefix = freshPrefix();
      const backend = () => new RedisBackend(redis.client, { prefix, timeoutMs: PATIENT_MS });
      await using one = await start(backend());
      await using other = await start(backend());
      await using deaf = await start(backend(), { policies });
      expect(await other.limit()).toBe('"api";q=1000;w=86400');

      const before = performance.now();
      await one.throttle.policies.update('api', { rate: '500/day' });
      expect(await one.limit()).toBe('"api";q=500;w=86400');
      await until(() => other.events.some(({ type }) => type === 'policy-changed'));
      // Half a second between two looks; the rest is what a loaded machine may take.
      expect(performance.now() - before).toBeLessThan(10_000);
      expect(await other.limit()).toBe('"api";q=500;w=86400');
      expect(await deaf.limit()).toBe('"api";q=1000;w=86400');

      await other.throttle.policies.update('api', { mode: 'off' });
      await until(() => one.events.length === 2);
      expect(await one.limit()).toBeNull();

      await using restarted = await start(backend());
      expect(await restarted.limit()).toBeNull();
      expect(restarted.changed()).toEqual([
        expect.stringMatching(/^Changed at run time: policy "api": 500 per 86400000 ms, mode "off", since 20.+Z\.$/),
      ]);

      await restarted.throttle.policies.reset('api');
      await until(() => one.events.length === 3 && other.events.length === 3);
      expect(one.events.at(-1)).toEqual({ type: 'policy-changed', policy: 'api' });
      expect([await one.limit(), await other.limit()]).toEqual(Array(2).fill('"api";q=1000;w=86400'));
      // Its own first change has it follow those of others.
      await deaf.throttle.policies.update('other', { mode: 'monitor' });
      await one.throttle.policies.update('api', { rate: '9/day' });
      await until(() => deaf.events.some((event) => event.type === 'policy-changed' && event.policy === 'api'));
      expect(await deaf.limit()).toBe('"api";q=9;w=86400');
    } finally {
      await redis.stop();
    }
  });

  it('are not lost if two processes change two parts of a policy at once', async () => {
    const redis = await startRedis();
    try {
      const prefix = freshPrefix();
      const backend = () => new RedisBackend(redis.client, { prefix, timeoutMs: PATIENT_MS });
      await using one = await start(backend());
      await using other = await start(backend());
      for (let limit = 1; limit <= 10; limit++) {
        const mode = limit % 2 === 0 ? 'off' : 'monitor';
        await Promise.all([
          one.throttle.policies.update('api', { rate: `${limit}/day` }),
          other.throttle.policies.update('api', { mode }),
        ]);
        for (const { throttle } of [one, other]) {
          expect((await throttle.policies.list())[0]).toMatchObject({ policy: 'api', effective: [{ limit }], mode });
        }
      }
    } finally {
      await redis.stop();
    }
  });
});

describe('a stored change that does not fit the code', () => {
  const rate = { strategy, limit: 5, periodMs: 60_000, burst: 5, segments: 1 };

  it.each<readonly [title: string, change: Omit<PolicyChange, 'changedAt'>, reason: string]>([
    ['an unknown policy', { policy: 'gone', mode: 'off' }, 'there is no policy "gone" in the code'],
    [
      'another strategy',
      { policy: 'api', rate: { ...rate, strategy: 'gcra' }, mode: 'off' },
      'policies.api: the rate was set for the strategy "gcra", but the policy is a "fixed-window"',
    ],
    ['a period that is too long', { policy: 'api', rate: { ...rate, limit: 2 ** 52 } }, 'policies.api: too large'],
  ])('is ignored with a warning, so that the policy is as in the code: %s', async (_, change, reason) => {
    const backend = new CountedBackend();
    backend.settings.changePolicy(change);
    await using app = await start(backend);
    expect(await app.limit()).toBe('"api";q=1000;w=86400');
    expect(app.warnings).toHaveLength(1);
    expect(app.warnings[0]).toContain(`A change at run time is ignored: ${reason}`);
    expect(app.changed()).toEqual([]);
    // The stored change can still be deleted.
    await app.throttle.policies.reset(change.policy);
    expect(await backend.settings.listPolicyChanges()).toEqual([]);
  });

  it('is replaced as a whole by an update, all of which is in force', async () => {
    const backend = new CountedBackend();
    await using app = await start(backend);
    backend.settings.changePolicy({ policy: 'api', rate: { ...rate, strategy: 'gcra' } });
    expect(await app.throttle.policies.update('api', { mode: 'off' })).toMatchObject({ mode: 'off' });
    expect(await app.limit()).toBeNull();
    expect(await backend.settings.listPolicyChanges()).toMatchObject([{ policy: 'api', mode: 'off' }]);
    expect(await app.throttle.policies.update('api', { rate: '5/day' })).toMatchObject({
      effective: [{ limit: 5 }],
      mode: 'off',
    });
  });

  it('comes into force with the policy, if a lazily loaded module adds it', async () => {
    const backend = new CountedBackend();
    backend.settings.changePolicy({ policy: 'late', mode: 'off' });
    await using app = await start(backend);
    await app.load(ThrottleModule.forFeature({ policies: { late: '1/min' } }));
    await until(() => app.events.some((event) => event.type === 'policy-changed' && event.policy === 'late'));
    expect(await app.throttle.check('late', 100, { subject: 'ada' })).toBe(true);
  });

  it('ends an earlier valid change', async () => {
    const backend = new CountedBackend();
    await using app = await start(backend);
    await app.throttle.policies.update('api', { mode: 'off' });
    expect(await app.limit()).toBeNull();
    backend.settings.changePolicy({ policy: 'api', rate: { ...rate, strategy: 'gcra' } });
    await app.throttle.policies.list();
    expect(await app.limit()).toBe('"api";q=1000;w=86400');
  });
});

describe('a backend that fails', () => {
  it('fails no call: known changes stay in force, with one warning, and later changes are found', async () => {
    const backend = new BreakableBackend();
    const { settings } = backend;
    settings.isBroken = true;
    await using app = await start(backend);
    expect(await app.limit()).toBe('"api";q=1000;w=86400');
    await until(() => settings.looks > 2);
    expect(app.warnings).toEqual([
      'Changes to policies cannot be read (no answer). The changes that are known stay in force.',
    ]);
    await expect(app.throttle.policies.update('api', { mode: 'off' })).rejects.toThrow('no answer');
    settings.isBroken = false;
    settings.changePolicy({ policy: 'api', mode: 'off' });
    await until(() => app.events.length === 1);
    expect(await app.limit()).toBeNull();
    settings.isBroken = true;
    const { looks } = settings;
    await until(() => settings.looks > looks);
    expect(await app.limit()).toBeNull();
  });

  it('is polled from the first change on without the option, until the application has closed', async () => {
    const backend = new BreakableBackend();
    const { settings } = backend;
    const app = await start(backend, { policies });
    expect(settings.looks).toBe(0);
    await app.throttle.policies.update('api', { mode: 'monitor' });
    const { looks } = settings;
    await until(() => settings.looks > looks);
    await app[Symbol.asyncDispose]();
    const closed = settings.looks;
    await setTimeout(600);
    expect(settings.looks).toBe(closed);
  });
});
