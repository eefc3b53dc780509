import { beforeEach, describe, expect, it } from '@jest/globals';
import type { BackendEvent } from '../../../src/backends/backend-events.js';
import { MemoryBackend } from '../../../src/backends/memory/memory.backend.js';
import { RedisBackend } from '../../../src/backends/redis/redis.backend.js';
import { ManualClock } from '../../../src/core/clock.js';
import { definePolicy } from '../../../src/strategies/define-policy.js';
import { strategies } from '../../parity/random-trace.js';
import { PATIENT_MS } from '../../support/redis/faults.js';
import { ownRedis } from '../../support/redis/private-redis.js';
import { freshPrefix } from '../../support/redis/redis-shared.js';
import { START } from '../../support/start-time.js';
import { until } from '../../support/wait-until.js';

const block = { for: '5m', escalate: [1, 2, 4], forgetAfter: '2h' } as const;
const login = definePolicy('login', { rate: '3/min', strategy: 'fixed-window', block });
const rows = definePolicy('rows', { rate: '3/min', strategy: 'fixed-window', block: { for: '5m', after: 3 } });
const ada = [{ policy: login, subject: 'ada', cost: 1 }];
const target = { policy: login, subject: 'ada' };

describe('blocks on Redis', () => {
  const redis = ownRedis();
  let clock: ManualClock;
  let prefix: string;
  let backend: RedisBackend;

  const open = (denyMemoryMs = 0) =>
    new RedisBackend(redis.client, { clock, prefix, timeoutMs: PATIENT_MS, denyMemoryMs });
  const keys = async () => (await redis.client.keys(`${prefix}:*`)).sort();

  beforeEach(() => {
    clock = new ManualClock(START);
    prefix = freshPrefix();
    backend = open();
  });

  it.each(strategies)(
    'write nothing for a blocked call by a policy of %s, so that its wait stays the same',
    async (strategy) => {
      const policy = definePolicy('p', { rate: '3/min', strategy, block });
      const charges = [{ policy, subject: 'ada', cost: 1 }];
      for (let i = 0; i < 4; i++) await backend.spend(charges);
      const [key = ''] = (await keys()).filter((name) => name.includes('{ada}'));
      const before = await redis.client.dumpBuffer(key);
      expect(before?.length).toBeGreaterThan(46);
      const expiry = await redis.client.pexpiretime(key);
      for (let i = 0; i < 3; i++) {
        clock.advance(1000);
        expect((await backend.spend(charges)).binding).toMatchObject({ reason: 'blocked' });
        expect((await backend.peek(charges)).binding).toMatchObject({ reason: 'blocked' });
      }
      expect(await redis.client.dumpBuffer(key)).toEqual(before);
      expect(await redis.client.pexpiretime(key)).toBe(expiry);
    },
  );

  it('are stored with the state under one key, which lives until they are forgotten', async () => {
    for (let i = 0; i < 3; i++) await backend.spend(ada);
    const [key = '', ...others] = await keys();
    expect([key, others]).toEqual([`${prefix}:{ada}:login@app:f60000-b`, []]);
    await backend.spend(ada);
    // The clock that decides may differ from the server's by an hour.
    expect(await redis.client.pttl(key)).toBeGreaterThan(3 * 3_600_000 - 60_000);
    await until(async () => (await keys()).length === 2);
    for (const one of await keys()) expect(await redis.client.pttl(one)).toBeGreaterThan(0);
  });

  it('begin once, even if many calls are denied together', async () => {
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => backend.spend(ada)));
    expect(outcomes.filter(({ allowed }) => allowed)).toHaveLength(3);
    const begun = outcomes.flatMap(({ decisions }) => decisions[0]?.startedBlock ?? []);
    expect(begun).toEqual([{ forMs: 300_000, strikes: 1 }]);
    expect(outcomes.filter(({ binding }) => binding?.reason === 'blocked')).toHaveLength(47);
  });

  it('that a policy begins are listed by every process, until they are over', async () => {
    for (let i = 0; i < 4; i++) await backend.spend(ada);
    const expected = { policy: 'login', subject: 'ada', expiresAt: START + 300_000, strikes: 1 };
    const other = open();
    await until(async () => (await other.blocks?.listBlocks('login', { limit: 10 }))?.entries.length === 1);
    expect(await other.blocks?.listBlocks('login', { limit: 10 })).toEqual({ entries: [expected] });
    clock.advance(300_000);
    expect(await other.blocks?.listBlocks('login', { limit: 10 })).toEqual({ entries: [] });
    expect(await redis.client.zcard(`${prefix}:blocks`)).toBe(0);
  });

  it('are listed for their policy only, with any cursor', async () => {
    await backend.blocks?.setBlock({ policy: login, subject: 'ada' }, 1000);
    await backend.blocks?.setBlock({ policy: rows, subject: 'bob' }, 1000);
    const page = await backend.blocks?.listBlocks('rows', { limit: 10, cursor: 'a' });
    expect(page?.entries.map(({ policy, subject }) => `${policy} ${subject}`)).toEqual(['rows bob']);
  });

  it('leave no names of blocks that are over, even if they are never listed', async () => {
    const names = () => redis.client.zrange(`${prefix}:blocks`, '0', '-1');
    for (const subject of ['ada', 'bob', 'cy', 'dan']) {
      for (let i = 0; i < 4; i++) await backend.spend([{ policy: login, subject, cost: 1 }]);
      await until(async () => JSON.stringify(await names()).includes(subject) && (await names()).length === 1);
      clock.advance(300_000);
    }
  });

  it('call Redis for each denial of a row, and not at all when the block is known', async () => {
    backend = open(1000);
    const charges = [{ policy: rows, subject: 'ada', cost: 1 }];
    for (let i = 0; i < 3; i++) await backend.spend(charges);
    await redis.resetCounts();
    for (let i = 0; i < 2; i++) expect((await backend.spend(charges)).binding).toMatchObject({ reason: 'rate' });
    const [begun, repeated] = [await backend.spend(charges), await backend.spend(charges)];
    expect(begun.binding).toMatchObject({ reason: 'blocked', startedBlock: { strikes: 1 } });
    const { startedBlock: _, ...known } = { ...begun.binding };
    expect(repeated.binding).toEqual(known);
    for (let i = 0; i < 10; i++) await backend.spend(charges);
    // Each run of the script reads the record once. The list of blocks is written by runs of another script.
    expect(await redis.calls('get')).toBe(3);
  });

  it('by hand drop the denials of their subject that are cached', async () => {
    backend = open(1000);
    for (let i = 0; i < 4; i++) await backend.spend(ada);
    await backend.blocks?.setBlock(target, 3_600_000);
    expect((await backend.spend(ada)).binding).toMatchObject({ retryAfterMs: 3_600_000 });
    await backend.blocks?.deleteBlock(target);
    expect((await backend.spend(ada)).binding).toMatchObject({ startedBlock: { forMs: 300_000, strikes: 1 } });
  });

  it('are not read from a foreign value, which is deleted', async () => {
    const events: BackendEvent[] = [];
    backend.listen((event) => events.push(event));
    const key = `${prefix}:{ada}:login@app:f60000-b`;
    const garbage = { name: 'BackendError', code: 'GARBAGE' };
    for (const value of ['x', 'x'.repeat(46), 'x'.repeat(100)]) {
      await redis.client.set(key, value);
      await expect(backend.spend(ada)).rejects.toMatchObject(garbage);
      await redis.client.set(key, value);
      await expect(async () => backend.blocks?.setBlock(target, 1000)).rejects.toMatchObject(garbage);
      expect(await backend.blocks?.getBlock(target)).toBeUndefined();
    }
    await redis.client.rpush(key, 'x');
    expect(await backend.blocks?.getBlock(target)).toBeUndefined();
    await expect(backend.spend(ada)).rejects.toMatchObject(garbage);
    expect(events).toEqual(new Array(7).fill({ type: 'garbage', policies: ['login'] }));
    expect((await backend.spend(ada)).allowed).toBe(true);
  });

  it('decide as in memory, call by call', async () => {
    const memory = new MemoryBackend({ clock });
    for (const [afterMs, cost] of [
      [0, 3],
      [0, 1],
      [299_999, 1],
      [1, 2],
      [0, 2],
      [600_000, 4],
      [0, 3],
      [1, 1],
    ] as const) {
      clock.advance(afterMs);
      const charges = [{ policy: login, subject: 'ada', cost }];
      const { receipt: _, ...expected } = memory.spend(charges);
      expect(await backend.spend(charges)).toMatchObject(expected);
    }
  });

  it('that began while the clock was ahead end at their instant, in memory too, unless they are deleted', async () => {
    const memory = new MemoryBackend({ clock });
    const day = 86_400_000;
    clock.advance(day);
    for (const one of [backend, memory]) {
      for (let i = 0; i < 4; i++) await one.spend(ada);
    }
    clock.advance(-day);
    for (const one of [backend, memory]) {
      const { binding } = await one.spend(ada);
      expect(binding).toMatchObject({ reason: 'blocked', retryAfterMs: day + 300_000 });
      expect(await one.blocks?.getBlock(target)).toMatchObject({ expiresAt: START + day + 300_000 });
      expect(await one.blocks?.deleteBlock(target)).toBe(true);
      // The usage is from more than a period ahead, and is discarded.
      expect((await one.spend(ada)).binding).toMatchObject({ allowed: true, remaining: 2 });
    }
  });

  it('decide as in memory for a log of hundreds of entries, which without blocks is read in parts', async () => {
    const memory = new MemoryBackend({ clock });
    const long = definePolicy('p', { rate: '200/min', strategy: 'sliding-log', block: { for: '5s', after: 2 } });
    for (let i = 0; i < 350; i++) {
      clock.advance(i % 300 === 299 ? 20_000 : 250);
      const charges = [{ policy: long, subject: 'ada', cost: i % 40 === 39 ? 9 : 1 }];
      const { receipt: _, ...expected } = memory.spend(charges);
      expect(await backend.spend(charges)).toMatchObject(expected);
    }
  });
});
