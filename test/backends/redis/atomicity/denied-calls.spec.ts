import assert from 'node:assert/strict';
import { describe, expect, it } from '@jest/globals';
import { RedisBackend } from '../../../../src/backends/redis/redis.backend.js';
import { ManualClock } from '../../../../src/core/clock.js';
import type { Charge } from '../../../../src/core/decision.js';
import type { Policy } from '../../../../src/core/policy.js';
import { definePolicy } from '../../../../src/strategies/define-policy.js';
import { type Random, randomFrom, strategies } from '../../../parity/random-trace.js';
import { ownRedis } from '../../../support/redis/private-redis.js';
import { scaled } from '../../../support/scale.js';
import { policyOf, strategyAt } from '../support/random-policy.js';

const PAIRS = scaled(2500, 10_000);
const AT_ONCE = 250;
const START = Date.UTC(2026, 0, 1) + 123_456;

interface Pair {
  readonly policies: readonly Policy[];
  readonly random: Random;
}

function pairOf(i: number): Pair {
  const random = randomFrom(i);
  const [a, b] = [strategyAt(i), strategyAt(Math.floor(i / strategies.length))];
  return { policies: [policyOf(a, `a-${i}`, random), policyOf(b, `b-${i}`, random)], random };
}

/** Asks of one policy of the pair one unit more than is left, of the other what may pass. */
async function askTooMuch(backend: RedisBackend, { policies, random }: Pair): Promise<void> {
  const reads = policies.map((policy) => ({ policy, subject: 'ada', cost: 0 }));
  const { decisions } = await backend.peek(reads);
  const denied = random(2);
  const charges = reads.map((read, i): Charge => {
    const remaining = decisions[i]?.remaining ?? 0;
    return { ...read, cost: i === denied ? remaining + 1 : random(remaining + 1) };
  });
  const call = random(2) === 0 ? charges : charges.toReversed();
  const told = (await backend.spend(call)).decisions.map(({ allowed }) => allowed);
  assert.deepEqual(
    told,
    call.map((charge) => charge !== charges[denied]),
  );
}

describe('a call on several policies that is denied', () => {
  const redis = ownRedis();

  /**
   * Returns the stored values under the policies of a number of pairs: bytes, and the instants at which they expire.
   */
  async function stored(pairs: readonly Pair[]): Promise<readonly string[]> {
    const keys = pairs.flatMap(({ policies }) => policies.map(({ id }) => `sluice:{ada}:${id}`));
    const [texts, expiries] = await Promise.all([
      redis.client.mgetBuffer(keys),
      Promise.all(keys.map((key) => redis.client.call('PEXPIRETIME', key))),
    ]);
    return pairs.map((_, i) =>
      JSON.stringify([0, 1].map((n) => [texts[2 * i + n]?.toString('base64'), expiries[2 * i + n]])),
    );
  }

  it(`leaves all keys unchanged to the byte, in each of ${PAIRS} random pairs`, async () => {
    const clock = new ManualClock(START);
    const backend = new RedisBackend(redis.client, { clock, timeoutMs: 30_000 });
    const kinds = new Map<string, number>();
    for (let first = 0; first < PAIRS; first += AT_ONCE) {
      const pairs = Array.from({ length: AT_ONCE }, (_, n) => pairOf(first + n));
      for (const afterMs of [0, 1, 999, 60_000]) {
        clock.advance(afterMs);
        const charged = pairs.flatMap(({ policies, random }) => policies.filter(() => random(4) === 0));
        await Promise.all(
          charged.map((policy) => backend.spend([{ policy, subject: 'ada', cost: 1 + (policy.limit >> 1) }])),
        );
      }
      const before = await stored(pairs);
      await Promise.all(pairs.map((pair) => askTooMuch(backend, pair)));
      assert.deepEqual(await stored(pairs), before);
      for (const kind of before.map((told) =>
        told.replace(/null,-2|"[^"]+",\d+/g, (what) => (what[0] === 'n' ? '-' : '+')),
      )) {
        kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      }
    }
    expect([...kinds.keys()].sort()).toEqual(['[[+],[+]]', '[[+],[-]]', '[[-],[+]]', '[[-],[-]]']);
    for (const times of kinds.values()) expect(times).toBeGreaterThan(PAIRS / 20);
  });

  it('leaves 99 policies unchanged if the last of a hundred denies it', async () => {
    const backend = new RedisBackend(redis.client, {
      clock: new ManualClock(START),
      timeoutMs: 30_000,
      prefix: 'many',
    });
    const charges = Array.from({ length: 100 }, (_, i) => {
      const strategy = strategyAt(i);
      const policy = definePolicy(`p${i}`, { rate: '10/h', strategy, ...(strategy === 'gcra' && { burst: 10 }) });
      return { policy, subject: 'ada', cost: 4 };
    });
    const bytes = async () =>
      Promise.all((await redis.client.keys('many:*')).sort().map((key) => redis.client.getBuffer(key)));
    await backend.spend(charges);
    const before = await bytes();
    const asked = charges.map((charge, i) => ({ ...charge, cost: i === 99 ? 7 : 6 }));
    expect((await backend.spend(asked)).decisions.map(({ allowed }) => allowed)).toEqual(asked.map((_, i) => i !== 99));
    expect(before.length).toBe(100);
    expect(await bytes()).toEqual(before);
  });
});
