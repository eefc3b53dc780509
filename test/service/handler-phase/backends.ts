import { afterAll, beforeAll } from '@jest/globals';
import { type Backend, MemoryBackend, RedisBackend } from '../../../src/index.js';
import { PATIENT_MS } from '../../support/redis/faults.js';
import { freshPrefix, startRedis, type TestRedis } from '../../support/redis/redis-shared.js';

export const backends = ['memory', 'redis'] as const;
export type BackendName = (typeof backends)[number];

/** Makes backends with nothing in them. The rates of tests are by the hour: the clock of a Redis cannot be moved. */
export function useBackends(): { make(name: BackendName): Backend } {
  let redis: TestRedis | undefined;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis?.stop());
  return {
    make(name) {
      if (name === 'memory') return new MemoryBackend();
      if (redis === undefined) throw new Error('Redis has not been started');
      return new RedisBackend(redis.client, { prefix: freshPrefix(), timeoutMs: PATIENT_MS });
    },
  };
}
