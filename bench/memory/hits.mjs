// A process that measures hits on one hot key, or on 10 000 keys in turn.
import { answer } from '../lib/child.mjs';
import { hitAll } from './hit-all.mjs';
import { limiter } from './limiters.mjs';

const WARM_UP = 100_000;
const BUDGET_MICROS = 3_000_000;

const isBucket = (strategy) => ['token-bucket', 'gcra', 'leaky-bucket'].includes(strategy);

/** Every hit is allowed, and leaves something behind that the next one finds. */
const SPECS = {
  hot: (strategy) => {
    if (strategy === 'sliding-log') return { rate: '10000 per 5 ms' }; // it takes no greater limit
    return isBucket(strategy) ? { rate: '1000000/min', burst: 1_000_000_000 } : { rate: '1000000000/min' };
  },
  // A unit is back after seconds only: a bucket that is full again is forgotten, and its next hit is that of a new
  // subject.
  many: (strategy) => ({ rate: '1000/hour', ...(strategy === 'gcra' && { burst: 1000 }) }),
};

answer({
  async measure({ variant, workload, count }) {
    const keys =
      workload === 'hot' ? ['user:0000001'] : Array.from({ length: 10_000 }, (_, i) => `user:${1_000_000 + i}`);
    const measured = await limiter(variant, { windowMs: 60_000, keys: keys.length, spec: SPECS[workload] });
    await hitAll(measured, keys, WARM_UP, BUDGET_MICROS);
    const { hits, micros } = await hitAll(measured, keys, count, BUDGET_MICROS);
    return { hits, microsAHit: micros / hits };
  },
});
