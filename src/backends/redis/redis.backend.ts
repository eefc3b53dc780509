import { systemClock } from '../../core/clock.js';
import { LeasingBackend } from '../leasing/leasing.backend.js';
import { DENIAL_CACHE_MS, DenialCache, MAX_DENIALS } from '../resilience/denial-cache.js';
import { DenialCacheLayer } from '../resilience/denial-cache.layer.js';
import { RemoteBackend } from '../resilience/remote.backend.js';
import type { RedisClient } from './clients/redis-client.js';
import { assertRedisOptions, DEFAULT_PREFIX, DEFAULT_TIMEOUT_MS, type RedisBackendOptions } from './redis-options.js';
import { RedisStore } from './redis-store.js';

/**
 * Keeps state in Redis (6.2 and later, or Valkey): one budget for any number of processes, decided where the state is,
 * by the server's clock. The client is ioredis's `Redis` (Sentinel included) or `Cluster`. `close` leaves it open.
 * Policies with a `lease` are spent in the process, from units that are taken in batches: see `LeasingBackend`.
 *
 * All methods reject with a BackendError if Redis does not answer within `timeoutMs`, or reports an error. A call that
 * timed out is not charged later.
 *
 * @throws ThrottleConfigError for an invalid client or option
 * @example
 * const redisOptions = { maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false };
 * new RedisBackend(new Redis({ ...redisOptions, enableOfflineQueue: false }));
 * new RedisBackend(new Cluster(nodes, { redisOptions, retryDelayOnFailover: 0 }));
 */
export class RedisBackend extends LeasingBackend {
  constructor(client: RedisClient, options: RedisBackendOptions = {}) {
    assertRedisOptions(client, options);
    const { prefix = DEFAULT_PREFIX, batch = true, clock, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    // A clock given by a test may jump, so denials are then cached only if the test asks for it.
    const { denyMemoryMs = clock === undefined ? DENIAL_CACHE_MS : 0, maxDenials = MAX_DENIALS } = options;
    const denials = new DenialCache(denyMemoryMs, maxDenials, clock ?? systemClock);
    const store = new RedisStore(client, { prefix, batch, clock, replyTimeoutMs: timeoutMs, denials });
    if (options.onEvent !== undefined) store.listen(options.onEvent);
    const remote = new RemoteBackend(store, timeoutMs);
    super(denyMemoryMs === 0 ? remote : new DenialCacheLayer(remote, denials), { timeoutMs, denyMemoryMs, maxDenials });
  }
}
