import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Charge, definePolicy, type Outcome, type Policy } from '../../../src/index.js';
import { policiesOf, STRATEGIES } from '../contract/random-policies.js';
import { Remembered } from './denial-fixture.js';

const policy = definePolicy('p', { rate: '2/min', strategy: 'sliding-log' });
const one = (cost = 1, subject = 'ada', asked: Policy = policy): Charge[] => [{ policy: asked, subject, cost }];
const waits = (outcome: Outcome | undefined) =>
  outcome?.decisions.map(({ retryAfterMs }) => retryAfterMs ?? Infinity) ?? [];

async function denied(forMs?: number, max?: number): Promise<Remembered> {
  const remembered = new Remembered(forMs, max);
  for (let i = 0; i < 3; i++) await remembered.spend(one());
  expect(remembered.asked).toBe(3);
  return remembered;
}

describe.each(STRATEGIES)('what is remembered of denials by %s', (strategy) => {
  const steps = fc.array(
    fc.record({
      gapMs: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 500 })),
      who: fc.subarray([0, 1, 2], { minLength: 1 }),
      cost: fc.integer({ min: 1, max: 3 }),
      there: fc.integer({ min: 0, max: 3 }),
      back: fc.integer({ min: 0, max: 3 }),
    }),
    { minLength: 20, maxLength: 40 },
  );
  const pairs = fc.tuple(policiesOf(strategy, 'p'), policiesOf(strategy, 'q'));
  const of = ([p, q]: readonly [Policy, Policy], who: readonly number[], cost: number): Charge[] =>
    who.map((i) => ({ policy: i === 2 ? q : p, subject: i === 1 ? 'bob' : 'ada', cost }));

  it('is what the server says, too, and no wait is told too short', async () => {
    let known = 0;
    await fc.assert(
      fc.asyncProperty(pairs, steps, async (policies, sequence) => {
        const remembered = new Remembered();
        for (const { gapMs, who, there, back } of sequence) {
          remembered.clock.advance(gapMs);
          // A list of charges has one cost, so that what is remembered is of just that.
          const charges = of(policies, who, 1 + (who.length % 2));
          const truth = remembered.server.peek(charges);
          const { asked } = remembered;
          const outcome = await remembered.spend(charges, there, back);
          if (remembered.asked > asked) continue;
          known += 1;
          expect([outcome.allowed, truth.allowed]).toEqual([false, false]);
          expect(outcome.decisions.map(({ allowed }) => allowed)).toEqual(
            truth.decisions.map(({ allowed }) => allowed),
          );
          waits(truth).forEach((waitMs, i) => {
            const toldMs = waits(outcome)[i] ?? 0;
            // Later by what the answer took to come back, at most.
            expect(toldMs >= waitMs && (toldMs <= waitMs + 3 || toldMs === waitMs)).toBe(true);
          });
        }
      }),
      { numRuns: 60 },
    );
    expect(known).toBeGreaterThan(50);
  });

  it('holds for higher costs, whose wait is that of the lower or longer', async () => {
    let known = 0;
    await fc.assert(
      fc.asyncProperty(pairs, steps, async (policies, sequence) => {
        const remembered = new Remembered();
        for (const { gapMs, who, cost } of sequence) {
          remembered.clock.advance(gapMs);
          const charges = of(policies, who, cost);
          const truth = remembered.server.peek(charges);
          const { asked } = remembered;
          const outcome = await remembered.spend(charges);
          if (remembered.asked > asked) continue;
          known += 1;
          expect([outcome.allowed, truth.allowed]).toEqual([false, false]);
          waits(truth).forEach((waitMs, i) => {
            if (truth.decisions[i]?.allowed === false) expect(waits(outcome)[i]).toBeLessThanOrEqual(waitMs);
          });
        }
      }),
      { numRuns: 60 },
    );
    expect(known).toBeGreaterThan(50);
  });
});

describe('a denial', () => {
  it('is told with its wait counted down, and asks nobody, until it is over', async () => {
    const remembered = await denied(60_000);
    remembered.clock.advance(20_000);
    expect(await remembered.spend(one())).toEqual(remembered.server.peek(one()));
    remembered.clock.advance(39_999);
    expect(waits(await remembered.spend(one()))).toEqual([1]);
    expect(remembered.asked).toBe(3);
    remembered.clock.advance(1);
    expect((await remembered.spend(one())).allowed).toBe(true);
    expect(remembered.asked).toBe(4);
  });

  it('is remembered for so long at most', async () => {
    const remembered = await denied(1000);
    remembered.clock.advance(999);
    await remembered.spend(one());
    expect(remembered.asked).toBe(3);
    remembered.clock.advance(1);
    await remembered.spend(one());
    expect(remembered.asked).toBe(4);
  });

  it.each<readonly [string, Charge[]]>([
    ['of another subject', one(1, 'bob')],
    ['of another policy', one(1, 'ada', definePolicy('q', '2/min'))],
    ['under another limit', one(1, 'ada', definePolicy('p', { rate: '3/min', strategy: 'sliding-log' }))],
    ['with a further charge', [...one(), ...one(1, 'bob')]],
  ])('says nothing of a call %s', async (_, charges) => {
    const remembered = await denied();
    await remembered.spend(charges);
    expect(remembered.asked).toBe(4);
  });

  it('says nothing of a lower cost', async () => {
    const remembered = new Remembered();
    await remembered.spend(one());
    await remembered.spend(one(2));
    expect((await remembered.spend(one())).allowed).toBe(true);
    expect(remembered.asked).toBe(3);
  });

  it('is forgotten with its budget, and only with that', async () => {
    const remembered = await denied();
    remembered.memory.invalidate(one(1, 'bob'));
    await remembered.spend(one());
    expect(remembered.asked).toBe(3);
    remembered.memory.invalidate(one());
    await remembered.spend(one());
    expect(remembered.asked).toBe(4);
  });

  it('is not learnt from an answer that was given before its budget was forgotten', async () => {
    const remembered = await denied();
    remembered.memory.invalidate(one());
    const late = remembered.memory.learn(one(), async () => {
      const outcome = remembered.server.spend(one());
      remembered.server.reset(one());
      remembered.memory.invalidate(one());
      return outcome;
    });
    expect((await late).allowed).toBe(false);
    expect((await remembered.spend(one())).allowed).toBe(true);
  });

  it('makes room where there are too many, the oldest first', async () => {
    const remembered = new Remembered(1000, 2);
    for (const subject of ['a', 'b', 'c']) await remembered.spend(one(3, subject));
    expect(remembered.asked).toBe(3);
    await remembered.spend(one(3, 'c'));
    await remembered.spend(one(3, 'b'));
    expect(remembered.asked).toBe(3);
    await remembered.spend(one(3, 'a'));
    expect(remembered.asked).toBe(4);
  });

  it('is left behind by a clock that steps back', async () => {
    const remembered = await denied();
    remembered.clock.advance(-1);
    await remembered.spend(one());
    expect(remembered.asked).toBe(4);
  });

  it('of what can never pass is remembered, too', async () => {
    const remembered = new Remembered();
    await remembered.spend(one(3));
    expect(waits(await remembered.spend(one(3)))).toEqual([Infinity]);
    expect(remembered.asked).toBe(1);
  });
});
