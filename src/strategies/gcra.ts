import { bucket } from './bucket.js';

/**
 * Generic cell rate algorithm: the token bucket with a burst of 1 by default, so that calls are spaced evenly.
 *
 * Promise: at most burst + limit x T / period in any interval T. O(1).
 * Source: ITU-T I.371, annex A. The deficit is the theoretical arrival time minus now, in other units.
 */
export const gcra = bucket('gcra', { isQueue: false });
