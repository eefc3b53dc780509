import type { CostOf } from '../transports/call.js';

/** The queue of calls that wait for a permit, in each process. */
export interface QueueOptions {
  /** The maximum number of waiting calls per subject, at least 1. Further calls are denied at once. */
  readonly max: number;
  /** Milliseconds after which a call that still waits is denied, at least 1. */
  readonly waitMs: number;
}

/**
 * Options of a concurrency limit: how many calls may run at a time.
 *
 * @example
 * const exports: ConcurrencyOptions = { limit: 2, queue: { max: 10, waitMs: 5000 } };
 */
export interface ConcurrencyOptions {
  /** Permits per subject, at least 1. Independently of it, at most 1000 calls hold permits at a time. */
  readonly limit: number;
  /**
   * Permits that a call holds: a whole number from 1 to `limit`, or a function that returns a whole number of at least
   * 0. Default: 1.
   */
  readonly weight?: number | CostOf;
  /**
   * Milliseconds, from 1 000 to 3 600 000, after which the permits of a crashed process are free again. A running
   * process renews its permits three times in this time. Default: 30 000.
   */
  readonly ttlMs?: number | undefined;
  /**
   * Lets calls wait for a permit, in order of arrival in their process. Default: no queue, a call is denied if no
   * permit is free.
   */
  readonly queue?: QueueOptions | undefined;
  /** The status of a denied request. Default: 429. */
  readonly status?: 429 | 503 | undefined;
}
