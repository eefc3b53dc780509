import assert from 'node:assert/strict';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Backend } from '../../../../src/backends/backend.js';
import type { Charge, Receipt } from '../../../../src/core/decision.js';
import { definePolicy } from '../../../../src/strategies/define-policy.js';
import { after, costOf, trafficOf } from '../../../strategies/traffic.js';
import type { Bench } from '../backend-contract.js';
import { anyPolicy, STRATEGIES, starts } from '../random-policies.js';

/** Takes the charges, which must be allowed. */
async function take(backend: Backend, ...charges: readonly Charge[]): Promise<Receipt> {
  const { receipt } = await backend.spend(charges);
  if (receipt === undefined) throw new Error('nothing was taken');
  return receipt;
}

const scenes = fc.record({
  policy: anyPolicy(),
  start: starts,
  moves: trafficOf({ back: 'never', refunds: false, maxLength: 6 }),
  nth: fc.nat(5),
  part: fc.constantFrom(0, 0, 300, 999),
});

/** What a charge becomes afterwards: a smaller one, as of its own instant. */
export function settleContract({ open, cases }: Bench): void {
  describe.each(STRATEGIES)('settling a charge of %s', (strategy) => {
    const policy = definePolicy('p', { rate: '10/s', strategy, ...(strategy === 'gcra' ? { burst: 10 } : {}) });
    const ask = (cost: number) => ({ policy, subject: 'ada', cost });
    const left = async (backend: Backend) => (await backend.peek([ask(0)])).decisions[0]?.remaining;

    it('makes it a smaller one', async () => {
      const { backend } = await open();
      const receipt = await take(backend, ask(7));
      await backend.settle(receipt, [2]);
      expect(await left(backend)).toBe(8);
      const twin = await open();
      await take(twin.backend, ask(2));
      expect(await backend.peek([ask(1)])).toEqual(await twin.backend.peek([ask(1)]));
    });

    it('gives all of it back at a cost of 0, as if it had never been', async () => {
      const { backend } = await open();
      const fresh = await backend.peek([ask(1)]);
      await backend.settle(await take(backend, ask(10)), [0]);
      expect(await backend.peek([ask(1)])).toEqual(fresh);
      expect((await backend.spend([ask(10)])).allowed).toBe(true);
    });

    it('changes nothing at the same cost', async () => {
      const { backend } = await open();
      const receipt = await take(backend, ask(7));
      const before = await backend.peek([ask(1)]);
      await backend.settle(receipt, [7]);
      expect(await backend.peek([ask(1)])).toEqual(before);
    });

    it('gives nothing to what came a long time after', async () => {
      const { backend, clock } = await open();
      const receipt = await take(backend, ask(10));
      clock.advance(2000);
      await take(backend, ask(10));
      const before = await backend.peek([ask(1)]);
      await backend.settle(receipt, [0]);
      expect(await backend.peek([ask(1)])).toEqual(before);
    });

    it('gives nothing to whom it has not been taken from', async () => {
      const { backend } = await open();
      const receipt = await take(backend, ask(10));
      await take(backend, { ...ask(10), subject: 'bob' });
      await backend.settle(receipt, [0]);
      expect((await backend.peek([{ ...ask(0), subject: 'bob' }])).decisions[0]?.remaining).toBe(0);
    });

    it('settles each charge of a call at its own cost, those on one key too', async () => {
      const { backend } = await open();
      const other = definePolicy('q', { rate: '10/s', strategy, ...(strategy === 'gcra' ? { burst: 10 } : {}) });
      const receipt = await take(backend, ask(5), { policy: other, subject: 'ada', cost: 5 }, ask(4));
      await backend.settle(receipt, [3, 5, 0]);
      const { decisions } = await backend.peek([ask(0), { policy: other, subject: 'ada', cost: 0 }]);
      expect(decisions.map(({ remaining }) => remaining)).toEqual([7, 5]);
    });

    it.each<readonly [what: string, costs: readonly unknown[]]>([
      ['of 2^53', [0, 2 ** 53]],
      ['below 0', [0, -1]],
      ['of half a unit', [0, 1.5]],
      ['that is no number', [0, '1']],
      ['NaN', [0, Number.NaN]],
      ['too few', [0]],
      ['too many', [0, 0, 0]],
    ])('refuses a cost %s with a RangeError, and settles none', async (_what, costs) => {
      const { backend } = await open();
      const receipt = await take(backend, ask(4), ask(5));
      const call = async () => Reflect.apply(backend.settle, backend, [receipt, costs]);
      await expect(call()).rejects.toThrow(RangeError);
      expect(await left(backend)).toBe(1);
    });
  });

  describe('settling later', () => {
    const at = (start: number, strategy: string) =>
      [open(start), definePolicy('p', { rate: '10/s', strategy })] as const;

    it('gives the next fixed window nothing', async () => {
      const [opening, policy] = at(999, 'fixed-window');
      const { backend, clock } = await opening;
      const receipt = await take(backend, { policy, subject: 'ada', cost: 5 });
      clock.advance(1);
      await take(backend, { policy, subject: 'ada', cost: 5 });
      await backend.settle(receipt, [0]);
      expect((await backend.peek([{ policy, subject: 'ada', cost: 0 }])).decisions[0]?.remaining).toBe(5);
    });

    it('gives a sliding window back the share that still counts', async () => {
      const [opening, policy] = at(1000, 'sliding-window');
      const { backend, clock } = await opening;
      const receipt = await take(backend, { policy, subject: 'ada', cost: 10 });
      clock.advance(1050);
      const left = async () => (await backend.peek([{ policy, subject: 'ada', cost: 0 }])).decisions[0]?.remaining;
      expect(await left()).toBe(5);
      await backend.settle(receipt, [4]);
      expect(await left()).toBe(8);
    });

    it.each(['token-bucket', 'leaky-bucket'])('gives a %s back what has not flowed off meanwhile', async (strategy) => {
      const [opening, policy] = at(1000, strategy);
      const { backend, clock } = await opening;
      const left = async () => (await backend.peek([{ policy, subject: 'ada', cost: 0 }])).decisions[0]?.remaining;
      const receipt = await take(backend, { policy, subject: 'ada', cost: 8 });
      clock.advance(300);
      await take(backend, { policy, subject: 'ada', cost: 5 });
      expect(await left()).toBe(0);
      await backend.settle(receipt, [0]);
      expect(await left()).toBe(5);
    });

    it('gives nothing for a charge that was left behind when the clock stepped back', async () => {
      for (const strategy of STRATEGIES) {
        const { backend, clock } = await open();
        const policy = definePolicy('p', { rate: '10/s', strategy, ...(strategy === 'gcra' ? { burst: 10 } : {}) });
        const receipt = await take(backend, { policy, subject: 'ada', cost: 10 });
        clock.advance(-5000);
        await take(backend, { policy, subject: 'ada', cost: 10 });
        await backend.settle(receipt, [0]);
        expect((await backend.peek([{ policy, subject: 'ada', cost: 0 }])).decisions[0]?.remaining).toBe(0);
      }
    });
  });

  describe('a refund', () => {
    /**
     * Two subjects are charged the same at the same instants, but for one charge: the first subject's is settled to less
     * later, the twin's was that much from the start. Then the first never has more left, nor is full sooner, than its
     * twin: of what was settled it got back no more than was still owed. (Of the twin, less charged, all must pass.)
     * Where nothing happened in between, both are the same.
     */
    it('never gives more than was taken: whoever was charged less from the start has no less left', async () => {
      const { backend, clock } = await open();
      let scene = 0;
      const property = fc.asyncProperty(scenes, async ({ policy, start, moves, nth, part }) => {
        const [subject, twin] = [`ada ${scene}`, `twin ${scene++}`];
        const peek = async (who: string) => (await backend.peek([{ policy, subject: who, cost: 0 }])).decisions[0];
        const settled: { receipt: Receipt; to: number }[] = [];
        let untouched = false;
        clock.set(start);
        let last = await peek(subject);
        for (const [i, move] of moves.entries()) {
          clock.set(after(clock.now(), move, policy, last));
          const stands = await peek(subject);
          const cost = stands === undefined ? 0 : costOf(move, stands);
          const { receipt, decisions } = await backend.spend([{ policy, subject, cost }]);
          last = decisions[0];
          if (receipt === undefined) continue;
          const isSettled = settled.length === 0 && i >= nth % moves.length;
          const to = isSettled ? Math.floor((cost * part) / 1000) : cost;
          if (isSettled) settled.push({ receipt, to });
          untouched = isSettled;
          assert.ok((await backend.spend([{ policy, subject: twin, cost: to }])).allowed);
        }
        for (const { receipt, to } of settled) await backend.settle(receipt, [to]);
        for (const laterMs of [0, 1, Math.floor(policy.periodMs / 2), policy.periodMs]) {
          clock.advance(laterMs);
          const [ours, theirs] = [await peek(subject), await peek(twin)];
          assert.ok(ours && theirs && ours.remaining <= theirs.remaining && ours.resetMs >= theirs.resetMs);
          if (untouched && settled[0]?.receipt.at === clock.now()) assert.deepEqual(ours, theirs);
        }
      });
      await fc.assert(property, { numRuns: cases(8000) });
    }, 600_000);
  });
}
