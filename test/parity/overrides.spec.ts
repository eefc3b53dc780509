import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MemoryBackend } from '../../src/backends/memory/memory.backend.js';
import { RedisBackend } from '../../src/backends/redis/redis.backend.js';
import type { StoredRate } from '../../src/backends/settings-store.js';
import { ManualClock } from '../../src/core/clock.js';
import type { Charge, ChargeMode, Outcome } from '../../src/core/decision.js';
import type { Policy } from '../../src/core/policy.js';
import { PATIENT_MS } from '../support/redis/faults.js';
import { freshPrefix, startRedis, type TestRedis } from '../support/redis/redis-shared.js';
import { scaled } from '../support/scale.js';
import { randomCost, randomFrom, randomMove, randomPolicy, strategies } from './random-trace.js';

const SUBJECTS = ['ada', 'bob', 'org:1', 'org:2'] as const;
const MODES: readonly (ChargeMode | undefined)[] = [undefined, undefined, undefined, 'monitor', 'record'];
const STEPS = 120;

const rateOf = ({ strategy, limit, periodMs, burst, segments }: Policy): StoredRate => ({
  strategy,
  limit,
  periodMs,
  burst,
  segments,
});

describe('overrides, set and deleted at random between charges', () => {
  let redis: TestRedis;

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(() => redis.stop());

  it.each(strategies)('are in force alike in memory and in Redis: %s', async (strategy) => {
    for (let seed = 0; seed < scaled(6, 60); seed++) {
      const random = randomFrom(seed);
      const pick = <T>(items: readonly T[]): T => items[random(items.length)] as T;
      const clock = new ManualClock(1_760_000_000_000 + random(1_000_000));
      const memory = new MemoryBackend({ clock });
      const backend = new RedisBackend(redis.client, { clock, prefix: freshPrefix(), timeoutMs: PATIENT_MS });
      const policies = ['p', 'q'].map((name) => randomPolicy(strategy, name, random));
      // A few rates, so that some of them come again, and have the period of their policy.
      const rates = policies.flatMap((policy) => [
        { ...rateOf(policy), limit: policy.limit + 1, burst: policy.burst + 1 },
        rateOf(randomPolicy(strategy, 'r', random)),
      ]);
      const outcomes: (readonly [Outcome, Outcome])[] = [];

      const charges = (): readonly Charge[] => {
        const list: Charge[] = [];
        for (const policy of policies) {
          if (random(4) === 0) continue;
          const mode = pick(MODES);
          const subject = pick(['ada', 'bob']);
          const overriddenBy = pick([[subject], [subject, 'org:1'], ['org:1', 'org:2'], []]);
          const isUnlimited = random(8) === 0;
          const cost = randomCost(policy, random);
          list.push({
            ...{ policy, subject, cost, overriddenBy },
            ...(mode && { mode }),
            ...(isUnlimited && { unlimited: true as const }),
          });
        }
        return list;
      };

      for (let step = 0; step < STEPS; step++) {
        clock.advance(Math.max(0, randomMove(pick(policies), random)));
        const kind = random(10);
        const target = { policy: pick(['p', 'q']), subject: pick(SUBJECTS) };
        if (kind === 0) {
          const rate = random(5) === 0 ? 'unlimited' : pick(rates);
          const expiry = random(3) === 0 ? { expiresInMs: 1 + random(100_000) } : {};
          const stored = [memory, backend].map((one) => one.settings?.setOverride({ ...target, rate, ...expiry }));
          expect(await stored[1]).toEqual(await stored[0]);
        } else if (kind === 1) {
          const isDeleted = [memory, backend].map((one) => one.settings?.deleteOverride(target));
          expect(await isDeleted[1]).toBe(await isDeleted[0]);
        } else if (kind === 2 && outcomes.length > 0) {
          const [ours, theirs] = pick(outcomes);
          if (ours.receipt === undefined || theirs.receipt === undefined) continue;
          const costs = ours.receipt.charges.map(({ cost }) => random(cost + 3));
          memory.settle(ours.receipt, costs);
          await backend.settle(theirs.receipt, costs);
        } else if (kind === 3 && random(4) === 0) {
          const targets = [{ policy: pick(policies), subject: target.subject }];
          memory.reset(targets);
          await backend.reset(targets);
        } else {
          const asked = charges();
          if (asked.length === 0) continue;
          const mode = random(4) === 0 ? 'peek' : 'spend';
          const ours = memory[mode](asked);
          const theirs = await backend[mode](asked);
          expect({ seed, step, ...theirs }).toEqual({ seed, step, ...ours });
          outcomes.push([ours, theirs]);
        }
      }
      await memory.close();
      await backend.close();
    }
  });
});
