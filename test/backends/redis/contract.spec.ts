import { afterAll, beforeAll } from '@jest/globals';
import { RedisBackend } from '../../../src/index.js';
import { freshPrefix, startRedis, type TestRedis } from '../../support/redis/redis-shared.js';
import { scaled } from '../../support/scale.js';
import { backendContract } from '../contract/backend-contract.js';
import { HAS_MODES } from './support/redis-capabilities.js';

let redis: TestRedis;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis.stop());

backendContract(
  'Redis',
  (clock) => new RedisBackend(redis.client, { clock, prefix: freshPrefix(), timeoutMs: 30_000 }),
  { effort: scaled(0.025, 0.1), hasModes: HAS_MODES },
);
