import { afterEach, describe, expect, it } from '@jest/globals';
import type { Command, Redis } from 'ioredis';
import { defineConcurrency, definePolicy, RedisBackend } from '../../../../src/index.js';
import { PATIENT_MS } from '../../../support/redis/faults.js';
import { ownRedis } from '../../../support/redis/private-redis.js';
import { freshPrefix } from '../../../support/redis/redis-shared.js';

/** Redis answers within it as long as it runs, also on a busy machine. */
const TIMEOUT_MS = 1000;
/** Commands that write nothing. Every other one has to be in a script that checks its deadline. */
const READS = ['get', 'getrange', 'hget', 'hgetall', 'zrandmember', 'zrange'];
/** Round trips after which a server has executed all that it got, and what a client sent again because a script was not there. */
const ROUNDS = 3;

const api = definePolicy('api', { rate: '100/2000 weeks', strategy: 'fixed-window', block: true });
const permits = defineConcurrency('exports', 5);
const ada = { policy: 'api', subject: 'ada' };
const budget = { policy: api, subject: 'ada' };
const hold = { policy: permits, subject: 'ada', id: 1, units: 1, ttlMs: 3_600_000 };

const redis = ownRedis();

afterEach(() => redis.server.thaw());

/** A client that calls `onSend` before each command, with its name. */
function observed(onSend: (command: string) => void): Redis {
  const sendCommand = (command: Command) => {
    onSend(command.name);
    return redis.client.sendCommand(command);
  };
  return Object.create(redis.client, { sendCommand: { value: sendCommand } });
}

/** A client that loses its connection when it sends the n-th command from now on, and has it again for the next one. */
function interrupted() {
  let left = Number.POSITIVE_INFINITY;
  const sendCommand = (command: Command) => {
    if (--left !== 0) return redis.client.sendCommand(command);
    command.reject(new Error('the connection is lost'));
    return command.promise;
  };
  return {
    client: Object.create(redis.client, { sendCommand: { value: sendCommand } }),
    loseAt: (n: number) => {
      left = n;
    },
    isLost: () => left <= 0,
  };
}

/** The parts of a backend, which has all of them. */
function partsOf(client: Redis, prefix: string, timeoutMs = TIMEOUT_MS) {
  const backend = new RedisBackend(client, { prefix, timeoutMs });
  const { settings, blocks, holds, credit } = backend;
  if (settings === undefined || blocks === undefined || holds === undefined || credit === undefined) {
    throw new Error('a Redis backend has all parts');
  }
  return { backend, settings, blocks, holds, credit };
}

type Parts = ReturnType<typeof partsOf>;

/** Calls that change something, by name. */
const WRITES: Readonly<Record<string, (parts: Parts) => unknown>> = {
  'overrides.set': ({ settings }) => settings.setOverride({ ...ada, rate: 'unlimited' }),
  'overrides.delete': ({ settings }) => settings.deleteOverride(ada),
  'policies.update': ({ settings }) => settings.changePolicy({ policy: 'api', mode: 'off' }),
  'policies.reset': ({ settings }) => settings.resetPolicy('api'),
  'blocks.set': ({ blocks }) => blocks.setBlock(budget, 7_200_000),
  'blocks.delete': ({ blocks }) => blocks.deleteBlock(budget),
  reset: ({ backend }) => backend.reset([budget]),
  credit: ({ credit }) => credit([{ ...budget, cost: 1 }]),
  'holds.take': ({ holds }) => holds.take([{ ...hold, id: 2 }], []),
  'holds.extend': ({ holds }) => holds.extend([hold], 7_200_000),
  'holds.grow': ({ holds }) => holds.grow(hold, 1),
  'holds.end': ({ holds }) => holds.end([{ ...hold, units: 0 }]),
};

/** All keys of a prefix, each with its value and its expiry. */
async function stored(prefix: string): Promise<readonly unknown[]> {
  const keys = (await redis.client.keys(`${prefix}:*`)).sort();
  return Promise.all(
    keys.map(async (key) => [
      key,
      (await redis.client.dumpBuffer(key)).toString('hex'),
      await redis.client.call('PEXPIRETIME', key),
    ]),
  );
}

/** Stores something of each kind that the writes change. */
async function fill(prefix: string): Promise<void> {
  const { backend, settings, blocks, holds } = partsOf(redis.client, prefix, PATIENT_MS);
  await backend.spend([{ ...budget, cost: 3 }]);
  await settings.setOverride({ ...ada, rate: { strategy: 'fixed-window', ...rate } });
  await settings.changePolicy({ policy: 'api', mode: 'monitor' });
  await blocks.setBlock(budget, 3_600_000);
  await holds.take([hold], []);
}

const rate = { limit: 7, periodMs: 60_000, burst: 7, segments: 1 };

/** Lets a frozen server execute what it got. */
async function thawed(): Promise<void> {
  redis.server.thaw();
  for (let round = 0; round < ROUNDS; round++) await redis.client.ping();
}

describe('a write that times out on a frozen server', () => {
  it('is not applied when it goes on, whether the server was known or not', async () => {
    const prefix = freshPrefix();
    await fill(prefix);
    const known = partsOf(redis.client, prefix);
    const unknown = partsOf(redis.client, prefix);
    await known.backend.peek([{ ...budget, cost: 1 }]);
    const before = await stored(prefix);
    expect(before).toHaveLength(7);
    redis.server.freeze();
    const answers = [known, unknown].flatMap((parts) =>
      Object.entries(WRITES).map(async ([name, write]) => {
        await expect(Promise.resolve(write(parts))).rejects.toMatchObject({ code: 'TIMEOUT' });
        return name;
      }),
    );
    expect(await Promise.all(answers)).toEqual([...Object.keys(WRITES), ...Object.keys(WRITES)]);
    await thawed();
    expect(await stored(prefix)).toEqual(before);
  });

  it('is not applied either where it is the second of several: an override is listed, and not in force', async () => {
    const prefix = freshPrefix();
    let scripts = Number.POSITIVE_INFINITY;
    const client = observed(() => {
      if (--scripts === 0) redis.server.freeze();
    });
    const { settings } = partsOf(client, prefix);
    await settings.setOverride({ policy: 'api', subject: 'bob', rate: 'unlimited' });
    scripts = 2;
    await expect(settings.setOverride({ ...ada, rate: 'unlimited' })).rejects.toMatchObject({ code: 'TIMEOUT' });
    await thawed();
    expect(await redis.client.zrange(`${prefix}:overrides`, '0', '-1')).toEqual(['api "ada"', 'api "bob"']);
    expect(await settings.getOverride(ada)).toBeUndefined();
  });
});

describe('a write whose last step fails, which only lists it', () => {
  it('succeeds, because it is in force', async () => {
    const prefix = freshPrefix();
    const { client, loseAt, isLost } = interrupted();
    const { settings, blocks } = partsOf(client, prefix, PATIENT_MS);
    // The server then has the scripts, and its clock is known: each step is one command.
    await settings.setOverride({ policy: 'api', subject: 'bob', rate: 'unlimited' });
    await blocks.setBlock({ policy: api, subject: 'bob' }, 3_600_000);

    loseAt(3);
    await settings.setOverride({ ...ada, rate: 'unlimited' });
    expect([isLost(), await settings.getOverride(ada)]).toEqual([true, { ...ada, rate: 'unlimited' }]);
    expect((await settings.listOverrides('api', { limit: 10 })).entries).toHaveLength(2);
    loseAt(3);
    expect([await settings.deleteOverride(ada), isLost()]).toEqual([true, true]);
    loseAt(4);
    const block = await blocks.setBlock(budget, 3_600_000);
    expect([isLost(), await blocks.getBlock(budget)]).toEqual([true, block]);
    expect((await blocks.listBlocks('api', { limit: 10 })).entries).toHaveLength(2);
  });

  it('and a list is complete even if names of what is over cannot be removed', async () => {
    const prefix = freshPrefix();
    const { client, loseAt, isLost } = interrupted();
    const { settings, blocks } = partsOf(client, prefix, PATIENT_MS);
    await settings.setOverride({ ...ada, rate: 'unlimited' });
    await blocks.setBlock(budget, 3_600_000);
    await redis.client.zadd(`${prefix}:overrides`, 0, 'api "gone"');
    await redis.client.zadd(`${prefix}:blocks`, 0, `api ${JSON.stringify([api.id, 'gone'])}`);

    // The names, two overrides, and the name to remove.
    loseAt(4);
    expect((await settings.listOverrides('api', { limit: 10 })).entries).toEqual([{ ...ada, rate: 'unlimited' }]);
    expect(isLost()).toBe(true);
    loseAt(4);
    expect((await blocks.listBlocks('api', { limit: 10 })).entries).toMatchObject([ada]);
    expect(isLost()).toBe(true);
  });
});

describe('of the commands of a backend', () => {
  it('those outside of scripts only read', async () => {
    const sent = new Set<string>();
    const prefix = freshPrefix();
    await fill(prefix);
    const parts = partsOf(
      observed((command) => sent.add(command)),
      prefix,
      PATIENT_MS,
    );
    for (const write of Object.values(WRITES)) await write(parts);
    const page = { limit: 10 };
    await parts.settings.listOverrides('api', page);
    await parts.settings.listPolicyChanges();
    await parts.settings.version();
    await parts.settings.getOverride(ada);
    await parts.blocks.listBlocks('api', page);
    expect([...sent].filter((command) => !/^evalsha$|^eval$/.test(command) && !READS.includes(command))).toEqual([]);
    expect(sent).toContain('evalsha');
    expect(sent).toContain('zrange');
  });

  it('one that deletes thousands of keys is divided', async () => {
    const prefix = freshPrefix();
    const { backend } = partsOf(redis.client, prefix, PATIENT_MS);
    const plain = definePolicy('plain', '10/h');
    const targets = Array.from({ length: 4000 }, (_, i) => ({ policy: plain, subject: `user:${i}` }));
    for (const i of [0, 1500, 3999]) await backend.spend([{ policy: plain, subject: `user:${i}`, cost: 1 }]);
    await backend.reset(targets);
    expect(await stored(prefix)).toEqual([]);
  });
});
