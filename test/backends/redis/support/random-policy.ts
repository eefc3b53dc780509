import type { Policy } from '../../../../src/core/policy.js';
import { definePolicy } from '../../../../src/strategies/define-policy.js';
import { type Random, type StrategyName, strategies } from '../../../parity/random-trace.js';

const PERIODS = [1, 7, 100, 1000, 60_000, 3_600_000, 86_400_000, 30 * 86_400_000];
const EXACT = 2 ** 52;

/** A policy of a strategy, small numbers mostly, and up to what is still counted exactly. */
export function policyOf(strategy: StrategyName, name: string, random: Random): Policy {
  const periodMs = PERIODS[random(PERIODS.length)] ?? 1000;
  const most = strategy === 'sliding-log' ? 10_000 : Math.min(1_000_000, Math.floor(EXACT / (4 * periodMs)));
  const limit = 1 + random([5, 30, 1000, most][random(4)] ?? 5);
  const isBucket = strategy === 'token-bucket' || strategy === 'gcra' || strategy === 'leaky-bucket';
  const segments = [1, 2, 4, 5, 10].filter((count) => periodMs % count === 0);
  return definePolicy(name, {
    rate: `${limit}/${periodMs}ms`,
    strategy,
    ...(isBucket && random(2) === 0 && { burst: 1 + random(2 * limit) }),
    ...(strategy === 'sliding-window' && random(2) === 0 && { segments: segments[random(segments.length)] ?? 1 }),
  });
}

/** A strategy by number, in turn. */
export function strategyAt(i: number): StrategyName {
  return strategies[i % strategies.length] ?? 'gcra';
}
