import { afterAll, beforeAll } from '@jest/globals';
import { RedisBackend } from '../../../src/index.js';
import { freshPrefix, startRedis, type TestRedis } from '../../support/redis/redis-shared.js';
import { backendContract } from '../contract/backend-contract.js';

let redis: TestRedis;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis.stop());

backendContract('Redis', (clock) => new RedisBackend(redis.client, { clock, prefix: freshPrefix(), timeoutMs: 5000 }), {
  effort: 0.1,
});
