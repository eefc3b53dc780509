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

/** Puts something under a key of a strategy, whose states begin with a marker that ends with the letter. */
type Put = (key: string, letter: string) => Promise<unknown>;
const text = (value: string | Buffer): Put => {
  return (key) => redis.client.set(key, value);
};
/** A text as Lua makes it; `state` is a state of the strategy of which nothing is used. */
const lua = (source: string): Put => {
  const script = `
    local marker = '\\163S2' .. ARGV[1]
    local layouts = { w = '<I7I7I7I7I7', l = '<I7I7I7I7I7I7' }
    local state = marker .. struct.pack(layouts[ARGV[1]] or '<I7I7I7', 5, 1, 0, 0, 1, 1)
    if ARGV[1] == 'w' then state = state .. cmsgpack.pack(0, 0, 0, 0, 0, 0, 0, 0, 0) end
    redis.call('SET', KEYS[1], ${source})`;
  return (key, letter) => redis.client.eval(script, 1, key, letter);
};

/** Foreign values under every strategy. */
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
  ['a marker and nothing else', lua('marker')],
  ['a marker in UTF-8', lua("'\\194' .. state")],
  ['a state of the format before this one', lua("cmsgpack.pack('S1s', 5, 1, 1)")],
  ['a state of the format before the marker', lua("cmsgpack.pack('fixed-window 60000 1', 5, 1, 1)")],
  ['a state of a later format', lua("'\\163S3' .. string.sub(state, 4)")],
  ['a value of another kind', lua("'\\163S2z' .. string.sub(state, 5)")],
  ['a state of another strategy', lua("'\\163S2' .. (ARGV[1] == 'f' and 'w' or 'f') .. string.sub(state, 5)")],
  ['a marker and an expiry, and no numbers', lua('string.sub(state, 1, 11)')],
  ['no marker', lua('string.sub(state, 5)')],
  ['a state that is cut off', lua('string.sub(state, 1, -2)')],
  ['a state with a byte behind it', lua("state .. '\\0'")],
  ['a state twice', lua('state .. string.sub(state, 12)')],
  ['far too many bytes', lua("state .. string.rep('\\1', 1500)")],
  ['bytes that are no numbers of ours', lua("marker .. string.rep('\\255', #state - 4)")],
];

const LETTERS: Readonly<Record<string, string>> = {
  'fixed-window': 'f',
  'sliding-window': 'w',
  'sliding-log': 'l',
  'token-bucket': 't',
  gcra: 'g',
  'leaky-bucket': 'b',
};

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
    letter: LETTERS[strategy] ?? '',
    ask: async () => backend.spend([charge(policy, SECRET)]),
  };
}

describe.each(STRATEGIES)('under a key of %s', (strategy) => {
  it.each(GARBAGE)(
    '%s is deleted and reported by the call that finds it, and the next starts a new count',
    async (_, put) => {
      const { backend, policy, events, key, letter, ask } = setUp(strategy);
      for (const find of [ask, async () => backend.peek([charge(policy, SECRET)])]) {
        events.length = 0;
        await redis.client.del(key);
        await put(key, letter);
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

  it.each(GARBAGE)('%s is not changed by settling a receipt', async (_, put) => {
    const { backend, key, letter, ask } = setUp(strategy);
    const { receipt } = await ask();
    await redis.client.del(key);
    await put(key, letter);
    const before = await redis.client.dumpBuffer(key);
    await backend.settle(receipt ?? { at: 0, charges: [] }, [0]);
    expect(await redis.client.dumpBuffer(key)).toEqual(before);
  });
});

describe('garbage', () => {
  it('is handled by onError, and opens no circuit breaker', async () => {
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

  it('under one key of a call takes nothing from its other keys, and does not affect other calls', async () => {
    const [good, bad] = [definePolicy('good', '10/min'), definePolicy('bad', '10/min')];
    const { backend, prefix } = guarded(redis.client, 'local', PATIENT_MS);
    await redis.client.set(`${prefix}:{ada}:${bad.id}`, 'x');
    const calls = [[good], [good, bad], [good], [bad]].map((policies) =>
      backend.spend(policies.map((policy) => charge(policy))),
    );
    const outcomes = await Promise.all(calls);
    expect(outcomes.map(({ degraded }) => degraded)).toEqual([undefined, 'local', undefined, undefined]);
    // The fallback has counted the first call, which Redis admitted.
    expect(outcomes.map(({ decisions }) => decisions[0]?.remaining)).toEqual([9, 8, 8, 9]);
  });

  it('of many megabytes is read only at its start', async () => {
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

  it('does not include values that the user may not read, which are not deleted', async () => {
    const { key, ask } = setUp('fixed-window');
    await ask();
    await redis.client.acl('SETUSER', 'blind', 'on', '>x', '~*', '+@all', '-get');
    const blind = await connect(redis.server, { username: 'blind', password: 'x' });
    const other = new RedisBackend(blind, { prefix: key.slice(0, key.indexOf(':')), timeoutMs: PATIENT_MS });
    const { receipt = { at: 0, charges: [] } } = await ask();
    const before = await redis.client.dumpBuffer(key);
    for (const call of [other.spend(receipt.charges), other.peek(receipt.charges), other.settle(receipt, [0])]) {
      await expect(call).rejects.toMatchObject({ code: 'NOPERM' });
    }
    expect(await redis.client.dumpBuffer(key)).toEqual(before);
    blind.disconnect();
  });
});
