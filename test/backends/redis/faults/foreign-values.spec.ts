import { describe, expect, it } from '@jest/globals';
import type { BackendEvent } from '../../../../src/backends/backend-events.js';
import { RedisBackend } from '../../../../src/backends/redis/redis.backend.js';
import { definePolicy } from '../../../../src/strategies/define-policy.js';
import { STRATEGIES } from '../../../../src/testing/contract/harness/random-policies.js';
import { charge, guarded, PATIENT_MS, SECRET, textOf } from '../../../support/redis/faults.js';
import { ownRedis } from '../../../support/redis/private-redis.js';
import { connect } from '../../../support/redis/redis.js';
import { freshPrefix } from '../../../support/redis/redis-shared.js';

const redis = ownRedis();

/** Puts something under a key; `count`: how many numbers a state of the strategy has. */
type Put = (key: string, count: number) => Promise<unknown>;
const text = (value: string | Buffer): Put => {
  return (key) => redis.client.set(key, value);
};
/** A text as Lua makes it; `all` are as many numbers as fit, and `rest` all but one of them. */
const lua = (source: string): Put => {
  const script = `
    local all, rest = {}, {}
    for i = 1, tonumber(ARGV[1]) do all[i], rest[i] = 1, 1 end
    rest[#rest] = nil
    redis.call('SET', KEYS[1], ${source})`;
  return (key, count) => redis.client.eval(script, 1, key, count);
};
const state = (numbers: string) => `cmsgpack.pack('S1s', 5, ${numbers})`;

/** What no script of ours has written, under any strategy. */
const GARBAGE: readonly (readonly [string, Put])[] = [
  ['a list', (key) => redis.client.rpush(key, 'x')],
  ['a hash', (key) => redis.client.hset(key, 'x', '1')],
  ['a set', (key) => redis.client.sadd(key, 'x')],
  ['a sorted set', (key) => redis.client.zadd(key, 1, 'x')],
  ['a stream', (key) => redis.client.xadd(key, '*', 'x', '1')],
  ['an empty string', text('')],
  ['a number', text('7')],
  ['random bytes', text(Buffer.from([0, 255, 195, 40, 10, 13, 0, 128]))],
  ['JSON', text('{"used":1}')],
  ['a state in readable text', text('S1s 5 1 1')],
  ['a marker and nothing else', text(Buffer.from([0xa3, 0x53, 0x31, 0x73]))],
  ['a marker in UTF-8', text('\u00a3S1s')],
  ['a state of the format before the marker', lua("cmsgpack.pack('fixed-window 60000 1', 5, unpack(all))")],
  ['a state of a later format', lua("cmsgpack.pack('S2s', 5, unpack(all))")],
  ['a value of another kind', lua("cmsgpack.pack('S1b', 5, unpack(all))")],
  ['a marker and an expiry, and no numbers', lua("cmsgpack.pack('S1s', 5)")],
  ['a marker cut short', lua("cmsgpack.pack('S1', 5, unpack(all))")],
  ['a marker in capitals', lua("cmsgpack.pack('S1S', 5, unpack(all))")],
  ['a marker in a list', lua("cmsgpack.pack({ 'S1s' }, 5, unpack(all))")],
  ['a marker as a longer form of string', lua("'\\217\\3S1s' .. cmsgpack.pack(5, unpack(all))")],
  ['no marker', lua('cmsgpack.pack(5, unpack(all))')],
  ['all of it in a list', lua("cmsgpack.pack({ 'S1s', 5, unpack(all) })")],
  ...['nil', 'true', "'x'", "'5'", '{}', '-1', '0/0'].map((value): readonly [string, Put] => [
    `an expiry of ${value}`,
    lua(`cmsgpack.pack('S1s', ${value}, unpack(all))`),
  ]),
  ...['nil', 'true', "'x'", "'5'", '{}', '-1', '1.5', '0/0', '1/0', '-1/0', '2^53', '1e300', '1e400'].map(
    (value): readonly [string, Put] => [`${value} among the numbers`, lua(state(`${value}, unpack(rest)`))],
  ),
  ['a state that is cut off', lua(`string.sub(${state('unpack(all)')}, 1, -2)`)],
  ['a state that ends within a number', lua(`${state('unpack(rest)')} .. string.sub(cmsgpack.pack(300), 1, 2)`)],
  ['a state with bytes behind it that are none', lua(`${state('unpack(all)')} .. '\\193'`)],
  ['too few numbers', lua(state('unpack(rest)'))],
  ['too many numbers', lua(state('1, unpack(all)'))],
  ['far too many numbers', lua(`${state('1')} .. string.rep(cmsgpack.pack(1), 1500)`)],
];

function setUp(strategy: string) {
  const policy = definePolicy('p', { rate: '10/min', strategy, ...(strategy === 'gcra' && { burst: 10 }) });
  const prefix = freshPrefix();
  const events: BackendEvent[] = [];
  const backend = new RedisBackend(redis.client, {
    prefix,
    timeoutMs: PATIENT_MS,
    onEvent: (event) => events.push(event),
  });
  return {
    backend,
    policy,
    events,
    key: `${prefix}:{${SECRET}}:${policy.id}`,
    count: strategy === 'sliding-window' ? 12 : 2,
    ask: async () => backend.spend([charge(policy, SECRET)]),
  };
}

describe.each(STRATEGIES)('under a key of %s', (strategy) => {
  it.each(GARBAGE)(
    '%s is deleted and reported by the call that finds it, and the next starts afresh',
    async (_, put) => {
      const { backend, policy, events, key, count, ask } = setUp(strategy);
      for (const find of [ask, async () => backend.peek([charge(policy, SECRET)])]) {
        events.length = 0;
        await redis.client.del(key);
        await put(key, count);
        const error: unknown = await find().catch((error: unknown) => error);
        expect(error).toMatchObject({ name: 'BackendError', code: 'GARBAGE' });
        expect(textOf(error)).not.toContain(SECRET);
        expect(events).toEqual([{ type: 'garbage', policies: ['p'] }]);
        expect(await redis.client.exists(key)).toBe(0);
      }
      expect(await ask()).toMatchObject({ allowed: true, decisions: [{ remaining: 9 }] });
      expect(events).toHaveLength(1);
      expect(await redis.client.pttl(key)).toBeGreaterThan(0);
    },
  );

  it.each(GARBAGE)('%s is left alone by a receipt that is settled', async (_, put) => {
    const { backend, key, count, ask } = setUp(strategy);
    const { receipt } = await ask();
    await redis.client.del(key);
    await put(key, count);
    const before = await redis.client.dumpBuffer(key);
    await backend.settle(receipt ?? { at: 0, charges: [] }, [0]);
    expect(await redis.client.dumpBuffer(key)).toEqual(before);
  });
});

describe('garbage', () => {
  it('is answered for by onError, and opens no breaker', async () => {
    const policy = definePolicy('p', '10/min');
    for (const onError of ['local', 'allow', 'deny'] as const) {
      const { backend, prefix, events } = guarded(redis.client, onError, PATIENT_MS);
      for (let i = 0; i < 6; i++) {
        await redis.client.set(`${prefix}:{ada}:${policy.id}`, 'x');
        expect(await backend.spend([charge(policy)])).toMatchObject({ allowed: onError !== 'deny', degraded: onError });
      }
      expect(await backend.spend([charge(policy)])).toMatchObject({ allowed: true, decisions: [{ remaining: 9 }] });
      expect(events).toEqual(Array.from({ length: 6 }, () => ({ type: 'garbage', policies: ['p'] })));
    }
  });

  it('under one key of a call takes nothing from the others, and says nothing to the calls beside it', async () => {
    const [good, bad] = [definePolicy('good', '10/min'), definePolicy('bad', '10/min')];
    const { backend, prefix } = guarded(redis.client, 'local', PATIENT_MS);
    await redis.client.set(`${prefix}:{ada}:${bad.id}`, 'x');
    const calls = [[good], [good, bad], [good], [bad]].map((policies) =>
      backend.spend(policies.map((policy) => charge(policy))),
    );
    const outcomes = await Promise.all(calls);
    expect(outcomes.map(({ degraded }) => degraded)).toEqual([undefined, 'local', undefined, undefined]);
    expect(outcomes.map(({ decisions }) => decisions[0]?.remaining)).toEqual([9, 9, 8, 9]);
  });

  it('of many megabytes is not read beyond its begin', async () => {
    const luaBytes = async () => Number(/used_memory_lua:(\d+)/.exec(await redis.client.info('memory'))?.[1]);
    const { key, ask } = setUp('fixed-window');
    for (const text of ['x'.repeat(5_000_000), `[${'7,'.repeat(2_500_000)}7]`]) {
      await redis.client.script('FLUSH', 'SYNC');
      await redis.client.set(key, text);
      await expect(ask()).rejects.toMatchObject({ code: 'GARBAGE' });
      // The text itself, and its copy; a number for each of its bytes would be a hundred megabytes and more.
      expect(await luaBytes()).toBeLessThan(25_000_000);
    }
  });

  it('is not what a user may not read: that stays where it is', async () => {
    const { key, ask } = setUp('fixed-window');
    await ask();
    await redis.client.acl('SETUSER', 'blind', 'on', '>x', '~*', '+@all', '-get');
    const blind = await connect(redis.server, { username: 'blind', password: 'x' });
    const other = new RedisBackend(blind, { prefix: key.slice(0, key.indexOf(':')), timeoutMs: PATIENT_MS });
    const { receipt = { at: 0, charges: [] } } = await ask();
    const before = await redis.client.dumpBuffer(key);
    for (const call of [other.spend(receipt.charges), other.peek(receipt.charges), other.settle(receipt, [0])]) {
      await expect(call).rejects.toMatchObject({ code: expect.stringMatching(/^(?:NOPERM|ERR)$/) });
    }
    expect(await redis.client.dumpBuffer(key)).toEqual(before);
    blind.disconnect();
  });
});
