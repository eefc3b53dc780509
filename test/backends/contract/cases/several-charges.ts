import { describe, expect, it } from '@jest/globals';
import type { Charge } from '../../../../src/core/decision.js';
import type { BuiltinStrategy } from '../../../../src/strategies/built-in-strategies.js';
import { definePolicy } from '../../../../src/strategies/define-policy.js';
import type { Bench } from '../backend-contract.js';
import { STRATEGIES } from '../random-policies.js';

/** A policy that grants `limit` at once, of any strategy. */
function policy(name: string, strategy: BuiltinStrategy, limit = 10, period = 's') {
  return definePolicy(name, {
    rate: `${limit}/${period}`,
    strategy,
    ...(strategy === 'gcra' ? { burst: limit } : {}),
  });
}

/** What a backend answers to several charges at once: all of them or none. */
export function callsContract({ open }: Bench): void {
  const pairs = STRATEGIES.flatMap((a) => STRATEGIES.map((b) => [a, b] as const));

  describe.each(pairs)('a call on %s and %s', (a, b) => {
    const [open10, tight2] = [policy('open', a, 10), policy('tight', b, 2)];
    const both = (cost: number): readonly Charge[] => [
      { policy: open10, subject: 'ada', cost },
      { policy: tight2, subject: 'ada', cost },
    ];

    it('takes both or neither, in either order', async () => {
      const { backend, clock } = await open();
      const taken = await backend.spend(both(2));
      expect(taken.decisions.map(({ policy, remaining }) => [policy, remaining])).toEqual([
        ['open', 8],
        ['tight', 0],
      ]);
      const { allowed, decisions, binding, receipt } = await backend.spend(both(1));
      const [kept, denied] = decisions;
      expect([allowed, kept?.allowed, denied?.allowed, receipt]).toEqual([false, true, false, undefined]);
      expect(binding).toEqual(denied);
      // The one that would have allowed tells its state as it stands.
      expect(kept).toEqual((await backend.peek(both(0))).decisions[0]);
      expect(kept).toMatchObject({ remaining: 8, retryAfterMs: 0, delayMs: 0 });

      const reversed = await backend.spend(both(1).toReversed());
      expect(reversed.decisions).toEqual(decisions.toReversed());
      expect((await backend.peek(both(0))).decisions.map(({ remaining }) => remaining)).toEqual([8, 0]);

      clock.advance(binding?.retryAfterMs ?? 0);
      expect((await backend.spend(both(1))).allowed).toBe(true);
    });
  });

  describe('the binding decision', () => {
    const small = policy('small', 'fixed-window', 4);
    const large = policy('large', 'fixed-window', 100, 'min');
    const ask = (cost: number) => [small, large].map((policy) => ({ policy, subject: 'ada', cost }));

    it('is of those that allow the one with the least share left', async () => {
      const { backend } = await open(0);
      expect((await backend.spend(ask(1))).binding).toMatchObject({ policy: 'small', remaining: 3, limit: 4 });
      await backend.spend([{ policy: large, subject: 'ada', cost: 90 }]);
      expect((await backend.spend(ask(1))).binding).toMatchObject({ policy: 'large', remaining: 8, limit: 100 });
    });

    it('is of the denials the one with the longest wait', async () => {
      const { backend } = await open(0);
      await backend.spend([{ policy: large, subject: 'ada', cost: 98 }]);
      await backend.spend([{ policy: small, subject: 'ada', cost: 4 }]);
      expect((await backend.spend(ask(1))).binding).toMatchObject({ policy: 'small', retryAfterMs: 1000 });
      expect((await backend.spend(ask(3))).binding).toMatchObject({ policy: 'large', retryAfterMs: 60_000 });
    });

    it('is one that can never pass, whatever the others wait', async () => {
      const { backend } = await open(0);
      await backend.spend([{ policy: large, subject: 'ada', cost: 98 }]);
      expect((await backend.spend(ask(5))).binding).toMatchObject({ policy: 'small', retryAfterMs: null });
    });

    it('is none of no charges, which are allowed', async () => {
      const { backend } = await open();
      for (const method of ['spend', 'peek'] as const) {
        expect(await backend[method]([])).toEqual({ allowed: true, decisions: [], binding: null });
      }
    });
  });

  describe.each(STRATEGIES)('several charges on one key of %s', (strategy) => {
    const one = policy('one', strategy, 10);
    const ask = (...costs: readonly number[]) => costs.map((cost) => ({ policy: one, subject: 'ada', cost }));

    it('see those before them', async () => {
      const { backend } = await open();
      const { allowed, decisions, receipt } = await backend.spend(ask(3, 4, 0, 2));
      expect(allowed).toBe(true);
      expect(decisions.map(({ remaining }) => remaining)).toEqual([7, 3, 3, 1]);
      expect(receipt?.charges).toEqual(ask(3, 4, 0, 2));
      expect((await backend.peek(ask(0))).decisions[0]?.remaining).toBe(1);
    });

    it('are all denied when they are too much together, and the wait is that of them all', async () => {
      const { backend, clock } = await open();
      await backend.spend(ask(5));
      const { allowed, decisions, binding } = await backend.spend(ask(3, 4));
      expect([allowed, ...decisions.map((decision) => decision.allowed)]).toEqual([false, true, false]);
      expect(decisions.map(({ remaining }) => remaining)).toEqual([5, 5]);
      expect(binding).toEqual(decisions[1]);
      const wait = binding?.retryAfterMs ?? 0;
      clock.advance(wait - 1);
      expect((await backend.spend(ask(3, 4))).allowed).toBe(false);
      clock.advance(1);
      expect((await backend.spend(ask(3, 4))).allowed).toBe(true);
    });

    it('can never pass when they are more than the limit together', async () => {
      const { backend } = await open();
      for (const costs of [
        [6, 6],
        [10, 1],
        [1, 11],
        [11, 1],
        [4, 4, 4],
        [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
      ]) {
        const { allowed, binding } = await backend.spend(ask(...costs));
        expect([allowed, binding?.retryAfterMs]).toEqual([false, null]);
        expect((await backend.peek(ask(0))).decisions[0]).toMatchObject({ remaining: 10, resetMs: 0 });
      }
    });

    it('leave a read among them allowed, as the state stands', async () => {
      const { backend } = await open();
      const { decisions } = await backend.spend(ask(0, 6, 0, 6, 0, 1));
      expect(decisions.map(({ allowed, retryAfterMs }) => [allowed, retryAfterMs])).toEqual([
        [true, 0],
        [true, 0],
        [true, 0],
        [false, null],
        [true, 0],
        [false, null],
      ]);
      expect(decisions.map(({ remaining }) => remaining)).toEqual([10, 10, 10, 10, 10, 10]);
    });
  });
}
