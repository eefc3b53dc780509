import { afterAll, beforeAll } from '@jest/globals';
import type { Cluster } from 'ioredis';
import { RedisBackend } from '../../../src/index.js';
import { RedisCluster } from '../../support/redis/redis.js';
import { freshPrefix } from '../../support/redis/redis-shared.js';
import { scaled } from '../../support/scale.js';
import { backendContract } from '../contract/backend-contract.js';
import { HAS_MODES } from './support/redis-capabilities.js';

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

backendContract(
  'Redis Cluster',
  (clock) => new RedisBackend(client, { clock, prefix: freshPrefix(), timeoutMs: 30_000 }),
  { effort: scaled(0.0125, 0.05), hasModes: HAS_MODES },
);
