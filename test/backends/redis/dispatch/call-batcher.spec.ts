import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import { MemoryBackend } from '../../../../src/backends/memory/memory.backend.js';
import { RedisBackend } from '../../../../src/backends/redis/redis.backend.js';
import { ManualClock } from '../../../../src/core/clock.js';
import { ThrottleConfigError } from '../../../../src/core/errors.js';
import { definePolicy } from '../../../../src/strategies/define-policy.js';
import { defineStrategy } from '../../../../src/strategies/strategy.js';
import { randomFrom, strategies } from '../../../parity/random-trace.js';
import { anchoredWindow } from '../../../support/custom-strategy.js';
import { PATIENT_MS } from '../../../support/redis/faults.js';
import { ownRedis } from '../../../support/redis/private-redis.js';
import { freshPrefix } from '../../../support/redis/redis-shared.js';

/** A client that notes the runs that are sent through it: keys a run. */
class Watched {
  readonly runs: number[] = [];

  constructor(private readonly client: Redis) {}

  callBuffer(command: string, ...args: (string | number)[]): Promise<unknown> {
    this.runs.push(Number(args[1]));
    return this.client.callBuffer(command, ...args);
  }

  evalsha(sha: string, keys: number, ...args: (string | number)[]): Promise<unknown> {
    return this.client.evalsha(sha, keys, ...args);
  }

  eval(script: string, keys: number, ...args: (string | number)[]): Promise<unknown> {
    return this.client.eval(script, keys, ...args);
  }

  del(...keys: string[]): Promise<unknown> {
    return this.client.del(...keys);
  }
}

describe('calls at one time', () => {
  const policy = definePolicy('p', { rate: '100000/h', strategy: 'fixed-window' });
  const ask = (subject = 'ada', cost = 1) => [{ policy, subject, cost }];
  const redis = ownRedis();
  let client: Watched;
  let backend: RedisBackend;

  beforeEach(async () => {
    await redis.client.flushall();
    client = new Watched(redis.client);
    backend = new RedisBackend(client, { clock: new ManualClock(Date.UTC(2026, 0, 1)), timeoutMs: PATIENT_MS });
    // The server's time and the scripts are known from here on.
    await backend.peek(ask());
    await backend.spend(ask('nobody'));
    client.runs.length = 0;
    await redis.resetCounts();
  });

  /** How many scripts Redis has run. */
  const evalshas = () => redis.calls('evalsha');

  const remainingOf = async (calls: readonly ReturnType<RedisBackend['spend']>[]) =>
    (await Promise.all(calls)).map(({ decisions }) => decisions[0]?.remaining);

  it.each(['spend', 'peek'] as const)('are decided even if one of them has an unknown strategy: %s', async (verb) => {
    const strategy = defineStrategy({ ...anchoredWindow });
    const odd = definePolicy('odd', { rate: '5/min', strategy });
    const [first, wrong, last] = await Promise.allSettled([
      backend.spend(ask('ada')),
      backend[verb]([{ policy: odd, subject: 'ada', cost: 1 }]),
      backend.spend(ask('eve')),
    ]);
    expect([first.status, last.status]).toEqual(['fulfilled', 'fulfilled']);
    expect(wrong).toEqual({
      status: 'rejected',
      reason: new ThrottleConfigError(
        'SLUICE_UNKNOWN_STRATEGY',
        'policy "odd": the backend does not know the strategy "anchored-window". Give it to backend.use([...]), or to the module\'s `strategies`.',
      ),
    });
  });

  it('are sent at once instead of at the end of the turn, if there is only one', async () => {
    const call = backend.spend(ask());
    expect(client.runs).toEqual([1]);
    await call;
    const next = backend.spend(ask());
    expect(client.runs).toEqual([1, 1]);
    await next;
    expect(await evalshas()).toBe(2);
  });

  // The next batch depends on whether the second reply is read together with the first.
  it.each([
    [2, [1, 1]],
    [64, [1, 63]],
    [128, [1, 127]],
    [129, [1, 128]],
    [256, [1, 128]],
    [300, [1, 128]],
  ])('are sent in batches of at most 128: %i of one turn begin with %j', async (calls, first) => {
    const answers = await Promise.all(Array.from({ length: calls }, (_, i) => backend.spend(ask(`user:${i}`))));
    expect(answers.map(({ decisions }) => decisions[0]?.remaining)).toEqual(answers.map(() => 99_999));
    const rest = client.runs.slice(2);
    expect(client.runs.slice(0, 2)).toEqual(first);
    expect(rest.reduce((sum, keys) => sum + keys, 0)).toBe(calls - first.reduce((sum, keys) => sum + keys));
    expect(rest.every((keys) => keys <= 128)).toBe(true);
    expect(rest.length).toBeLessThanOrEqual(3);
    expect(await evalshas()).toBe(client.runs.length);
  });

  it.each([
    [64, 0.04],
    [256, 0.02],
  ])('need few EVALSHAs with %i in flight: at most %d per call', async (inFlight, most) => {
    const CALLS = 10_000;
    let left = CALLS;
    const caller = async (_: unknown, i: number) => {
      for (; left > 0; left--) await backend.spend(ask(`user:${i}`));
    };
    await Promise.all(Array.from({ length: inFlight }, caller));
    const share = (await evalshas()) / CALLS;
    expect(share).toBeLessThan(most);
    expect(Math.max(...client.runs)).toBeLessThanOrEqual(128);
  });

  it('are decided in order on one key, whether they arrive in one turn or during a batch', async () => {
    const calls = Array.from({ length: 200 }, () => backend.spend(ask('one')));
    await new Promise(setImmediate);
    calls.push(...Array.from({ length: 200 }, () => backend.spend(ask('one'))));
    expect(await remainingOf(calls)).toEqual(Array.from({ length: 400 }, (_, i) => 99_999 - i));
  });

  it('are decided in order at any cost, including peeks, and each all or none', async () => {
    const small = { ...ask('small')[0], policy: definePolicy('small', { rate: '10/h', strategy: 'fixed-window' }) };
    const costs = [4, 7, 3, 0, 4, 3, 1];
    const calls = costs.map((cost) =>
      backend.spend([{ policy: small.policy, subject: 'ada', cost }, ...ask('ada', cost)]),
    );
    const peek = backend.peek(ask('ada', 1));
    const answers = await Promise.all(calls);
    expect(answers.map(({ allowed, decisions }) => [allowed, ...decisions.map(({ remaining }) => remaining)])).toEqual([
      [true, 6, 99_996],
      [false, 6, 99_996],
      [true, 3, 99_993],
      [true, 3, 99_993],
      [false, 3, 99_993],
      [true, 0, 99_990],
      [false, 0, 99_990],
    ]);
    expect((await peek).decisions[0]?.remaining).toBe(99_989);
  });

  describe('of several policies', () => {
    let plain: RedisBackend;

    beforeEach(() => {
      plain = new RedisBackend(redis.client, { clock: new ManualClock(0), timeoutMs: PATIENT_MS });
    });

    it.each([
      ['in one write', () => redis.client],
      ['by a client without pipelines', () => new Watched(redis.client)],
    ])('are decided in order on one key, with any limits, costs and numbers of charges: %s', async (_, by) => {
      const one = freshPrefix();
      const mixed = new RedisBackend(by(), { prefix: one, clock: new ManualClock(0), timeoutMs: PATIENT_MS });
      const memory = new MemoryBackend({ clock: new ManualClock(0) });
      const policies = [
        definePolicy('a', { rate: '60/h', strategy: 'fixed-window' }),
        definePolicy('a', { rate: '90/h', strategy: 'fixed-window' }),
        definePolicy('a', { rate: '60/h' }),
        definePolicy('b', { rate: '40/h', strategy: 'sliding-log' }),
        definePolicy('b', { rate: '70/h', strategy: 'leaky-bucket' }),
      ];
      await mixed.peek([{ policy, subject: 'ada', cost: 0 }]);
      for (let seed = 0; seed < 20; seed++) {
        const random = randomFrom(seed);
        const calls = Array.from({ length: 120 }, () => ({
          verb: random(20) === 0 ? ('peek' as const) : ('spend' as const),
          charges: Array.from({ length: random(seed % 2 === 0 ? 12 : 2) === 0 ? 2 + random(2) : 1 }, () => ({
            policy: policies[random(policies.length)] ?? policy,
            subject: `user:${seed}:${random(3)}`,
            cost: random(8) === 0 ? random(20) : 1,
          })),
        }));
        const outcomes = await Promise.all(calls.map(({ verb, charges }) => mixed[verb](charges)));
        expect(outcomes).toEqual(calls.map(({ verb, charges }) => memory[verb](charges)));
      }
      await memory.close();
    });

    it('are sent in one run if all have one charge by one strategy', async () => {
      const policies = Array.from({ length: 20 }, (_, i) => definePolicy(`p${i}`, `${i + 1}/h`));
      await backend.spend([{ policy: definePolicy('first', '1/h'), subject: 'ada', cost: 1 }]);
      client.runs.length = 0;
      const calls = Array.from({ length: 60 }, (_, i) =>
        backend.spend(policies.slice(i % 20, (i % 20) + 1).map((one) => ({ policy: one, subject: 'ada', cost: 1 }))),
      );
      const left = Array.from({ length: 60 }, (_, i) => Math.max(0, (i % 20) - Math.floor(i / 20)));
      expect(await remainingOf(calls)).toEqual(left);
      expect(client.runs).toEqual([1, 59]);
    });

    it('are sent in one run if all have several plain charges on different budgets, by any strategies', async () => {
      const policies = strategies.map((strategy) => definePolicy(strategy, { rate: '1000/h', strategy }));
      const charges = policies.map((one) => ({ policy: one, subject: 'ada', cost: 1 }));
      await backend.spend(charges);
      client.runs.length = 0;
      const calls = Array.from({ length: 40 }, (_, i) => backend.spend(charges.slice(i % 2, 3 + (i % 3))));
      const memory = new MemoryBackend({ clock: new ManualClock(Date.UTC(2026, 0, 1)) });
      memory.spend(charges);
      const expected = Array.from({ length: 40 }, (_, i) => memory.spend(charges.slice(i % 2, 3 + (i % 3))));
      expect(await Promise.all(calls)).toEqual(expected);
      expect(client.runs).toHaveLength(2);
      await memory.close();
    });

    it('of several charges are decided once, even if a key of some has a foreign value', async () => {
      const policies = [
        definePolicy('x', '1000/h'),
        definePolicy('y', { rate: '1000/h', strategy: 'gcra', burst: 99 }),
      ];
      const charges = (subject: string) => policies.map((one) => ({ policy: one, subject, cost: 1 }));
      await backend.spend(charges('ada'));
      await redis.client.set(`sluice:{bob}:${policies[1]?.id}`, 'of somebody else');
      const subjects = ['bob', ...Array.from({ length: 9 }, () => 'ada'), 'bob', 'bob'];
      const answers = await Promise.allSettled(subjects.map((subject) => backend.spend(charges(subject))));
      // The first call on the key fails, and deletes the value. Those behind it are decided.
      expect(answers.map(({ status }) => status)).toEqual(['rejected', ...subjects.slice(1).map(() => 'fulfilled')]);
      const left = async (subject: string) =>
        (await backend.peek(charges(subject).map((charge) => ({ ...charge, cost: 0 })))).decisions.map(
          ({ remaining }) => remaining,
        );
      expect([await left('ada'), await left('bob')]).toEqual([
        [990, 89],
        [998, 97],
      ]);
    });

    it('resolve in order of arrival, even if they are decided in several runs', async () => {
      await plain.peek([{ policy, subject: 'ada', cost: 0 }]);
      const policies = [definePolicy('x', '1000/h'), definePolicy('y', { rate: '1000/h', strategy: 'fixed-window' })];
      const answered: number[] = [];
      const calls = Array.from({ length: 40 }, async (_, i) => {
        await plain.spend(policies.slice(i % 2, (i % 2) + 1).map((one) => ({ policy: one, subject: 'ada', cost: 1 })));
        answered.push(i);
      });
      await Promise.all(calls);
      expect(answered).toEqual(calls.map((__, i) => i));
    });

    it('are decided even if the server does not have a script', async () => {
      await plain.peek([{ policy, subject: 'ada', cost: 0 }]);
      await redis.client.script('FLUSH', 'SYNC');
      const policies = ['v', 'w'].map((name) => definePolicy(name, { rate: '1000/h', strategy: 'gcra', burst: 20 }));
      const calls = policies.flatMap((one) =>
        Array.from({ length: 10 }, () => plain.spend([{ policy: one, subject: 'ada', cost: 1 }])),
      );
      const left = Array.from({ length: 10 }, (_, i) => 19 - i);
      expect(await remainingOf(calls)).toEqual([...left, ...left]);
    });
  });

  it('are sent one by one with batch: false', async () => {
    backend = new RedisBackend(client, { batch: false, clock: new ManualClock(0), timeoutMs: PATIENT_MS });
    const calls = Array.from({ length: 64 }, () => backend.spend(ask('one')));
    expect(await remainingOf(calls)).toEqual(Array.from({ length: 64 }, (_, i) => 99_999 - i));
    expect(new Set(client.runs)).toEqual(new Set([1]));
  });
});
