import { afterAll, beforeAll } from '@jest/globals';
import type { Cluster } from 'ioredis';
import { RedisBackend } from '../../../src/index.js';
import { backendContract } from '../../../src/testing/index.js';
import { runCases } from '../../support/contract-cases.js';
import { RedisCluster } from '../../support/redis/redis.js';
import { freshPrefix } from '../../support/redis/redis-shared.js';
import { scaled } from '../../support/scale.js';

let cluster: RedisCluster;
let client: Cluster;

beforeAll(async () => {
  cluster = await RedisCluster.start();
  client = await cluster.connect();
});

afterAll(async () => {
  client?.disconnect();
  await cluster?.[Symbol.asyncDispose]();
});

runCases(
  'the Redis backend on a Cluster',
  backendContract({
    create: (clock) => new RedisBackend(client, { clock, prefix: freshPrefix(), timeoutMs: 30_000 }),
    effort: scaled(0.0125, 0.05),
  }),
);
