import { defineStrategy, type Policy, type Strategy } from 'nestjs-sluice';

/** A strategy with one fault, and the promises that it breaks: parts of names of cases. */
export interface BrokenStrategy {
  readonly fault: string;
  readonly strategy: Strategy;
  readonly breaks: readonly string[];
}

const windowOf = (now: number, { periodMs }: Policy) => Math.floor(now / periodMs) * periodMs;

/** Saturates where the sum is still exact. */
const sum = (used: number, units: number) => Math.min(2 ** 52, used + units);

/** A right strategy, for faults to be put into: a window that is aligned to the epoch. State: its start, units used in it. */
export const right = defineStrategy({
  name: 'plain-window',

  step(state, now, policy, cost) {
    const { name, limit, periodMs } = policy;
    const [stored = Number.NEGATIVE_INFINITY, units = 0] = state;
    const isOver = stored < windowOf(now, policy) || stored > now + periodMs;
    const [start, used] = isOver ? [windowOf(now, policy), 0] : [stored, units];
    const allowed = cost === 0 || used + cost <= limit;
    const after = allowed ? used + cost : used;
    const leftMs = start + periodMs - now;
    return {
      state: allowed && cost > 0 ? [start, after] : state,
      decision: {
        policy: name,
        allowed,
        limit,
        remaining: Math.max(0, limit - after),
        resetMs: after === 0 ? 0 : leftMs,
        retryAfterMs: allowed ? 0 : cost > limit ? null : leftMs,
        delayMs: 0,
        windowMs: periodMs,
      },
    };
  },

  amend(state, now, policy, at, from, to) {
    const [start = 0, used = 0] = state;
    const isCurrent = start >= windowOf(now, policy) && start <= now + policy.periodMs;
    if (to > from && windowOf(at, policy) + policy.periodMs <= now) return state;
    if (to > from) return isCurrent ? [start, sum(used, to - from)] : [windowOf(now, policy), sum(0, to - from)];
    return start === windowOf(at, policy) ? [start, Math.max(0, used - (from - to))] : state;
  },

  size: () => ({ wide: 1, counts: 1 }),
});

const broken = (change: Partial<Strategy>): Strategy => ({ ...right, ...change });

let calls = 0;

export const BROKEN_STRATEGIES: readonly BrokenStrategy[] = [
  {
    fault: 'consumes a unit when it denies',
    strategy: broken({
      step(state, now, policy, cost) {
        const result = right.step(state, now, policy, cost);
        if (result.decision.allowed) return result;
        return { ...result, state: right.step(state, now, policy, 1).state };
      },
    }),
    breaks: ['consumes nothing when it denies'],
  },
  {
    fault: 'has one unit too few remaining',
    strategy: broken({
      step(state, now, policy, cost) {
        const { state: after, decision } = right.step(state, now, policy, cost);
        return { state: after, decision: { ...decision, remaining: Math.max(0, decision.remaining - 1) } };
      },
    }),
    breaks: ['has as much remaining as the largest cost that passes, exactly'],
  },
  {
    fault: 'has waits that are one millisecond too short',
    strategy: broken({
      step(state, now, policy, cost) {
        const { state: after, decision } = right.step(state, now, policy, cost);
        const { retryAfterMs } = decision;
        return { state: after, decision: { ...decision, retryAfterMs: retryAfterMs && Math.max(0, retryAfterMs - 1) } };
      },
    }),
    breaks: ['has an exact wait'],
  },
  {
    fault: 'has waits that are one millisecond too long',
    strategy: broken({
      step(state, now, policy, cost) {
        const { state: after, decision } = right.step(state, now, policy, cost);
        return {
          state: after,
          decision: { ...decision, retryAfterMs: decision.retryAfterMs && decision.retryAfterMs + 1 },
        };
      },
    }),
    breaks: ['has an exact wait'],
  },
  {
    fault: 'ignores costs',
    strategy: broken({
      step: (state, now, policy, cost) =>
        right.step(state, now, policy, cost > policy.limit ? cost : Math.min(1, cost)),
    }),
    breaks: ['consumes nothing when it denies, or at a cost of 0, and exactly the cost when it allows'],
  },
  {
    fault: 'writes at a cost of 0',
    strategy: broken({
      step(state, now, policy, cost) {
        const result = right.step(state, now, policy, cost);
        return cost === 0 ? { ...result, state: [windowOf(now, policy), state[1] ?? 0] } : result;
      },
    }),
    breaks: ['consumes nothing when it denies, or at a cost of 0'],
  },
  {
    fault: 'counts its own calls',
    strategy: broken({
      step(state, now, policy, cost) {
        const { state: after, decision } = right.step(state, now, policy, cost);
        calls++;
        return { state: after, decision: { ...decision, delayMs: calls % 2 } };
      },
    }),
    breaks: ['is pure'],
  },
  {
    fault: 'changes the state that it is given',
    strategy: broken({
      step(state, now, policy, cost) {
        const result = right.step(state, now, policy, cost);
        if (result.state === state || state.length === 0) return result;
        Reflect.set(state, 1, result.state[1]);
        return result;
      },
    }),
    // The states of the contract are frozen, and the attempt fails: `is pure` passes it a copy, and sees the change.
    breaks: ['is pure'],
  },
  {
    fault: 'waits for halves of milliseconds',
    strategy: broken({
      step(state, now, policy, cost) {
        const { state: after, decision } = right.step(state, now, policy, cost);
        return { state: after, decision: { ...decision, resetMs: decision.resetMs / 2 } };
      },
    }),
    breaks: ['decides in whole numbers of at least 0', 'is full again after resetMs'],
  },
  {
    fault: 'frees the budget when the clock steps back',
    strategy: broken({
      step: (state, now, policy, cost) => right.step(now < (state[0] ?? 0) ? [] : state, now, policy, cost),
    }),
    breaks: ['returns nothing when the clock steps back by at most a period'],
  },
  {
    fault: 'keeps the state of a clock that was far ahead',
    strategy: broken({
      step(state, now, policy, cost) {
        const [start = now] = state;
        return right.step(state, Math.max(now, start), policy, cost);
      },
    }),
    breaks: ['starts afresh if the clock steps back by more than a period'],
  },
  {
    fault: 'gives back twice',
    strategy: broken({
      amend(state, now, policy, at, from, to) {
        const once = right.amend(state, now, policy, at, from, to);
        return right.amend(once, now, policy, at, from, to);
      },
    }),
    breaks: ['returns no more than was taken'],
  },
  {
    fault: 'gives the next window what was taken in the one before',
    strategy: broken({
      amend: (state, _now, _policy, _at, from, to) => [state[0] ?? 0, Math.max(0, (state[1] ?? 0) - (from - to))],
    }),
    breaks: ['leaves no more room after a refund than if the refunded units had never been charged'],
  },
  {
    fault: 'returns nothing',
    strategy: broken({ amend: (state) => state }),
    breaks: ['returns all of a charge of the same instant'],
  },
  {
    fault: 'remembers more numbers than it says',
    strategy: broken({ size: () => ({ wide: 1, counts: 0 }) }),
    breaks: ['stores as many numbers as `size` declares'],
  },
  {
    fault: 'has a limit that depends on the state',
    strategy: broken({
      step(state, now, policy, cost) {
        const { state: after, decision } = right.step(state, now, policy, cost);
        return { state: after, decision: { ...decision, limit: decision.limit + (state[1] ?? 0) } };
      },
    }),
    breaks: ['keeps one limit and one window'],
  },
  {
    fault: 'records up to the limit',
    strategy: broken({
      amend(state, now, policy, at, from, to) {
        const after = right.amend(state, now, policy, at, from, to);
        return to > from ? [after[0] ?? now, Math.min(policy.limit, after[1] ?? 0)] : after;
      },
    }),
    breaks: ['records the same in parts as at once, and returns what was recorded'],
  },
  {
    fault: 'records nothing',
    strategy: broken({
      amend: (state, now, policy, at, from, to) => (to > from ? state : right.amend(state, now, policy, at, from, to)),
    }),
    breaks: ['records all of a charge, even above the limit', 'never drops the debt'],
  },
  {
    fault: 'records nothing on an empty state',
    strategy: broken({
      amend: (state, now, policy, at, from, to) =>
        state.length === 0 ? state : right.amend(state, now, policy, at, from, to),
    }),
    breaks: ['records all of a charge, even above the limit'],
  },
  {
    fault: 'denies only while the limit is used up, not while there is a debt',
    strategy: broken({
      step(state, now, policy, cost) {
        const [start = 0, used = 0] = state;
        return right.step(used > policy.limit ? [start, 0] : state, now, policy, cost);
      },
    }),
    breaks: ['records all of a charge, even above the limit', 'never drops the debt'],
  },
  {
    fault: 'counts huge charges inexactly',
    strategy: broken({
      amend(state, now, policy, at, from, to) {
        const after = right.amend(state, now, policy, at, from, to);
        return to > from && after !== state ? [after[0] ?? now, (state[1] ?? 0) + to - from] : after;
      },
    }),
    breaks: ['counts huge charges as far as possible with safe numbers'],
  },
  {
    fault: 'wraps around',
    strategy: broken({
      amend(state, now, policy, at, from, to) {
        const [start = now, used = 0] = right.amend(state, now, policy, at, from, to);
        return to > from ? [start, used % 2 ** 31] : right.amend(state, now, policy, at, from, to);
      },
    }),
    breaks: ['never drops the debt'],
  },
  {
    fault: 'starts a window anew when a charge of an earlier one is settled upward',
    strategy: broken({
      amend(state, now, policy, at, from, to) {
        if (to <= from) return right.amend(state, now, policy, at, from, to);
        return at < windowOf(now, policy) ? [windowOf(now, policy), 0] : right.amend(state, now, policy, at, from, to);
      },
    }),
    breaks: ['never returns units by it'],
  },
  {
    fault: 'records in another size',
    strategy: broken({
      amend(state, now, policy, at, from, to) {
        const after = right.amend(state, now, policy, at, from, to);
        return to > from && after !== state ? [...after, to] : after;
      },
    }),
    breaks: ['records all of a charge, even above the limit'],
  },
];
