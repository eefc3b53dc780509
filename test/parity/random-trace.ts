import type { Charge } from '../../src/core/decision.js';
import type { Policy } from '../../src/core/policy.js';
import { definePolicy } from '../../src/strategies/define-policy.js';

/** Numbers that look random and are the same for the same seed: mulberry32. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

export type Random = ReturnType<typeof randomFrom>;

export const strategies = [
  'fixed-window',
  'sliding-window',
  'sliding-log',
  'token-bucket',
  'gcra',
  'leaky-bucket',
] as const;
export type StrategyName = (typeof strategies)[number];

const PERIODS = [1, 7, 100, 1000, 60_000, 3_600_000, 86_400_000, 30 * 86_400_000];

/** A policy of small or large numbers: limits 1 to 1e6 (10 000 for the log), periods 1 ms to 30 days. */
export function randomPolicy(strategy: StrategyName, name: string, random: Random): Policy {
  const most = strategy === 'sliding-log' ? 10_000 : 1_000_000;
  const periodMs = PERIODS[random(PERIODS.length)] ?? 1000;
  // Twice the limit is the largest burst, and twice that product has to stay exact.
  const exact = Math.floor(2 ** 52 / (4 * periodMs));
  const limit = Math.min(exact, 1 + random([5, 30, 1000, most][random(4)] ?? 5));
  const isBucket = strategy === 'token-bucket' || strategy === 'gcra' || strategy === 'leaky-bucket';
  const segments = [1, 2, 4, 5, 10].filter((count) => periodMs % count === 0);
  return definePolicy(name, {
    rate: `${limit}/${periodMs}ms`,
    strategy,
    ...(isBucket && random(2) === 0 && { burst: 1 + random(2 * limit) }),
    ...(strategy === 'sliding-window' && random(2) === 0 && { segments: segments[random(segments.length)] ?? 1 }),
  });
}

/** How far the clock moves before a step: mostly on, by about what brings a unit back; now and then back, or far. */
export function randomMove({ limit, periodMs }: Policy, random: Random): number {
  const kind = random(20);
  if (kind === 0) return -random(periodMs);
  if (kind === 1) return -random(3 * periodMs);
  if (kind === 2) return random(3 * periodMs);
  if (kind < 8) return 0;
  return random(Math.ceil((3 * periodMs) / limit) + 1);
}

/** A cost: mostly small, now and then all of it, or more than ever passes. */
export function randomCost({ limit, burst }: Policy, random: Random): number {
  const kind = random(10);
  if (kind === 0) return 0;
  if (kind === 1) return burst + 1;
  if (kind === 2) return Math.max(limit, burst);
  if (kind < 5) return 1 + random(Math.max(1, Math.floor(burst / 2)));
  return 1 + random(Math.min(3, burst));
}

/** How a charge is decided: mostly enforced. */
export function randomMode(random: Random): Pick<Charge, 'mode'> {
  const kind = random(10);
  if (kind > 1) return {};
  return { mode: kind === 0 ? 'record' : 'monitor' };
}
