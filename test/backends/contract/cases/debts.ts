import assert from 'node:assert/strict';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Backend } from '../../../../src/backends/backend.js';
import type { Charge, Receipt } from '../../../../src/core/decision.js';
import { definePolicy } from '../../../../src/strategies/define-policy.js';
import type { Bench } from '../backend-contract.js';
import { debtTraces, policyOf } from '../conformance-traces.js';
import { anyPolicy, STRATEGIES, starts } from '../random-policies.js';

const HUGE = Number.MAX_SAFE_INTEGER;

const plenty = definePolicy('plenty', '1000000/d');

/** Recorded at once, or settled at more than was taken: both owe the same. */
const ways = fc.constantFrom<'record' | 'settle'>('record', 'settle');

const scenes = fc.record({
  policy: anyPolicy(),
  start: starts,
  before: fc.nat(1000),
  debts: fc.array(
    fc.record({
      way: ways,
      times: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.constant(Number.POSITIVE_INFINITY)),
      part: fc.integer({ min: 1, max: 1000 }),
      laterMs: fc.nat(1000),
    }),
    { minLength: 1, maxLength: 4 },
  ),
});

async function take(backend: Backend, ...charges: readonly Charge[]): Promise<Receipt> {
  const { receipt } = await backend.spend(charges);
  if (receipt === undefined) throw new Error('nothing was taken');
  return receipt;
}

/** What is charged above the limit: recorded at once, or by a settlement. */
export function debtsContract({ open, cases }: Bench): void {
  describe('owes as in the conformance trace', () => {
    it.each(debtTraces.map((trace) => [trace.id, trace.title, trace] as const))(
      '%s, %s',
      async (_id, _title, trace) => {
        const { backend, clock } = await open(0);
        const policy = policyOf(trace);
        const settled = new Set(trace.steps.map((step) => ('settle' in step ? step.settle : -1)));
        const receipts = new Map<number, Receipt>();
        for (const [i, step] of trace.steps.entries()) {
          clock.set(step.at);
          if ('settle' in step) {
            const receipt = receipts.get(step.settle);
            if (receipt === undefined) throw new Error(`there is no receipt of step ${step.settle}`);
            await backend.settle(receipt, [step.to, 1]);
            continue;
          }
          const { cost, mode, expect: expected } = step;
          const charge: Charge = { policy, subject: 'trace', cost, ...(mode !== undefined && { mode }) };
          // A charge of 0 has a receipt only beside one that takes something.
          const charges = settled.has(i) ? [charge, { policy: plenty, subject: 'trace', cost: 1 }] : [charge];
          const peeked = await backend.peek(charges);
          const { receipt, ...spent } = await backend.spend(charges);
          expect({ i, ...spent.decisions[0] }).toMatchObject({ i, policy: trace.id, ...expected });
          expect(spent).toEqual(peeked);
          expect(spent.decisions[0]).not.toHaveProperty('mode');
          if (receipt !== undefined) receipts.set(i, receipt);
        }
      },
    );

    it('of which there are several for every strategy', () => {
      expect(new Set(debtTraces.map(({ policy }) => policy.strategy))).toEqual(new Set(STRATEGIES));
      expect(debtTraces.length).toBeGreaterThanOrEqual(39);
    });
  });

  describe.each(STRATEGIES)('a debt of %s', (strategy) => {
    const policy = definePolicy('p', { rate: '10/s', strategy, ...(strategy === 'gcra' ? { burst: 10 } : {}) });
    const ask = (cost: number) => ({ policy, subject: 'ada', cost });
    const record = (cost: number): Charge => ({ ...ask(cost), mode: 'record' });
    const state = async (backend: Backend) => (await backend.peek([ask(1)])).decisions[0];

    it('is the same recorded whole or in parts, or settled at the same instant', async () => {
      const [whole, parts, settled] = [await open(), await open(), await open()];
      await take(whole.backend, ask(1));
      await whole.backend.spend([record(24)]);
      await take(parts.backend, ask(1));
      for (const cost of [10, 14]) await parts.backend.spend([record(cost)]);
      await settled.backend.settle(await take(settled.backend, ask(1)), [25]);
      const owed = await state(whole.backend);
      expect(owed).toMatchObject({ allowed: false, remaining: 0 });
      expect(await state(parts.backend)).toEqual(owed);
      expect(await state(settled.backend)).toEqual(owed);
    });

    it('is given back by settling what was recorded', async () => {
      const { backend } = await open();
      await take(backend, ask(3));
      const before = await state(backend);
      await backend.settle(await take(backend, record(40)), [0]);
      expect(await state(backend)).toEqual(before);
    });

    it('is owed from an empty state, and where the settled charge was forgotten', async () => {
      const { backend } = await open();
      await backend.spend([record(20)]);
      expect(await state(backend)).toMatchObject({ allowed: false, remaining: 0 });
      await backend.reset([ask(0)]);
      const receipt = await take(backend, ask(1));
      await backend.reset([ask(0)]);
      await backend.settle(receipt, [9]);
      expect(await state(backend)).toMatchObject({ allowed: true, remaining: 1 });
    });

    it('counts in full when the clock has stepped back', async () => {
      const { backend, clock } = await open();
      await take(backend, ask(10));
      clock.advance(-900);
      await backend.spend([record(10)]);
      const receipt = await take(backend, record(1));
      await backend.settle(receipt, [11]);
      const owed = await state(backend);
      expect(owed).toMatchObject({ allowed: false, remaining: 0 });
      clock.advance((owed?.retryAfterMs ?? 0) - 1);
      expect(await state(backend)).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: 1 });
      clock.advance(1);
      expect(await state(backend)).toMatchObject({ allowed: true });
    });

    it('that is huge denies as long as it can be counted, and wraps around nowhere', async () => {
      const { backend, clock } = await open();
      const first = await take(backend, record(HUGE));
      for (let i = 0; i < 3; i++) await backend.spend([record(HUGE)]);
      await backend.settle(await take(backend, record(1)), [HUGE]);
      const owed = await state(backend);
      expect(owed).toMatchObject({ allowed: false, remaining: 0, delayMs: 0 });
      const waitMs = owed?.retryAfterMs ?? 0;
      expect(Number.isSafeInteger(waitMs) && Number.isSafeInteger(owed?.resetMs)).toBe(true);
      expect(waitMs).toBeGreaterThan(0);
      // What drains at 10 a second lasts for ages.
      if (['token-bucket', 'gcra', 'leaky-bucket'].includes(strategy)) expect(waitMs).toBeGreaterThan(10 ** 14);
      clock.advance(waitMs - 1);
      expect(await state(backend)).toMatchObject({ allowed: false });
      clock.advance(1);
      expect(await state(backend)).toMatchObject({ allowed: true });
      expect(first.charges).toEqual([record(HUGE)]);
    });
  });

  describe('a debt of any policy', () => {
    it('denies until its wait is over, exactly, and is paid off after its reset', async () => {
      const { backend, clock } = await open();
      let scene = 0;
      const property = fc.asyncProperty(scenes, async ({ policy, start, before, debts }) => {
        const target = { policy, subject: `ada ${scene++}` };
        const one = [{ ...target, cost: 1 }];
        clock.set(start);
        const full = (await backend.peek([{ ...target, cost: 0 }])).decisions[0];
        const limit = full?.limit ?? 0;
        const cost = Math.floor((before * limit) / 1000);
        if (cost > 0) assert.ok((await backend.spend([{ ...target, cost }])).allowed);
        for (const { way, times, part, laterMs } of debts) {
          const units =
            times === Number.POSITIVE_INFINITY ? HUGE : Math.max(1, Math.floor((times * limit * part) / 1000));
          const left = (await backend.peek([{ ...target, cost: 0 }])).decisions[0]?.remaining ?? 0;
          const recorded = way === 'record' ? units : 1;
          const charge: Charge = { ...target, cost: recorded, mode: 'record' };
          const receipt = await take(backend, charge);
          if (way === 'settle') await backend.settle(receipt, [units]);
          const now = (await backend.peek([{ ...target, cost: 0 }])).decisions[0];
          assert.equal(now?.remaining, Math.max(0, left - units));
          clock.advance(Math.floor((laterMs * policy.periodMs) / 4000));
        }
        const { decisions } = await backend.peek(one);
        const [decision] = decisions;
        const waitMs = decision?.retryAfterMs ?? 0;
        if (waitMs > 0) {
          const now = clock.now();
          clock.advance(waitMs - 1);
          assert.equal((await backend.peek(one)).allowed, false);
          clock.advance(1);
          assert.equal((await backend.peek(one)).allowed, true);
          clock.set(now);
        }
        const { resetMs = 0 } = (await backend.peek([{ ...target, cost: 0 }])).decisions[0] ?? {};
        clock.advance(resetMs);
        assert.deepEqual((await backend.peek([{ ...target, cost: 0 }])).decisions[0], full);
      });
      await fc.assert(property, { numRuns: cases(2000) });
    }, 600_000);
  });
}
