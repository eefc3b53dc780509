import type { CostOf } from '../transports/call.js';

/** Calls that wait for a permit, in one process. */
export interface QueueOptions {
  /** Calls of a subject that wait at most, at least 1. The next one is denied at once. */
  readonly max: number;
  /** Milliseconds after which a call that still waits is denied, at least 1. */
  readonly waitMs: number;
}

/**
 * How many calls may run at a time.
 *
 * @example
 * const exports: ConcurrencyOptions = { limit: 2, queue: { max: 10, waitMs: 5000 } };
 */
export interface ConcurrencyOptions {
  /** Permits of a subject, at least 1. At most 1000 calls hold one at a time, whatever the limit. */
  readonly limit: number;
  /** Permits that a call holds: a whole number from 1 to `limit`, or a function that returns one, at least 0. Default: 1. */
  readonly weight?: number | CostOf;
  /**
   * Milliseconds, from 1 000 to 3 600 000, after which the permits of a process that has crashed are free again. While a process lives
   * it extends its permits three times in this time. Default: 30 000.
   */
  readonly ttlMs?: number | undefined;
  /** Lets calls wait for a permit, in order of arrival in their process. Default: a call that finds none is denied. */
  readonly queue?: QueueOptions | undefined;
  /** The status of a denied request. Default: 429. */
  readonly status?: 429 | 503 | undefined;
}
