import type { Decision } from '../../../core/decision.js';
import type { Policy } from '../../../core/policy.js';
import type { State, StepResult, Strategy } from '../../../strategies/strategy.js';
import type { Random } from './random.js';

const FORWARD = ['stay', 'tick', 'unit', 'part', 'wait', 'almost', 'reset', 'edge', 'edge-1', 'far'] as const;
const BACK = ['back', 'back-1'] as const;
const FAR_BACK = ['far-back'] as const;
const ASKS = ['nothing', 'one', 'some', 'left', 'left+1', 'limit', 'limit+1', 'part'] as const;

/** Jumps that stay within the window, and costs near the limit. They are drawn more often. */
const NEAR = [...FORWARD, 'stay', 'tick', 'unit', 'almost'] as const;
const HITTING = ['left', 'left+1', 'limit'] as const;

/** One move of random traffic: how far the clock advances and the cost, both relative to the previous decision. */
export interface Move {
  readonly jump: (typeof FORWARD | typeof BACK | typeof FAR_BACK)[number];
  /** A refund returns an earlier charge, partly or fully, and has no cost. */
  readonly ask: (typeof ASKS)[number] | 'refund';
  /** A share in thousandths, for the jumps and costs that need one. */
  readonly part: number;
}

export interface TrafficOptions {
  /** How far the clock may step back, if at all. Default: any. */
  readonly back?: 'never' | 'a period' | 'any';
  /** True if earlier charges are refunded. Default: true. */
  readonly refunds?: boolean;
  /** The maximum number of moves. Default: 40. */
  readonly maxLength?: number;
}

export function randomTraffic(random: Random, options: TrafficOptions = {}): readonly Move[] {
  const { back = 'any', refunds = true, maxLength = 40 } = options;
  const backwards = { never: [], 'a period': BACK, any: [...BACK, ...FAR_BACK] }[back];
  const jumps: readonly Move['jump'][] = [...FORWARD, ...NEAR, ...backwards];
  const asks: readonly Move['ask'][] = [...ASKS, ...HITTING, ...(refunds ? (['refund'] as const) : [])];
  return random.list(1, maxLength, () => ({
    jump: random.pick(jumps),
    ask: random.pick(asks),
    part: random.edgy(0, 1000),
  }));
}

/** Returns the instant after a move; `last` is the latest decision. */
export function after(
  now: number,
  { jump, part }: Move,
  { periodMs, segments, limit }: Policy,
  last?: Decision,
): number {
  const share = Math.floor((part * periodMs) / 1000);
  const span = periodMs / segments;
  const waitMs = last?.retryAfterMs ?? 0;
  const jumps: Record<Move['jump'], number> = {
    stay: 0,
    tick: 1,
    unit: Math.ceil(periodMs / limit),
    part: share,
    wait: waitMs,
    almost: Math.max(0, waitMs - 1),
    reset: last?.resetMs ?? 0,
    edge: span - (now % span),
    'edge-1': span - (now % span) - 1,
    far: periodMs + 2 * share,
    back: -share,
    'back-1': -1,
    'far-back': -2 * periodMs - share,
  };
  return now + jumps[jump];
}

/** Returns the cost of a move, given the remaining units. */
export function costOf({ ask, part }: Move, { limit, remaining }: Decision): number {
  const costs: Record<Move['ask'], number> = {
    nothing: 0,
    one: 1,
    some: Math.min(limit, 1 + (part % 3)),
    left: remaining,
    'left+1': remaining + 1,
    limit,
    'limit+1': limit + 1,
    part: Math.floor((part * limit) / 1000),
    refund: 0,
  };
  return costs[ask];
}

/** A step that was taken: its arguments and its result. */
export interface Taken extends StepResult {
  readonly before: State;
  readonly now: number;
  readonly cost: number;
}

/**
 * Runs traffic through a strategy from empty state, and yields its steps. The states are frozen, so that a step that
 * changes its input throws.
 */
export function* drive(
  strategy: Strategy,
  policy: Policy,
  start: number,
  moves: readonly Move[],
  floor: (now: number, newest: number) => number = (now) => now,
): Generator<Taken> {
  let before: State = Object.freeze([]);
  let now = start;
  let newest = start;
  let last: Decision | undefined;
  const charges: { at: number; cost: number }[] = [];
  for (const move of moves) {
    now = floor(after(now, move, policy, last), newest);
    newest = Math.max(newest, now);
    if (move.ask === 'refund') {
      const [charge] = charges.splice(move.part % Math.max(1, charges.length), 1);
      if (charge === undefined) continue;
      const to = Math.floor((charge.cost * move.part) / 1001);
      before = Object.freeze(strategy.amend(before, now, policy, charge.at, charge.cost, to));
      continue;
    }
    const cost = costOf(move, strategy.step(before, now, policy, 0).decision);
    const result = strategy.step(before, now, policy, cost);
    const { state, decision } = result;
    yield { ...result, before, now, cost };
    if (decision.allowed && cost > 0) charges.push({ at: now, cost });
    before = Object.freeze(state);
    last = decision;
  }
}
