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
];

/** The name of a strategy of the package. */
export type BuiltinStrategy =
  | 'sliding-window'
  | 'fixed-window'
  | 'sliding-log'
  | 'token-bucket'
  | 'gcra'
  | 'leaky-bucket';
