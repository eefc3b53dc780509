import type { RateLimitPayload } from '../../src/index.js';

/** Returns the default payload for a denied message. */
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
