import { describe, expect, it } from '@jest/globals';
import { MemoryBackend } from '../../../src/backends/memory/memory.backend.js';
import { RedisBackend } from '../../../src/backends/redis/redis.backend.js';
import { ManualClock } from '../../../src/core/clock.js';
import type { Charge, ChargeMode } from '../../../src/core/decision.js';
import { ThrottleConfigError } from '../../../src/core/errors.js';
import { definePolicy } from '../../../src/strategies/define-policy.js';
import { defineStrategy } from '../../../src/strategies/strategy.js';
import { anchoredWindow } from '../../support/custom-strategy.js';
import { givenWindow } from '../../support/given-window.js';
import { PATIENT_MS } from '../../support/redis/faults.js';
import { ownRedis } from '../../support/redis/private-redis.js';
import { freshPrefix } from '../../support/redis/redis-shared.js';

const START = Date.UTC(2026, 0, 1) + 250;

/** Counts for ever, and gives nothing back. */
const forgetful = defineStrategy({
  ...anchoredWindow,
  name: 'forgetful',
  amend: (state) => state,
  lua: `return {
    step = function(state, now, policy, cost)
      local after = (state[1] or 0) + cost
      return cost > 0 and { after } or state, {
        allowed = true, limit = policy.limit, remaining = policy.limit - after, reset_ms = 1000,
        retry_after_ms = 0, delay_ms = 0, window_ms = 1000,
      }
    end,
    amend = function(state) return state end,
  }`,
});

describe('custom strategies on Redis', () => {
  const redis = ownRedis();

  it('get the arguments of each charge, for decisions and settlements, as in memory', async () => {
    const policy = definePolicy('p', { rate: '10/h', strategy: givenWindow });
    const clock = new ManualClock(START);
    const memory = new MemoryBackend({ clock });
    const backend = new RedisBackend(redis.client, { clock, prefix: freshPrefix(), timeoutMs: PATIENT_MS });
    for (const one of [memory, backend]) one.use([givenWindow]);
    const [first, second] = [
      [START, START + 700],
      [START + 700, START + 1900],
    ];
    const ask = (cost: number, args: readonly number[] = [], more: Partial<Charge> = {}): readonly Charge[] => [
      { policy, subject: 'ada', cost, arguments: args, ...more },
    ];
    const both = async (charges: readonly Charge[]) => {
      const [expected, found] = [memory.spend(charges), await backend.spend(charges)];
      expect(found).toEqual(expected);
      return { expected, found };
    };
    const { expected, found } = await both(ask(4, first));
    await both(ask(3, first));
    await both(ask(4, first));
    for (const [one, { receipt }] of [
      [memory, expected],
      [backend, found],
    ] as const) {
      if (receipt !== undefined) await one.settle(receipt, [6]);
    }
    await both(ask(1, first));
    await both(ask(1, first));
    await both(ask(12, first, { mode: 'record' }));
    clock.advance(700);
    await both([...ask(4, second), ...ask(1, second, { mode: 'monitor' }), ...ask(9, second, { mode: 'monitor' })]);
    // Charges that differ in their arguments alone, in one batch.
    const calls = [first, first, second, second, first].map((args) => ask(1, args));
    const together = await Promise.all(calls.map((charges) => backend.spend(charges)));
    expect(together).toEqual(calls.map((charges) => memory.spend(charges)));
    await expect(backend.spend(ask(1, [1]))).rejects.toThrow(
      'a charge of "p": the strategy "given-window" needs 2 `arguments`, got 1',
    );
    await memory.close();
  });

  it('that do not record fail a recorded charge, since it would not count, and no other call', async () => {
    const backend = new RedisBackend(redis.client, { prefix: freshPrefix(), timeoutMs: PATIENT_MS });
    backend.use([forgetful]);
    const own = definePolicy('own', { rate: '10/h', strategy: forgetful });
    const charge = (cost: number, mode: ChargeMode): readonly Charge[] => [{ policy: own, subject: 'ada', cost, mode }];
    await backend.peek([{ policy: own, subject: 'ada', cost: 0 }]);
    const [before, failed, after, free] = await Promise.allSettled([
      backend.spend(charge(1, 'enforce')),
      backend.spend(charge(1, 'record')),
      backend.spend(charge(1, 'enforce')),
      backend.spend(charge(0, 'record')),
    ]);
    expect(failed).toMatchObject({ status: 'rejected', reason: expect.any(ThrottleConfigError) });
    expect(failed).toMatchObject({ reason: { message: expect.stringContaining('does not record a charge') } });
    const left = [before, after, free].map((one) => one.status === 'fulfilled' && one.value.binding?.remaining);
    expect(left).toEqual([9, 8, 8]);
  });
});
