import type { RateLimitPayload } from '../../src/index.js';

/** What a client is told of a denied message, unless told otherwise. */
export function limited(more: Partial<RateLimitPayload> = {}): RateLimitPayload {
  return {
    type: 'rate_limit',
    error: 'Too many messages',
    retry_after: 60,
    policy: 'default',
    limit: 2,
    remaining: 0,
    reason: 'rate',
    ...more,
  };
}
