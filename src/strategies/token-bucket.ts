import { bucket } from './bucket.js';

/**
 * Token bucket: holds `burst` units (by default `limit`) and refills at `limit` per period.
 *
 * Promise: at most burst + limit x T / period in any interval T. O(1).
 * Source: Partridge, "Gigabit Networking" (1994), 12.4; RFC 2697 uses it as a meter.
 */
export const tokenBucket = bucket('token-bucket', { isQueue: false });
