import { afterAll, beforeAll } from '@jest/globals';
import type { Cluster } from 'ioredis';
import { RedisBackend } from '../../../src/backends/redis/redis.backend.js';
import type { ManualClock } from '../../../src/core/clock.js';
import { backendContract } from '../../../src/testing/index.js';
import { runCases } from '../../support/contract-cases.js';
import { RedisCluster } from '../../support/redis/redis.js';
import { freshPrefix } from '../../support/redis/redis-shared.js';
import { scaled } from '../../support/scale.js';
import { ownErrors } from '../own-errors.js';

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

const create = (clock: ManualClock) => new RedisBackend(client, { clock, prefix: freshPrefix(), timeoutMs: 30_000 });

runCases(
  'the Redis backend on a Cluster',
  backendContract({
    create,
    effort: scaled(0.0125, 0.05),
  }),
);

ownErrors('the Redis backend on a Cluster', create);
