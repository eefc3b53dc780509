import { describe, expect, it } from '@jest/globals';
import type { BackendEvent } from '../../src/backends/backend.js';
import { RedisBackend } from '../../src/backends/redis.backend.js';
import { definePolicy } from '../../src/strategies/define-policy.js';
import { STRATEGIES } from '../contract/policies.js';
import { charge, guarded, SECRET, textOf } from '../support/faults.js';
import { ownRedis } from '../support/own-redis.js';
import { connect } from '../support/redis.js';
import { freshPrefix } from '../support/redis-shared.js';

const redis = ownRedis();

type Put = (key: string, shape: string) => Promise<unknown>;
const text = (make: (shape: string) => string | Buffer): Put => {
  return (key, shape) => redis.client.set(key, make(shape));
};

/** What no script of ours has written, under any strategy. `shape`: how a state of the strategy begins. */
const GARBAGE: readonly (readonly [string, Put])[] = [
  ['a list', (key) => redis.client.rpush(key, 'x')],
  ['a hash', (key) => redis.client.hset(key, 'x', '1')],
  ['a set', (key) => redis.client.sadd(key, 'x')],
  ['a sorted set', (key) => redis.client.zadd(key, 1, 'x')],
  ['a stream', (key) => redis.client.xadd(key, '*', 'x', '1')],
  ['an empty string', text(() => '')],
  ['a number', text(() => '7')],
  ['random bytes', text(() => Buffer.from([0, 255, 195, 40, 10, 13, 0, 128]))],
  ['JSON', text(() => '{"used":1}')],
  ['a header and nothing else', text((shape) => shape)],
  ['a header cut short', text((shape) => shape.slice(0, -1))],
  ['a header in capitals', text((shape) => `${shape.toUpperCase()} 1 1`)],
  ['a header of another strategy and no numbers', text(() => 'other-strategy 1000 1')],
  ['a header of another strategy and no number', text(() => 'other-strategy 1000 1 x 1')],
  ['a negative number', text((shape) => `${shape} -1 1`)],
  ['a fraction', text((shape) => `${shape} 1.5 1`)],
  ['nan', text((shape) => `${shape} nan 1`)],
  ['inf', text((shape) => `${shape} inf 1`)],
  ['1e400', text((shape) => `${shape} 1e400 1`)],
  ['1e3', text((shape) => `${shape} 1e3 1`)],
  ['a hexadecimal number', text((shape) => `${shape} 0x10 1`)],
  ['2^53', text((shape) => `${shape} ${2 ** 53} 1`)],
  ['a number of 400 digits', text((shape) => `${shape} ${'9'.repeat(400)} 1`)],
  ['a number that goes on after a NUL', text((shape) => `${shape} 1\0 1`)],
  ['too few numbers', text((shape) => `${shape} 1`)],
  ['too many numbers', text((shape) => `${shape} ${'1 '.repeat(13)}`)],
];

function setUp(strategy: string) {
  const policy = definePolicy('p', { rate: '10/min', strategy, ...(strategy === 'gcra' && { burst: 10 }) });
  const prefix = freshPrefix();
  const events: BackendEvent[] = [];
  const backend = new RedisBackend(redis.client, { prefix, onEvent: (event) => events.push(event) });
  return {
    backend,
    policy,
    events,
    key: `${prefix}:{${SECRET}}:${policy.id}`,
    ask: async () => backend.spend([charge(policy, SECRET)]),
  };
}

describe.each(STRATEGIES)('under a key of %s', (strategy) => {
  it.each(GARBAGE)(
    '%s is deleted and reported by the call that finds it, and the next starts afresh',
    async (_, put) => {
      const { backend, policy, events, key, ask } = setUp(strategy);
      for (const find of [ask, async () => backend.peek([charge(policy, SECRET)])]) {
        events.length = 0;
        await redis.client.del(key);
        await put(key, policy.shape);
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
    const { backend, policy, key, ask } = setUp(strategy);
    const { receipt } = await ask();
    await redis.client.del(key);
    await put(key, policy.shape);
    const before = await redis.client.dump(key);
    await backend.settle(receipt ?? { at: 0, charges: [] }, [0]);
    expect(await redis.client.dump(key)).toBe(before);
  });

  it('the state of any other is left behind, with an event', async () => {
    for (const other of STRATEGIES.filter((name) => name !== strategy)) {
      const { events, key, ask } = setUp(strategy);
      const was = `${other} 60000 ${other === 'sliding-window' ? 10 : 1}`;
      await redis.client.set(key, `${was} ${other === 'sliding-window' ? '1 '.repeat(12) : '1 1'}`);
      expect(await ask()).toMatchObject({ allowed: true, decisions: [{ remaining: 9 }] });
      expect(events).toEqual([{ type: 'started-afresh', policy: 'p', was }]);
    }
  });
});

describe('garbage', () => {
  it('is answered for by onError, and opens no breaker', async () => {
    const policy = definePolicy('p', '10/min');
    for (const onError of ['local', 'allow', 'deny'] as const) {
      const { backend, prefix, events } = guarded(redis.client, onError);
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
    const { backend, prefix } = guarded(redis.client);
    await redis.client.set(`${prefix}:{ada}:${bad.id}`, 'x');
    const calls = [[good], [good, bad], [good], [bad]].map((policies) =>
      backend.spend(policies.map((policy) => charge(policy))),
    );
    const outcomes = await Promise.all(calls);
    expect(outcomes.map(({ degraded }) => degraded)).toEqual([undefined, 'local', undefined, undefined]);
    expect(outcomes.map(({ decisions }) => decisions[0]?.remaining)).toEqual([9, 9, 8, 9]);
  });

  it('is not what a user may not read: that stays where it is', async () => {
    const { key, ask } = setUp('fixed-window');
    await ask();
    await redis.client.acl('SETUSER', 'blind', 'on', '>x', '~*', '+@all', '-get');
    const blind = await connect(redis.server, { username: 'blind', password: 'x' });
    const other = new RedisBackend(blind, { prefix: key.slice(0, key.indexOf(':')) });
    const { receipt = { at: 0, charges: [] } } = await ask();
    const before = await redis.client.dump(key);
    for (const call of [other.spend(receipt.charges), other.peek(receipt.charges), other.settle(receipt, [0])]) {
      await expect(call).rejects.toMatchObject({ code: expect.stringMatching(/^(?:NOPERM|ERR)$/) });
    }
    expect(await redis.client.dump(key)).toBe(before);
    blind.disconnect();
  });
});
