import { describe, expect, it } from '@jest/globals';
import type { Backend } from '../../../../src/backends/backend.js';
import type { BackendEvent } from '../../../../src/backends/backend-events.js';
import type { Policy } from '../../../../src/core/policy.js';
import type { BuiltinStrategy } from '../../../../src/strategies/built-in-strategies.js';
import { definePolicy, type PolicySpec } from '../../../../src/strategies/define-policy.js';
import type { Bench } from '../backend-contract.js';
import { STRATEGIES } from '../random-policies.js';

/** The beginning of a window of every period below: what were misread, would count. */
const ALIGNED = Date.UTC(2026, 0, 1);

/** Ten units of a second, by each strategy. */
const byStrategy = (strategy: BuiltinStrategy): PolicySpec => ({
  rate: '10/s',
  strategy,
  ...(strategy === 'gcra' && { burst: 10 }),
});

/** Plans of one name that are counted differently. Of each, ten units are there at the beginning of a window. */
const PAIRS: readonly (readonly [what: string, one: PolicySpec, other: PolicySpec])[] = [
  ['in their periods, of windows', { rate: '10/s', segments: 5 }, { rate: '10/2s', segments: 5 }],
  ['in their segments', { rate: '10/s', segments: 10 }, { rate: '10/s', segments: 5 }],
  ...STRATEGIES.map((strategy) => {
    const one = byStrategy(strategy);
    return [`in their periods, by ${strategy}`, one, { ...one, rate: '10/2s' }] as const;
  }),
  ...STRATEGIES.flatMap((one, i) =>
    STRATEGIES.slice(i + 1).map(
      (other) => [`in their strategies, ${one} and ${other}`, byStrategy(one), byStrategy(other)] as const,
    ),
  ),
];

/** What becomes of usage when a plan changes: kept where only numbers change, and counted apart where the way of counting does. */
export function changesContract({ open }: Bench): void {
  const peek = async (backend: Backend, policy: Policy) =>
    (await backend.peek([{ policy, subject: 'ada', cost: 0 }])).decisions[0]?.remaining;

  /** A backend where `cost` units have been taken under `policy`, and what it tells. */
  async function used(policy: Policy, cost = 6) {
    const { backend } = await open(ALIGNED);
    const events: BackendEvent[] = [];
    backend.listen?.((event) => events.push(event));
    const { receipt } = await backend.spend([{ policy, subject: 'ada', cost }]);
    if (receipt === undefined) throw new Error('nothing was taken');
    return { backend, events, receipt };
  }

  describe('a plan whose numbers change', () => {
    const plan = (rate: string) => definePolicy('plan', rate);

    it.each([
      ['rises', '15/s', 9],
      ['falls', '8/s', 2],
      ['falls below what is used', '5/s', 0],
    ])('keeps its usage when the limit %s', async (_how, rate, remaining) => {
      const { backend, events } = await used(plan('10/s'));
      expect(await peek(backend, plan(rate))).toBe(remaining);
      await backend.spend([{ policy: plan('10/s'), subject: 'ada', cost: 4 }]);
      expect(await peek(backend, plan('10/s'))).toBe(0);
      expect(events).toEqual([]);
    });

    it('keeps its usage when the burst changes', async () => {
      const bucket = (burst: number) => definePolicy('plan', { rate: '10/s', strategy: 'token-bucket', burst });
      const { backend } = await used(bucket(10));
      expect([await peek(backend, bucket(20)), await peek(backend, bucket(5))]).toEqual([14, 0]);
      const { decisions } = await backend.spend([{ policy: bucket(5), subject: 'ada', cost: 1 }]);
      expect(decisions[0]).toMatchObject({ allowed: false, retryAfterMs: 200 });
    });
  });

  describe.each(PAIRS)('plans that differ %s,', (_what, first, second) => {
    const [one, other] = [definePolicy('plan', first), definePolicy('plan', second)];
    const all = [one, other];

    /** What is left of each. */
    const left = async (backend: Backend) => [await peek(backend, one), await peek(backend, other)];

    it('count apart, each to its limit, however they take turns', async () => {
      const { backend } = await open(ALIGNED);
      const admitted = [0, 0];
      for (let i = 0; i < 40; i++) {
        // Takes turns, and now and then two of one.
        const turn = Math.floor((i * 3) / 4) % 2;
        const { allowed } = await backend.spend([{ policy: all[turn] ?? one, subject: 'ada', cost: 1 }]);
        if (allowed) admitted[turn] = (admitted[turn] ?? 0) + 1;
      }
      expect(admitted).toEqual([10, 10]);
      expect(await left(backend)).toEqual([0, 0]);
    });

    it('are charged, settled and reset apart, with no event', async () => {
      const { backend, events, receipt } = await used(one);
      expect(await left(backend)).toEqual([4, 10]);
      await backend.spend([{ policy: other, subject: 'ada', cost: 5 }]);
      await backend.settle(receipt, [2]);
      expect(await left(backend)).toEqual([8, 5]);
      await backend.reset([{ policy: other, subject: 'ada' }]);
      expect(await left(backend)).toEqual([8, 10]);
      const { receipt: second } = await backend.spend([{ policy: one, subject: 'ada', cost: 3 }]);
      expect(await left(backend)).toEqual([5, 10]);
      if (second !== undefined) await backend.settle(second, [0]);
      expect(await left(backend)).toEqual([8, 10]);
      expect(events).toEqual([]);
    });

    it('are counted apart within one call, which is all or none', async () => {
      const { backend } = await open(ALIGNED);
      const ask = (...costs: readonly number[]) =>
        backend.spend(all.map((policy, i) => ({ policy, subject: 'ada', cost: costs[i] ?? 0 })));
      const { decisions } = await ask(3, 4);
      expect(decisions.map(({ remaining }) => remaining)).toEqual([7, 6]);
      expect((await ask(7, 7)).decisions.map(({ allowed }) => allowed)).toEqual([true, false]);
      expect(await left(backend)).toEqual([7, 6]);
    });
  });
}
