import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import {
  type Backend,
  by,
  ManualClock,
  MemoryBackend,
  type PlanOf,
  RedisBackend,
  Throttle,
} from '../../../src/index.js';
import { type AdapterName, adapters, startApp } from '../../support/http-app.js';
import { PATIENT_MS } from '../../support/redis/faults.js';
import { freshPrefix, startRedis, type TestRedis } from '../../support/redis/redis-shared.js';
import { START } from '../../support/start-time.js';

const HOUR = 3_600_000;
const strategy = 'fixed-window';

@Controller()
class ApiController {
  @Throttle('api')
  @Get('api')
  api(): string {
    return 'api';
  }

  @Throttle(['api', 'export'])
  @Get('export')
  export(): string {
    return 'export';
  }
}

const backends = ['memory', 'redis'] as const;

describe.each(backends)('rates by plan, on %s', (name) => {
  let redis: TestRedis | undefined;
  beforeAll(async () => {
    if (name === 'redis') redis = await startRedis();
  });
  afterAll(() => redis?.stop());

  /** Plans by client: what the client with a key has now. */
  const plans = new Map<string, string>();
  const planOf = (key: unknown) => plans.get(String(key));
  let asked = 0;
  /** Set while the accounts cannot be asked. */
  let outage: Error | undefined;
  const askAccounts: PlanOf = async ({ request }) => {
    asked++;
    if (outage !== undefined) throw outage;
    return planOf(request?.headers['x-api-key']);
  };

  async function start(adapter: AdapterName = 'express', of?: PlanOf) {
    plans.clear();
    asked = 0;
    outage = undefined;
    const clock = new ManualClock(START);
    const backend: Backend =
      redis === undefined
        ? new MemoryBackend({ clock })
        : new RedisBackend(redis.client, { clock, prefix: freshPrefix(), timeoutMs: PATIENT_MS });
    const app = await startApp({
      adapter,
      controllers: [ApiController],
      options: {
        backend,
        policies: {
          api: { rate: '50/min', strategy, by: by.header('x-api-key') },
          export: { rate: '5/d', strategy, by: by.header('x-api-key') },
        },
        plans: {
          of: of ?? (({ request }) => planOf(request?.headers['x-api-key'])),
          default: 'free',
          tiers: {
            free: { api: '100/h' },
            starter: { api: '500/h' },
            pro: { api: '2000/h', export: '50/d' },
            layered: { api: '3/s; 10/h' },
            enterprise: { api: 'unlimited' },
            plain: {},
          },
        },
      },
    });
    return { app, clock, [Symbol.asyncDispose]: () => app.app.close() };
  }

  const from = (key: string) => ({ headers: { 'x-api-key': key } });

  it.each(adapters)('keep the usage if a client changes plans within a window (%s)', async (adapter) => {
    await using context = await start(adapter);
    const { app, clock } = context;
    const send = () => app.send('/api', from('ann'));
    plans.set('ann', 'free');
    expect(await app.statuses('/api', 100, from('ann'))).toEqual(new Array(100).fill(200));
    clock.advance(600_000);
    const denied = await send();
    expect([denied.status, denied.headers.ratelimit, denied.headers['retry-after']]).toEqual([
      429,
      '"api";r=0;t=3000',
      '3000',
    ]);
    plans.set('ann', 'starter');
    const { status, headers } = await send();
    expect([status, headers.ratelimit, headers['ratelimit-policy']]).toEqual([
      200,
      '"api";r=399;t=3000',
      '"api";q=500;w=3600',
    ]);
    expect(await app.statuses('/api', 19, from('ann'))).toEqual(new Array(19).fill(200));
    plans.set('ann', 'free');
    const again = await send();
    expect([again.status, again.headers.ratelimit]).toEqual([429, '"api";r=0;t=3000']);
    clock.set(START + HOUR);
    expect((await send()).headers.ratelimit).toBe('"api";r=99;t=3600');
  });

  it('are those of the last known plan while the function rejects, else of the default plan', async () => {
    await using context = await start('express', askAccounts);
    const { app, clock } = context;
    const send = async (key: string) => (await app.send('/api', from(key))).headers.ratelimit;
    plans.set('ann', 'starter').set('bob', 'starter');
    expect(await send('ann')).toBe('"api";r=499;t=3600');
    outage = new Error('accounts are down');
    clock.advance(30_000);
    expect([await send('ann'), await send('bob')]).toEqual(['"api";r=498;t=3570', '"api";r=99;t=3570']);
    outage = undefined;
    expect([await send('ann'), await send('bob')]).toEqual(['"api";r=497;t=3570', '"api";r=498;t=3570']);
  });

  it('are looked up once for 50 concurrent calls of a client, and again after 30 seconds', async () => {
    await using context = await start('express', askAccounts);
    const { app, clock } = context;
    plans.set('ann', 'starter');
    const answers = await Promise.all(Array.from({ length: 50 }, () => app.send('/api', from('ann'))));
    const remaining = answers.map(({ headers }) => Number(/r=(\d+)/.exec(String(headers.ratelimit))?.[1]));
    expect(remaining.toSorted((a, b) => b - a)).toEqual(Array.from({ length: 50 }, (_, i) => 499 - i));
    clock.advance(29_999);
    await app.send('/api', from('ann'));
    expect(asked).toBe(1);
    clock.advance(1);
    await app.send('/api', from('ann'));
    expect(asked).toBe(2);
  });

  it('count a plan of another period separately', async () => {
    await using context = await start();
    const { app } = context;
    plans.set('ann', 'plain');
    expect((await app.send('/api', from('ann'))).headers.ratelimit).toBe('"api";r=49;t=60');
    plans.set('ann', 'free');
    expect((await app.send('/api', from('ann'))).headers.ratelimit).toBe('"api";r=99;t=3600');
    plans.set('ann', 'plain');
    expect((await app.send('/api', from('ann'))).headers.ratelimit).toBe('"api";r=48;t=60');
  });

  it('fall back to the policy if the plan does not name it', async () => {
    await using context = await start();
    const { app } = context;
    plans.set('ann', 'starter').set('bob', 'pro');
    expect((await app.send('/export', from('ann'))).headers['ratelimit-policy']).toBe(
      '"api";q=500;w=3600, "export";q=5;w=86400',
    );
    expect((await app.send('/export', from('bob'))).headers['ratelimit-policy']).toBe(
      '"api";q=2000;w=3600, "export";q=50;w=86400',
    );
  });

  it('may be several, all or none', async () => {
    await using context = await start();
    const { app, clock } = context;
    plans.set('ann', 'layered');
    expect(await app.statuses('/api', 4, from('ann'))).toEqual([200, 200, 200, 429]);
    clock.advance(1000);
    const { headers } = await app.send('/api', from('ann'));
    expect(headers.ratelimit).toBe('"api-1s";r=2;t=1, "api-1h";r=6;t=3599');
    expect(headers['ratelimit-policy']).toBe('"api-1s";q=3;w=1, "api-1h";q=10;w=3600');
  });

  it('may be unlimited: nothing is counted, and no header shows it', async () => {
    await using context = await start();
    const { app } = context;
    plans.set('ann', 'enterprise');
    expect(await app.statuses('/api', 120, from('ann'))).toEqual(new Array(120).fill(200));
    const { headers } = await app.send('/api', from('ann'));
    expect([headers.ratelimit, headers['ratelimit-policy']]).toEqual([undefined, undefined]);
    expect((await app.send('/export', from('ann'))).headers.ratelimit).toBe('"export";r=4;t=86400');
    plans.set('ann', 'free');
    expect((await app.send('/api', from('ann'))).headers.ratelimit).toBe('"api";r=99;t=3600');
  });

  it.each(['constructor', '__proto__', 'toString', 'FREE', ' free', ''])(
    'are those of the default plan for the unknown plan %j',
    async (plan) => {
      await using context = await start();
      const { app } = context;
      plans.set('ann', plan);
      expect((await app.send('/api', from('ann'))).headers['ratelimit-policy']).toBe('"api";q=100;w=3600');
    },
  );
});

describe('plans', () => {
  it.each(['constructor', '__proto__', 'toString', 'plan of 2026'])('may be named %j', async (plan) => {
    await using app = await startApp({
      adapter: 'express',
      controllers: [ApiController],
      options: {
        policies: { api: '5/h', export: '5/h' },
        plans: { of: () => plan, default: 'free', tiers: { free: {}, [plan]: { api: '7/h' } } },
      },
    });
    expect((await app.send('/api')).headers['ratelimit-policy']).toBe('"api";q=7;w=3600');
  });
});
