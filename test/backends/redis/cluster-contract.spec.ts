import { afterAll, beforeAll } from '@jest/globals';
import type { Cluster } from 'ioredis';
import { RedisBackend } from '../../../src/index.js';
import { RedisCluster } from '../../support/redis/redis.js';
import { freshPrefix } from '../../support/redis/redis-shared.js';
import { backendContract } from '../contract/backend-contract.js';

let cluster: RedisCluster;
let client: Cluster;

beforeAll(async () => {
  cluster = await RedisCluster.start();
  client = await cluster.connect();
}, 60_000);

afterAll(async () => {
  client?.disconnect();
  await cluster?.[Symbol.asyncDispose]();
});

backendContract(
  'Redis Cluster',
  (clock) => new RedisBackend(client, { clock, prefix: freshPrefix(), timeoutMs: 5000 }),
  {
    effort: 0.05,
  },
);
