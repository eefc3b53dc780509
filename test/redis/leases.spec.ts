import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { type Charge, definePolicy, ManualClock, type Outcome, RedisBackend } from '../../src/index.js';
import { START } from '../support/app.js';
import { connect, RedisServer } from '../support/redis.js';
import { freshPrefix } from '../support/redis-shared.js';
import { Fleet } from './support/fleet.js';

const HOUR = 3_600_000;
const policy = definePolicy('p', { rate: '1000/h', strategy: 'fixed-window', lease: { batch: 100 } });
const ada = (cost = 1, of = policy): Charge[] => [{ policy: of, subject: 'ada', cost }];

describe('a leased policy on Redis', () => {
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

  it('is answered without a promise from what is held, exactly so', async () => {
    const backend = open();
    const first = backend.spend(ada());
    expect(first).toBeInstanceOf(Promise);
    const decision = {
      policy: 'p',
      allowed: true,
      limit: 1000,
      remaining: 999,
      resetMs: 3_000_000,
      retryAfterMs: 0,
      delayMs: 0,
      windowMs: HOUR,
      approximate: true,
    };
    expect(await first).toEqual({
      allowed: true,
      decisions: [decision],
      binding: decision,
      receipt: { at: clock.now(), charges: ada() },
    });
    const at = clock.now();
    clock.advance(1000);
    const second = { ...decision, remaining: 994, resetMs: 2_999_000 };
    // toEqual of a promise fails: this is the value.
    expect(backend.spend(ada(5))).toEqual({
      allowed: true,
      decisions: [second],
      binding: second,
      receipt: { at, charges: ada(5) },
    });
    expect(await used()).toBe(100);
  });

  it('costs at most 1.1 round trips for 100 decisions, and a flood of denials none', async () => {
    const backend = open();
    await backend.spend(ada());
    await redis.config('RESETSTAT');
    for (let i = 1; i < 1000; i++) expect((await backend.spend(ada())).allowed).toBe(true);
    expect(await runs()).toBeLessThanOrEqual(9);
    await redis.config('RESETSTAT');
    const outcomes = [];
    for (let i = 0; i < 1000; i++) outcomes.push(await backend.spend(ada()));
    expect(new Set(outcomes.map(({ allowed }) => allowed))).toEqual(new Set([false]));
    expect(await runs()).toBe(0);
    expect(outcomes[999]?.decisions).toEqual([
      {
        policy: 'p',
        allowed: false,
        limit: 1000,
        remaining: 0,
        resetMs: 3_000_000,
        retryAfterMs: 3_000_000,
        delayMs: 0,
        windowMs: HOUR,
        approximate: true,
      },
    ]);
    clock.advance(1000);
    expect((await backend.spend(ada())).binding?.retryAfterMs).toBe(2_999_000);
    expect(await runs()).toBe(1);
  });

  it.each([2, 8])('admits exactly the limit over %i backends that drain it together', async (count) => {
    const backends = Array.from({ length: count }, open);
    const spent = await Promise.all(backends.map(drain));
    expect(spent.reduce((sum, one) => sum + one, 0)).toBe(1000);
    expect(await used()).toBe(1000);
  });

  it('admits exactly the limit over eight processes of their own', async () => {
    using fleet = new Fleet(new Array(8).fill(0));
    const task = {
      port: server.port,
      prefix,
      spec: { rate: '1000/h', strategy: 'fixed-window', lease: { batch: 7 } } as const,
      hits: 1000,
      inFlight: 16,
      frozenAt: clock.now(),
    };
    const answers = (await fleet.run(task, redis)).flatMap((told) => told.answers);
    expect(answers).toHaveLength(8000);
    // Each of them asks until it is denied, and then holds nothing.
    expect(answers.filter(({ allowed }) => allowed)).toHaveLength(1000);
    expect(new Set(answers.map(({ approximate }) => approximate))).toEqual(new Set([true]));
  });

  it('is granted anew in the next window, by each process, and the old units count no more', async () => {
    const [one, other] = [open(), open()];
    await one.spend(ada());
    await other.spend(ada());
    clock.set(Math.floor(clock.now() / HOUR) * HOUR + HOUR);
    expect((await Promise.all([drain(one), drain(other)])).reduce((a, b) => a + b)).toBe(1000);
    expect(await used()).toBe(1000);
  });

  it('is told by peek as it stands, held units included, and nothing is leased for it', async () => {
    const [one, other] = [open(), open()];
    const peek = async (cost: number, backend = one) => {
      const { allowed, binding } = await backend.peek(ada(cost));
      return [allowed, binding?.remaining, binding?.retryAfterMs, binding?.approximate];
    };
    expect(await peek(1)).toEqual([true, 999, 0, true]);
    expect(await used()).toBe(0);
    await one.spend(ada(40));
    await other.spend(ada(900));
    expect(await used()).toBe(1000);
    expect(await peek(0)).toEqual([true, 960, 0, true]);
    expect(await peek(60)).toEqual([true, 900, 0, true]);
    expect(await peek(61)).toEqual([false, 60, 3_000_000, true]);
    expect(await peek(1001)).toEqual([false, 960, null, true]);
    expect(await used()).toBe(1000);
  });

  it('answers a cost above the limit without asking, and one that is no cost by an error', async () => {
    const backend = open();
    await redis.config('RESETSTAT');
    const { allowed, binding }: Outcome = await backend.spend(ada(1001));
    expect([allowed, binding?.retryAfterMs, await runs()]).toEqual([false, null, 0]);
    await expect(backend.spend(ada(0.5))).rejects.toThrow(RangeError);
    await expect(backend.peek(ada(-1))).rejects.toThrow(RangeError);
  });

  it('is counted with those who spend the same budget unleased', async () => {
    const plain = definePolicy('p', { rate: '1000/h', strategy: 'fixed-window' });
    const backend = open();
    await backend.spend(ada());
    expect((await backend.spend(ada(900, plain))).binding).toMatchObject({ allowed: true, remaining: 0 });
    expect(await drain(backend)).toBe(99);
  });
});
