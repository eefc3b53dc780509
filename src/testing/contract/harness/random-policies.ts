import type { Policy } from '../../../core/policy.js';
import { BUILT_IN_STRATEGIES, type BuiltinStrategy } from '../../../strategies/built-in-strategies.js';
import { definePolicy } from '../../../strategies/define-policy.js';
import type { Strategy } from '../../../strategies/strategy.js';
import type { RandomSource } from './random.js';

/** The names of the built-in strategies. */
export const STRATEGIES: readonly BuiltinStrategy[] = [
  'sliding-window',
  'fixed-window',
  'sliding-log',
  'token-bucket',
  'gcra',
  'leaky-bucket',
];
const BUCKETS: readonly BuiltinStrategy[] = ['token-bucket', 'gcra', 'leaky-bucket'];
const MONTH_MS = 30 * 86_400_000;

/** Returns the built-in strategy with a name. */
export function builtInStrategy(wanted: string): Strategy {
  const found = BUILT_IN_STRATEGIES.find(({ name }) => name === wanted);
  if (found === undefined) throw new RangeError(`there is no strategy "${wanted}"`);
  return found;
}

/** Returns a policy of 10 units a second of any built-in strategy. All units may be taken at once. */
export function tenPerSecond(name: string, strategy: BuiltinStrategy, limit = 10, period = 's'): Policy {
  return definePolicy(name, {
    rate: `${limit}/${period}`,
    strategy,
    ...(strategy === 'gcra' ? { burst: limit } : {}),
  });
}

/** Returns a limit: mostly a small one, which is reached, sometimes up to `most`. */
export function randomLimit(random: RandomSource, most: number): number {
  const kind = random.integer(0, 8);
  if (kind < 5) return random.integer(1, 8);
  return random.edgy(1, kind < 8 ? 200 : random.pick([1000, 1000, 1000, most]));
}

/** Returns a period from 1 ms to 30 days. */
export function randomPeriodMs(random: RandomSource): number {
  const kind = random.integer(0, 5);
  if (kind < 2) return random.edgy(1, 50);
  return kind < 5 ? random.pick([1000, 2500, 60_000, 3_600_000, 86_400_000, MONTH_MS]) : random.edgy(1, MONTH_MS);
}

/** Returns a policy of a built-in strategy with a rate from 1 to a million (a log: 10 000) in 1 ms to 30 days. */
export function randomPolicy(random: RandomSource, strategy: BuiltinStrategy, name = 'p'): Policy {
  const periodMs = randomPeriodMs(random);
  const limit = randomLimit(random, strategy === 'sliding-log' ? 10_000 : 1_000_000);
  const burst = randomLimit(random, 10_000);
  const segments = random.pick([1, 2, 3, 4, 7, 20, 60, 1000]);
  const isDefault = random.integer(0, 4) === 0;
  // The units of one segment stay below 2^52.
  const exact = Math.min(limit, Math.floor((2 ** 52 - 1) / (2 * periodMs)));
  return definePolicy(name, {
    rate: `${exact}/${periodMs}ms`,
    strategy,
    ...(BUCKETS.includes(strategy) && !isDefault ? { burst } : {}),
    ...(strategy === 'sliding-window' && !isDefault && periodMs % segments === 0 ? { segments } : {}),
  });
}

/** Returns a policy of any built-in strategy. */
export function anyPolicy(random: RandomSource, name = 'p'): Policy {
  return randomPolicy(random, random.pick(STRATEGIES), name);
}

/** Returns a realistic instant instead of a small number: arithmetic that is exact near 0 may be inexact there. */
export function randomStart(random: RandomSource): number {
  return random.integer(1_750_000_000_000, 1_760_000_000_000);
}
