import { afterAll, beforeAll } from '@jest/globals';
import { RedisBackend } from '../../../src/backends/redis/redis.backend.js';
import type { ManualClock } from '../../../src/core/clock.js';
import { backendContract } from '../../../src/testing/index.js';
import { runCases } from '../../support/contract-cases.js';
import { freshPrefix, startRedis, type TestRedis } from '../../support/redis/redis-shared.js';
import { scaled } from '../../support/scale.js';
import { ownErrors } from '../own-errors.js';

let redis: TestRedis;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis.stop());

const create = (clock: ManualClock) =>
  new RedisBackend(redis.client, { clock, prefix: freshPrefix(), timeoutMs: 30_000 });

runCases(
  'the Redis backend',
  backendContract({
    create,
    effort: scaled(0.025, 0.1),
  }),
);

ownErrors('the Redis backend', create);
