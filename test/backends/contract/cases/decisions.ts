import { describe, expect, it } from '@jest/globals';
import { definePolicy } from '../../../../src/strategies/define-policy.js';
import type { Bench } from '../backend-contract.js';
import { policyOf, traces } from '../conformance-traces.js';
import { STRATEGIES } from '../random-policies.js';

/** What a backend answers to one charge. */
export function decisionsContract({ open }: Bench): void {
  describe('answers the conformance trace', () => {
    it.each(traces.map((trace) => [trace.id, trace.title, trace] as const))('%s, %s', async (_id, _title, trace) => {
      const { backend, clock } = await open(0);
      const policy = policyOf(trace);
      const limit = ['token-bucket', 'gcra', 'leaky-bucket'].includes(policy.strategy) ? policy.burst : policy.limit;
      const windowMs = Math.ceil((limit * policy.periodMs) / policy.limit);
      for (const { at, cost, expect: expected } of trace.steps) {
        clock.set(at);
        const charges = [{ policy, subject: 'trace', cost }];
        const decision = { policy: trace.id, limit, windowMs, ...expected };
        const answer = { allowed: expected.allowed, decisions: [decision], binding: decision };
        expect({ at, ...(await backend.peek(charges)) }).toEqual({ at, ...answer });
        const taken = expected.allowed && cost > 0 ? { receipt: { at, charges } } : {};
        expect({ at, ...(await backend.spend(charges)) }).toEqual({ at, ...answer, ...taken });
      }
    });

    it('of which there are many, for every strategy', () => {
      expect(traces.length).toBeGreaterThanOrEqual(28);
      expect(new Set(traces.map(({ policy }) => policy.strategy))).toEqual(new Set(STRATEGIES));
    });
  });

  describe.each(STRATEGIES)('with %s', (strategy) => {
    const policy = definePolicy('p', {
      rate: '10/s',
      strategy,
      ...(strategy === 'gcra' ? { burst: 10 } : {}),
    });
    const ask = (cost: number, subject = 'ada') => [{ policy, subject, cost }];

    it('reads with a cost of 0, and writes nothing', async () => {
      const { backend } = await open();
      await backend.spend(ask(4));
      const read = await backend.spend(ask(0));
      expect(read.decisions[0]).toMatchObject({ allowed: true, remaining: 6, retryAfterMs: 0 });
      expect(read.receipt).toBeUndefined();
      expect(await backend.spend(ask(0))).toEqual(read);
      expect(await backend.peek(ask(0))).toEqual(read);
    });

    it('reads with a cost of 0 even where nothing is left', async () => {
      const { backend } = await open();
      await backend.spend(ask(10));
      const { allowed, decisions } = await backend.spend(ask(0));
      expect(allowed).toBe(true);
      expect(decisions[0]).toMatchObject({ allowed: true, remaining: 0, retryAfterMs: 0, delayMs: 0 });
    });

    it('peeks at the answer that spend then gives, and writes nothing', async () => {
      const { backend, clock } = await open();
      await backend.spend(ask(3));
      clock.advance(17);
      for (const cost of [1, 7, 8, 11, 0]) {
        const before = await backend.peek(ask(0));
        const seen = await backend.peek(ask(cost));
        expect(await backend.peek(ask(cost))).toEqual(seen);
        expect(await backend.peek(ask(0))).toEqual(before);
        const { receipt, ...spent } = await backend.spend(ask(cost));
        expect(spent).toEqual(seen);
        expect(receipt !== undefined).toBe(seen.allowed && cost > 0);
        await backend.reset([{ policy, subject: 'ada' }]);
      }
    });

    it('takes nothing and lengthens no wait when it denies, however often', async () => {
      const { backend, clock } = await open();
      await backend.spend(ask(10));
      const first = (await backend.spend(ask(5))).decisions[0];
      const wait = first?.retryAfterMs ?? 0;
      expect(first?.allowed).toBe(false);
      for (let ms = 1; ms < wait; ms++) {
        clock.advance(1);
        expect((await backend.spend(ask(5))).decisions[0]).toMatchObject({ allowed: false, retryAfterMs: wait - ms });
      }
      clock.advance(1);
      expect((await backend.spend(ask(5))).allowed).toBe(true);
    });

    it('says null of a cost that can never pass, and counts nothing', async () => {
      const { backend } = await open();
      for (const cost of [11, 1_000_000, Number.MAX_SAFE_INTEGER]) {
        expect((await backend.spend(ask(cost))).decisions[0]).toMatchObject({
          allowed: false,
          remaining: 10,
          resetMs: 0,
          retryAfterMs: null,
        });
      }
    });

    it('forgets whom it is told to forget, and nobody else', async () => {
      const { backend } = await open();
      const other = definePolicy('q', { rate: '10/s', strategy, ...(strategy === 'gcra' ? { burst: 10 } : {}) });
      for (const subject of ['ada', 'bob', 'eve']) {
        await backend.spend([...ask(10, subject), { policy: other, subject, cost: 10 }]);
      }
      await backend.reset([
        { policy, subject: 'ada' },
        { policy: other, subject: 'bob' },
        { policy, subject: 'nobody' },
      ]);
      const left = async (subject: string) =>
        (await backend.peek([...ask(0, subject), { policy: other, subject, cost: 0 }])).decisions.map(
          (d) => d.remaining,
        );
      expect([await left('ada'), await left('bob'), await left('eve')]).toEqual([
        [10, 0],
        [0, 10],
        [0, 0],
      ]);
    });
  });

  describe.each(['spend', 'peek'] as const)('before anything else %s', (method) => {
    const policy = definePolicy('p', '10/s');
    const fine = { policy, subject: 'ada', cost: 1 };

    it.each([
      ['NaN', Number.NaN],
      ['-1', -1],
      ['1.5', 1.5],
      ["'5'", '5'],
      ['2^53', 2 ** 53],
      ['Infinity', Number.POSITIVE_INFINITY],
      ['undefined', undefined],
    ])('refuses the cost %s with a RangeError, and takes nothing', async (_shown, cost) => {
      const { backend } = await open();
      const bad = { ...fine, cost };
      for (const charges of [[bad], [fine, bad], [bad, fine]]) {
        const call = async () => Reflect.apply(backend[method], backend, [charges]);
        await expect(call()).rejects.toThrow(RangeError);
      }
      expect((await backend.peek([{ ...fine, cost: 0 }])).decisions[0]?.remaining).toBe(10);
    });
  });
}
