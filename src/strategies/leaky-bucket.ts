import { bucket } from './bucket.js';

/**
 * Leaky bucket as a queue: an admitted call is delayed (`delayMs`) until the units that were in the bucket before it
 * have drained.
 *
 * Promise: calls leave no faster than `limit` per period; at most `burst` units (by default `limit`) are in the bucket.
 * O(1). Source: Turner, "New directions in communications" (1986), in its queueing form.
 */
export const leakyBucket = bucket('leaky-bucket', { isQueue: true });
