import { beforeEach, describe, expect, it } from '@jest/globals';
import { RedisBackend } from '../../../../src/backends/redis/redis.backend.js';
import type { RedisBackendOptions } from '../../../../src/backends/redis/redis-options.js';
import { ManualClock } from '../../../../src/core/clock.js';
import type { Charge, Outcome } from '../../../../src/core/decision.js';
import { definePolicy } from '../../../../src/strategies/define-policy.js';
import { ownRedis } from '../../../support/redis/private-redis.js';
import { freshPrefix } from '../../../support/redis/redis-shared.js';
import { stateUnder } from '../../../support/redis/state-decoder.js';

const NOON = Date.UTC(2026, 0, 1, 12);
const leased = definePolicy('leased', { rate: '100/h', strategy: 'fixed-window', lease: { batch: 10 } });
const plain = definePolicy('plain', { rate: '5/h', strategy: 'fixed-window' });
const second = definePolicy('second', { rate: '50/h', strategy: 'fixed-window', lease: { batch: 5 } });

const of = (...asked: readonly (readonly [typeof leased, number])[]): Charge[] =>
  asked.map(([policy, cost]) => ({ policy, subject: 'ada', cost }));
const told = ({ allowed, decisions }: Outcome) => [
  allowed,
  ...decisions.map(({ policy, allowed, remaining, retryAfterMs }) => [policy, allowed, remaining, retryAfterMs]),
];

describe('a call with leased and other policies', () => {
  const redis = ownRedis();
  let clock: ManualClock;
  let prefix: string;
  let backend: RedisBackend;

  const open = (more: RedisBackendOptions = {}) =>
    new RedisBackend(redis.client, { clock, prefix, timeoutMs: 30_000, ...more });
  const used = async (id: string) =>
    (await stateUnder(redis.client, `${prefix}:{ada}:${id}@app:f3600000`))?.numbers.at(-1) ?? 0;

  beforeEach(() => {
    clock = new ManualClock(NOON);
    prefix = freshPrefix();
    backend = open();
  });

  it('takes from all of them in order, and marks the leased decisions as approximate', async () => {
    const outcome = await backend.spend(of([leased, 2], [plain, 1], [second, 3]));
    expect(told(outcome)).toEqual([true, ['leased', true, 98, 0], ['plain', true, 4, 0], ['second', true, 47, 0]]);
    expect(outcome.decisions.map(({ approximate }) => approximate)).toEqual([true, undefined, true]);
    expect(outcome.binding).toBe(outcome.decisions[1]);
    expect(await Promise.all(['leased', 'plain', 'second'].map(used))).toEqual([10, 1, 5]);
  });

  it('takes nothing if an unleased policy denies, and reports the others as at a cost of 0', async () => {
    await backend.spend(of([leased, 1], [plain, 4]));
    const denied = await backend.spend(of([leased, 2], [plain, 2], [second, 1]));
    expect(told(denied)).toEqual([
      false,
      ['leased', true, 99, 0],
      ['plain', false, 1, 3_600_000],
      ['second', true, 50, 0],
    ]);
    expect(denied.receipt).toBeUndefined();
    expect(told(await backend.spend(of([leased, 0], [second, 0])))).toEqual([
      true,
      ['leased', true, 99, 0],
      ['second', true, 50, 0],
    ]);
    expect(await used('plain')).toBe(4);
  });

  it('takes nothing if a leased policy denies, and costs no round trip when it is repeated', async () => {
    backend = open({ denyMemoryMs: 1000 });
    await backend.spend(of([leased, 100]));
    const denied = await backend.spend(of([plain, 2], [leased, 1]));
    expect(told(denied)).toEqual([false, ['plain', true, 5, 0], ['leased', false, 0, 3_600_000]]);
    expect(await used('plain')).toBe(0);
    await redis.resetCounts();
    clock.advance(10);
    const again = await backend.spend(of([plain, 2], [leased, 1]));
    expect(told(again)).toEqual([false, ['plain', true, 5, 0], ['leased', false, 0, 3_599_990]]);
    expect(await redis.calls('evalsha')).toBe(0);
  });

  it('calls Redis again if the denial cache is off', async () => {
    backend = open({ denyMemoryMs: 0 });
    await backend.spend(of([leased, 100]));
    const denied = await backend.spend(of([plain, 2], [leased, 1]));
    await redis.resetCounts();
    expect(await backend.spend(of([plain, 2], [leased, 1]))).toEqual(denied);
    // A peek at the cost, which would be allowed, and therefore one at a cost of 0.
    expect(await redis.calls('evalsha')).toBe(2);
  });

  it('takes nothing if a second leased policy denies', async () => {
    await backend.spend(of([second, 50]));
    await backend.spend(of([leased, 1]));
    expect(told(await backend.spend(of([leased, 3], [second, 1])))).toEqual([
      false,
      ['leased', true, 99, 0],
      ['second', false, 0, 3_600_000],
    ]);
    expect(told(await backend.spend(of([leased, 9])))).toEqual([true, ['leased', true, 90, 0]]);
  });

  it('adds up charges on one key and decides on their sum', async () => {
    expect(told(await backend.spend(of([leased, 30], [leased, 20])))).toEqual([
      true,
      ['leased', true, 70, 0],
      ['leased', true, 50, 0],
    ]);
    expect(told(await backend.spend(of([leased, 30], [leased, 30])))).toEqual([
      false,
      ['leased', true, 50, 0],
      ['leased', false, 50, 3_600_000],
    ]);
    expect(told(await backend.spend(of([leased, 60], [leased, 60])))[2]).toEqual(['leased', false, 50, null]);
    expect(told(await backend.spend(of([leased, 50])))).toEqual([true, ['leased', true, 0, 0]]);
  });

  it('has the same outcome in peek as in spend', async () => {
    await backend.spend(of([leased, 4], [plain, 4]));
    for (const charges of [
      of([leased, 1], [plain, 1]),
      of([leased, 1], [plain, 2]),
      of([leased, 101], [plain, 1]),
      of([leased, 97], [plain, 1]),
      of([plain, 2], [leased, 97]),
    ]) {
      const peeked = await backend.peek(charges);
      expect(await used('plain')).toBe(4);
      const { receipt, ...spent } = await backend.spend(charges);
      expect(peeked).toEqual(spent);
      if (receipt !== undefined)
        await backend.settle(
          receipt,
          charges.map(() => 0),
        );
    }
  });

  it('is settled charge by charge, in the lease or in Redis', async () => {
    const { receipt } = await backend.spend(of([leased, 8], [plain, 3], [second, 5]));
    if (receipt === undefined) throw new Error('Expected a receipt');
    await backend.settle(receipt, [1, 2, 0]);
    expect(await Promise.all(['leased', 'plain', 'second'].map(used))).toEqual([10, 2, 5]);
    expect(told(await backend.peek(of([leased, 0], [plain, 0], [second, 0])))).toEqual([
      true,
      ['leased', true, 99, 0],
      ['plain', true, 3, 0],
      ['second', true, 50, 0],
    ]);
    await expect(backend.settle(receipt, [9, -3, 5])).rejects.toThrow(
      new RangeError('settle: expected a cost of "plain" that is a safe integer of at least 0, got -3 (number)'),
    );
  });

  it('has a receipt with the instant of each charge', async () => {
    await backend.spend(of([leased, 1]));
    clock.advance(1000);
    const { receipt } = await backend.spend(of([leased, 1], [plain, 1]));
    expect(receipt).toEqual({
      at: NOON + 1000,
      instants: [NOON, NOON + 1000],
      charges: of([leased, 1], [plain, 1]),
    });
  });

  it('drops cached denials when it is settled or reset', async () => {
    const { receipt } = await backend.spend(of([leased, 100]));
    expect((await backend.spend(of([plain, 1], [leased, 1]))).allowed).toBe(false);
    if (receipt === undefined) throw new Error('Expected a receipt');
    await backend.settle(receipt, [99]);
    expect((await backend.spend(of([plain, 1], [leased, 1]))).allowed).toBe(true);
    expect((await backend.spend(of([plain, 1], [leased, 1]))).allowed).toBe(false);
    await backend.reset(of([leased, 1]));
    expect((await backend.spend(of([plain, 1], [leased, 1]))).allowed).toBe(true);
  });

  it('puts leased units back if the other policies cannot be decided', async () => {
    await backend.spend(of([leased, 1]));
    await redis.client.set(`${prefix}:{ada}:${plain.id}`, 'something else');
    await expect(backend.spend(of([leased, 5], [plain, 1]))).rejects.toMatchObject({ code: 'GARBAGE' });
    expect(told(await backend.spend(of([leased, 9])))).toEqual([true, ['leased', true, 90, 0]]);
    expect(await used('leased')).toBe(10);
  });
});
