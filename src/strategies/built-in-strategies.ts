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

/** Returns false if no call of a cost ever passes. Of a custom strategy only its `step` can tell, so it returns true. */
export function canGrant({ strategy, burst }: Policy, cost: number): boolean {
  return cost <= burst || !BUILT_IN_STRATEGIES.some(({ name }) => name === strategy);
}

/** What a policy's decisions report, whatever its state is: `limit` and `windowMs`. */
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
