import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startRedis, type TestRedis } from '../support/redis/redis-shared.js';
import { scaled } from '../support/scale.js';
import { compare } from './compare.js';
import type { StrategyName } from './random-trace.js';

/** More steps by PARITY_STEPS; those of an earlier run by PARITY_SEED. */
const STEPS = Number(process.env.PARITY_STEPS ?? scaled(5000, 50_000));
const SEED = Number(process.env.PARITY_SEED ?? Date.now() % 1_000_000);
const STEPS_A_TRACE = 250;
const AT_ONCE = 50;

/** Random traces of a strategy, in memory and in Redis. Each strategy has a file, so that they run in parallel. */
export function parity(strategy: StrategyName): void {
  describe('memory and Redis', () => {
    let redis: TestRedis;

    beforeAll(async () => {
      redis = await startRedis();
    });

    afterAll(() => redis.stop());

    it(
      `decide alike to the byte over ${STEPS} random steps of ${strategy}`,
      async () => {
        for (let done = 0; done < STEPS; done += STEPS_A_TRACE * AT_ONCE) {
          const traces = Math.min(AT_ONCE, Math.ceil((STEPS - done) / STEPS_A_TRACE));
          const seeds = Array.from({ length: traces }, (_, i) => SEED + done + i);
          const differences = await Promise.all(
            seeds.map((seed) => compare(strategy, seed, STEPS_A_TRACE, redis.client)),
          );
          expect(differences.find((difference) => difference !== null)).toBeUndefined();
        }
      },
      120_000 + STEPS,
    );
  });
}
