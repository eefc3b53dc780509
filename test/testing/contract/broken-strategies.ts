import type { Policy, Strategy } from '../../../src/index.js';
import { builtInStrategy } from '../../../src/testing/contract/harness/random-policies.js';

/** A strategy with one fault, and the promises that it breaks: parts of names of cases. */
export interface BrokenStrategy {
  readonly fault: string;
  readonly strategy: Strategy;
  readonly breaks: readonly string[];
}

const right = builtInStrategy('fixed-window');
const bucket = builtInStrategy('token-bucket');

const broken = (change: Partial<Strategy>, from: Strategy = right): Strategy => ({ ...from, ...change });

let calls = 0;
const windowOf = (now: number, { periodMs }: Policy) => Math.floor(now / periodMs) * periodMs;

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
    breaks: ['gives nothing back when the clock steps back by at most a period'],
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
    breaks: ['gives back no more than was taken'],
  },
  {
    fault: 'gives the next window what was taken in the one before',
    strategy: broken({
      amend: (state, _now, _policy, _at, from, to) => [state[0] ?? 0, Math.max(0, (state[1] ?? 0) - (from - to))],
    }),
    breaks: ['leaves no more room after a refund than if the refunded units had never been charged'],
  },
  {
    fault: 'gives nothing back',
    strategy: broken({ amend: (state) => state }, bucket),
    breaks: ['gives back all of a charge of the same instant'],
  },
  {
    fault: 'remembers more numbers than it says',
    strategy: broken({ size: () => ({ wide: 1, counts: 0 }) }),
    breaks: ['remembers as many numbers as `size` says'],
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
];
