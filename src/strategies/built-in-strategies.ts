import type { Policy } from '../core/policy.js';
import { bucketWindowMs } from './bucket.js';
import { calendar } from './calendar/calendar.js';
import { fixedWindow } from './fixed-window.js';
import { gcra } from './gcra.js';
import { leakyBucket } from './leaky-bucket.js';
import { slidingLog } from './sliding-log.js';
import { slidingWindow } from './sliding-window.js';
import type { Strategy } from './strategy.js';
import { tokenBucket } from './token-bucket.js';

/** The strategies of the package. The first is the default. */
export const BUILT_IN_STRATEGIES: readonly Strategy[] = [
  slidingWindow,
  fixedWindow,
  slidingLog,
  tokenBucket,
  gcra,
  leakyBucket,
  calendar,
];

/** The name of a strategy of the package. */
export type BuiltinStrategy =
  | 'sliding-window'
  | 'fixed-window'
  | 'sliding-log'
  | 'token-bucket'
  | 'gcra'
  | 'leaky-bucket'
  | 'calendar';

/**
 * Returns false if a call of this cost can never pass. Returns true for a custom strategy, because only its `step`
 * knows.
 */
export function canGrant({ strategy, burst }: Pick<Policy, 'strategy' | 'burst'>, cost: number): boolean {
  return cost <= burst || !BUILT_IN_STRATEGIES.some(({ name }) => name === strategy);
}

/** The members of a policy's decisions that do not depend on the state: `limit` and `windowMs`. */
export interface Quota {
  readonly limit: number;
  readonly windowMs: number;
}

const BUCKETS: ReadonlySet<string> = new Set([tokenBucket, gcra, leakyBucket].map(({ name }) => name));

/** Returns the quota of a policy of a built-in strategy. */
export function quotaOf(policy: Policy): Quota {
  const { strategy, limit, periodMs, burst } = policy;
  return BUCKETS.has(strategy) ? { limit: burst, windowMs: bucketWindowMs(policy) } : { limit, windowMs: periodMs };
}
