import { describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import {
  type Backend,
  type Clock,
  MemoryBackend,
  type PolicyOptions,
  RedisBackend,
  Throttle,
} from '../../src/index.js';
import { adapters, startApp, type TestApp } from '../support/http-app.js';
import { PATIENT_MS } from '../support/redis/faults.js';
import { ownRedis } from '../support/redis/private-redis.js';
import { scaled } from '../support/scale.js';
import { START } from '../support/start-time.js';

@Controller()
class LoginController {
  @Throttle('login') @Get('login') login() {}
}

const strategies = ['sliding-window', 'fixed-window', 'sliding-log', 'token-bucket', 'gcra', 'leaky-bucket'] as const;

const byStrategy = strategies.map(
  (strategy): PolicyOptions => ({ rate: '3/min', strategy, ...(strategy === 'gcra' && { burst: 3 }) }),
);

/** Stands still, and holds no call for the leaky bucket. */
const clock: Clock = { now: () => START, wait: async () => undefined };

/** The policy `login` in a release, and in the next. */
const RELEASES: readonly (readonly [what: string, one: PolicyOptions, other: PolicyOptions])[] = [
  ['period', { rate: '3/min' }, { rate: '3/h' }],
  ['number of segments', { rate: '3/min', segments: 6 }, { rate: '3/min', segments: 4 }],
  ...byStrategy.flatMap((one, i) =>
    byStrategy.slice(i + 1).map((other) => [`strategy, ${one.strategy} and ${other.strategy}`, one, other] as const),
  ),
];

/** More than both admit together. */
const REQUESTS = scaled(12, 40);

describe.each(adapters)('two releases or services that share a store, on %s', (adapter) => {
  const redis = ownRedis();

  /** A process of an application with the default prefix, whose policy is called as the other's is. */
  const start = (login: PolicyOptions, backend: Backend) =>
    startApp({ adapter, controllers: [LoginController], options: { backend, policies: { login } } });

  /** How many requests, of those that go to one and the other in turn, are admitted by each. */
  async function admittedBy(...apps: readonly TestApp[]): Promise<readonly number[]> {
    const admitted = apps.map(() => 0);
    for (let i = 0; i < REQUESTS; i++) {
      const turn = i % apps.length;
      const status = (await apps[turn]?.send('/login'))?.status;
      if (status === 200) admitted[turn] = (admitted[turn] ?? 0) + 1;
    }
    return admitted;
  }

  it.each(RELEASES)('have separate budgets in memory if they differ in the %s', async (_, one, other) => {
    const backend = new MemoryBackend({ clock });
    await using first = await start(one, backend);
    await using second = await start(other, backend);
    expect(await admittedBy(first, second)).toEqual([3, 3]);
  });

  it.each(RELEASES)('have separate budgets on Redis if they differ in the %s', async (_, one, other) => {
    await redis.client.flushall();
    const open = () => new RedisBackend(redis.client, { clock, timeoutMs: PATIENT_MS });
    await using first = await start(one, open());
    await using second = await start(other, open());
    expect(await admittedBy(first, second)).toEqual([3, 3]);
  });

  it('keep the usage if only the limit differs', async () => {
    await redis.client.flushall();
    const open = () => new RedisBackend(redis.client, { clock, timeoutMs: PATIENT_MS });
    await using first = await start({ rate: '3/min' }, open());
    await using second = await start({ rate: '5/min' }, open());
    expect(await admittedBy(first, second)).toEqual([2, 3]);
  });
});
