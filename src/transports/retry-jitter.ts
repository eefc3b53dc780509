import { sharedState } from '../core/copies.js';
import type { Outcome } from '../core/decision.js';
import { waitSeconds } from './wait-seconds.js';

/**
 * How much later than their limits allow denied clients are told to retry: a share of the wait, 0 to 1; or the same with the source of
 * chance, for tests.
 *
 * @example
 * const retryJitter: RetryJitterOption = { share: 0.1, random: () => 0.5 };
 */
export type RetryJitterOption =
  | number
  | {
      readonly share: number;
      /** Returns a number from 0 up to 1, not included. Default: `Math.random`. */
      readonly random?: () => number;
    };

/** Whole seconds that clients of denied calls are told to wait, where these are more than their decisions say. */
const delayed = sharedState('announced-waits', () => new WeakMap<Outcome, number>());

/** Returns the whole seconds after which the client of a denied call is told to retry, rounded up, at least 1; `null`: never. */
export function announcedSeconds(outcome: Outcome): number | null {
  const waitMs = outcome.binding?.retryAfterMs ?? null;
  return waitMs === null ? null : (delayed.get(outcome) ?? waitSeconds(waitMs));
}

/**
 * Spreads the retries of clients that were denied at once: each is told to wait up to a share of its wait longer, never shorter, and in
 * all places the same. Decisions stay exact.
 */
export class RetryJitter {
  /** @param share of the wait, above 0 and at most 1 */
  constructor(
    private readonly share: number,
    private readonly random: () => number = Math.random,
  ) {}

  /** Makes the announced wait of a denial longer, by whole seconds. */
  delay(outcome: Outcome): void {
    const seconds = announcedSeconds(outcome);
    if (seconds === null) return;
    const later = Math.floor(this.random() * this.share * seconds);
    if (later > 0) delayed.set(outcome, seconds + later);
  }
}
