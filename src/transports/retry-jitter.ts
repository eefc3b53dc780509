import { sharedState } from '../core/copies.js';
import type { Outcome } from '../core/decision.js';
import { waitSeconds } from './wait-seconds.js';

/**
 * How much later than necessary denied clients are asked to retry: a share of the wait, 0 to 1; or an object that also
 * has the source of random numbers, for tests.
 *
 * @example
 * const retryJitter: RetryJitterOption = { share: 0.1, random: () => 0.5 };
 */
export type RetryJitterOption =
  | number
  | {
      readonly share: number;
      /** Returns a number of at least 0 and below 1. Default: `Math.random`. */
      readonly random?: () => number;
    };

/** The announced waits of denied calls in whole seconds, if longer than those of their decisions. */
const delayed = sharedState('announced-waits', () => new WeakMap<Outcome, number>());

/** Returns the announced wait of a denied call: whole seconds, rounded up, at least 1; `null`: never retry. */
export function announcedSeconds(outcome: Outcome): number | null {
  const waitMs = outcome.binding?.retryAfterMs ?? null;
  return waitMs === null ? null : (delayed.get(outcome) ?? waitSeconds(waitMs));
}

/**
 * Spreads the retries of clients that were denied at the same time: adds a random part, up to the share, to each
 * announced wait. Headers, bodies and messages announce the same wait; decisions stay exact.
 */
export class RetryJitter {
  /** @param share the share of the wait, above 0 and at most 1 */
  constructor(
    private readonly share: number,
    private readonly random: () => number = Math.random,
  ) {}

  /** Extends the announced wait of a denial by whole seconds. */
  delay(outcome: Outcome): void {
    const seconds = announcedSeconds(outcome);
    if (seconds === null) return;
    const later = Math.floor(this.random() * this.share * seconds);
    if (later > 0) delayed.set(outcome, seconds + later);
  }
}
