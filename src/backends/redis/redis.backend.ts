import { LeasingBackend } from '../leasing/leasing.backend.js';
import { DENIAL_CACHE_MS, MAX_DENIALS } from '../resilience/denial-cache.js';
import type { RedisClient } from './clients/redis-client.js';
import { assertRedisOptions, type RedisBackendOptions, TIMEOUT_MS } from './redis-options.js';
import { RedisStore } from './redis-store.js';

/**
 * Keeps state in Redis (6.2 and later, or Valkey): one budget for any number of processes, decided where the state is, by
 * the server's clock. The client is ioredis's `Redis` (Sentinel included) or `Cluster`; it stays open when this closes.
 * Policies with a `lease` are spent in the process, from units that are taken in batches: see `LeasingBackend`.
 *
 * All methods reject with a BackendError when Redis does not answer within `timeoutMs`, or cannot; what timed out is not
 * charged later.
 *
 * @throws ThrottleConfigError for a client or an option that does not fit
 * @example
 * const redisOptions = { maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false };
 * new RedisBackend(new Redis({ ...redisOptions, enableOfflineQueue: false }));
 * new RedisBackend(new Cluster(nodes, { redisOptions, retryDelayOnFailover: 0 }));
 */
export class RedisBackend extends LeasingBackend {
  constructor(client: RedisClient, options: RedisBackendOptions = {}) {
    assertRedisOptions(client, options);
    const { clock, timeoutMs = TIMEOUT_MS, maxDenials = MAX_DENIALS } = options;
    // Where instants are a test's own, what a denial says of later ones is not remembered unless it is asked for.
    const { denyMemoryMs = clock === undefined ? DENIAL_CACHE_MS : 0 } = options;
    const leasing = { timeoutMs, denyMemoryMs, maxDenials };
    super(new RedisStore(client, { ...options, ...leasing }), leasing);
  }
}
