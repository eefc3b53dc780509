import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { type Charge, definePolicy, ManualClock, RedisBackend } from '../../src/index.js';
import { START } from '../support/app.js';
import { connect, RedisServer } from '../support/redis.js';
import { freshPrefix } from '../support/redis-shared.js';

const HOUR = 3_600_000;
const policy = definePolicy('p', { rate: '1000/h', strategy: 'fixed-window', lease: { batch: 100 } });
const ada = (cost = 1, of = policy): Charge[] => [{ policy: of, subject: 'ada', cost }];

describe('units of a leased policy', () => {
  let server: RedisServer;
  let redis: Redis;
  let clock: ManualClock;
  let prefix: string;

  const open = () => new RedisBackend(redis, { clock, prefix, timeoutMs: 5000 });
  const used = async (subject = 'ada') =>
    Number((await redis.get(`${prefix}:{${subject}}:p@app`))?.split(' ').at(-1) ?? 0);
  const runs = async () => Number(/^cmdstat_evalsha:calls=(\d+)/m.exec(await redis.info('commandstats'))?.[1] ?? 0);
  /** Spends one by one until it is denied: how often it was not. */
  const drain = async (backend: RedisBackend) => {
    for (let spent = 0; ; spent++) if (!(await backend.spend(ada())).allowed) return spent;
  };

  beforeAll(async () => {
    server = await RedisServer.start();
    redis = await connect(server);
  });

  afterAll(async () => {
    redis.disconnect();
    await server[Symbol.asyncDispose]();
  });

  beforeEach(() => {
    clock = new ManualClock(Math.floor(START / HOUR) * HOUR + 600_000);
    prefix = freshPrefix();
  });

  it('are given back on close, where nobody has spent them, and another spends them', async () => {
    const [one, other] = [open(), open()];
    await one.spend(ada(30));
    await one.spend([{ policy, subject: 'eve', cost: 1 }]);
    expect([await used(), await used('eve')]).toEqual([100, 100]);
    await one.close();
    expect([await used(), await used('eve')]).toEqual([30, 1]);
    expect(await drain(other)).toBe(970);
    // What is asked of one that is closed is decided by Redis, each by itself.
    expect((await one.spend([{ policy, subject: 'eve', cost: 1 }])).binding?.remaining).toBe(998);
    expect(await used('eve')).toBe(2);
  });

  it('are settled into what is held; another window is owed nothing', async () => {
    const backend = open();
    const { receipt } = await backend.spend(ada(100));
    if (receipt === undefined) throw new Error('Expected a receipt');
    await redis.config('RESETSTAT');
    await backend.settle(receipt, [20]);
    expect((await backend.spend(ada(80))).binding?.remaining).toBe(900);
    expect(await runs()).toBe(0);
    clock.advance(HOUR);
    await backend.spend(ada(100));
    await backend.settle(receipt, [0]);
    expect((await backend.spend(ada(1))).binding?.remaining).toBe(899);
  });

  it('are settled at Redis by a process that holds none', async () => {
    const { receipt } = await open().spend(ada(100));
    if (receipt === undefined) throw new Error('Expected a receipt');
    await open().settle(receipt, [25]);
    expect(await used()).toBe(25);
  });

  it('are all there again after a reset', async () => {
    const backend = open();
    expect(await drain(backend)).toBe(1000);
    await backend.reset(ada());
    expect(await used()).toBe(0);
    expect(await drain(backend)).toBe(1000);
  });
});
