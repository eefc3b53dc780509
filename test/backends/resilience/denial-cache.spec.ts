import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { bindingOf, type Charge, type Outcome } from '../../../src/core/decision.js';
import type { Policy } from '../../../src/core/policy.js';
import { definePolicy } from '../../../src/strategies/define-policy.js';
import { randomPolicy, STRATEGIES } from '../../../src/testing/contract/harness/random-policies.js';
import { arbitrary } from '../../support/arbitraries.js';
import { CachedServer } from './denial-fixture.js';

const policy = definePolicy('p', { rate: '2/min', strategy: 'sliding-log' });
const one = (cost = 1, subject = 'ada', asked: Policy = policy): Charge[] => [{ policy: asked, subject, cost }];
const waits = (outcome: Outcome | undefined) =>
  outcome?.decisions.map(({ retryAfterMs }) => retryAfterMs ?? Infinity) ?? [];

async function denied(forMs?: number, max?: number): Promise<CachedServer> {
  const cached = new CachedServer(forMs, max);
  for (let i = 0; i < 3; i++) await cached.spend(one());
  expect(cached.asked).toBe(3);
  return cached;
}

describe.each(STRATEGIES)('a cached denial by %s', (strategy) => {
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
  const pairs = arbitrary(
    (random) => [randomPolicy(random, strategy, 'p'), randomPolicy(random, strategy, 'q')] as const,
  );
  const of = ([p, q]: readonly [Policy, Policy], who: readonly number[], cost: number): Charge[] =>
    who.map((i) => ({ policy: i === 2 ? q : p, subject: i === 1 ? 'bob' : 'ada', cost }));

  it("equals the server's decision, and no wait is too short", async () => {
    let known = 0;
    await fc.assert(
      fc.asyncProperty(pairs, steps, async (policies, sequence) => {
        const cached = new CachedServer();
        for (const { gapMs, who, there, back } of sequence) {
          cached.clock.advance(gapMs);
          // A list of charges always has the same costs, so a cached denial is of just these.
          const charges = of(policies, who, 1 + (who.length % 2));
          const truth = cached.server.peek(charges);
          const { asked } = cached;
          const outcome = await cached.spend(charges, there, back);
          if (cached.asked > asked) continue;
          known += 1;
          expect([outcome.allowed, truth.allowed]).toEqual([false, false]);
          expect(outcome.decisions.map(({ allowed }) => allowed)).toEqual(
            truth.decisions.map(({ allowed }) => allowed),
          );
          waits(truth).forEach((waitMs, i) => {
            const toldMs = waits(outcome)[i] ?? 0;
            // At most later by the time that the answer took to arrive.
            expect(toldMs >= waitMs && (toldMs <= waitMs + 3 || toldMs === waitMs)).toBe(true);
          });
        }
      }),
      { numRuns: 60 },
    );
    expect(known).toBeGreaterThan(50);
  });

  it('covers higher costs, whose wait is at least as long, and says which can never pass', async () => {
    let known = 0;
    await fc.assert(
      fc.asyncProperty(pairs, steps, async (policies, sequence) => {
        const cached = new CachedServer();
        for (const { gapMs, who, cost } of sequence) {
          cached.clock.advance(gapMs);
          const charges = of(policies, who, cost);
          const truth = cached.server.peek(charges);
          const { asked } = cached;
          const outcome = await cached.spend(charges);
          if (cached.asked > asked) continue;
          known += 1;
          expect([outcome.allowed, truth.allowed]).toEqual([false, false]);
          waits(truth).forEach((waitMs, i) => {
            if (truth.decisions[i]?.allowed !== false) return;
            expect(waits(outcome)[i]).toBeLessThanOrEqual(waitMs);
            expect(waits(outcome)[i] === Infinity).toBe(waitMs === Infinity);
          });
          expect(outcome.binding).toBe(bindingOf(outcome.decisions));
        }
      }),
      { numRuns: 60 },
    );
    expect(known).toBeGreaterThan(50);
  });
});

describe('a denial', () => {
  it('is returned without the server, with its wait counted down, until it is over', async () => {
    const cached = await denied(60_000);
    cached.clock.advance(20_000);
    expect(await cached.spend(one())).toEqual(cached.server.peek(one()));
    cached.clock.advance(39_999);
    expect(waits(await cached.spend(one()))).toEqual([1]);
    expect(cached.asked).toBe(3);
    cached.clock.advance(1);
    expect((await cached.spend(one())).allowed).toBe(true);
    expect(cached.asked).toBe(4);
  });

  it('is cached for the configured time at most', async () => {
    const cached = await denied(1000);
    cached.clock.advance(999);
    await cached.spend(one());
    expect(cached.asked).toBe(3);
    cached.clock.advance(1);
    await cached.spend(one());
    expect(cached.asked).toBe(4);
  });

  it.each<readonly [string, Charge[]]>([
    ['of another subject', one(1, 'bob')],
    ['of another policy', one(1, 'ada', definePolicy('q', '2/min'))],
    ['under another limit', one(1, 'ada', definePolicy('p', { rate: '3/min', strategy: 'sliding-log' }))],
    ['with a further charge', [...one(), ...one(1, 'bob')]],
  ])('does not cover a call %s', async (_, charges) => {
    const cached = await denied();
    await cached.spend(charges);
    expect(cached.asked).toBe(4);
  });

  it('does not cover a lower cost', async () => {
    const cached = new CachedServer();
    await cached.spend(one());
    await cached.spend(one(2));
    expect((await cached.spend(one())).allowed).toBe(true);
    expect(cached.asked).toBe(3);
  });

  it('is dropped when its budget is invalidated, and only then', async () => {
    const cached = await denied();
    cached.cache.invalidate(one(1, 'bob'));
    await cached.spend(one());
    expect(cached.asked).toBe(3);
    cached.cache.invalidate(one());
    await cached.spend(one());
    expect(cached.asked).toBe(4);
  });

  it('is not cached if it was requested before its budget was invalidated', async () => {
    const cached = await denied();
    cached.cache.invalidate(one());
    const late = cached.learn(one(), async () => {
      const outcome = cached.server.spend(one());
      cached.server.reset(one());
      cached.cache.invalidate(one());
      return outcome;
    });
    expect((await late).allowed).toBe(false);
    expect((await cached.spend(one())).allowed).toBe(true);
  });

  it('is cached even if other budgets were invalidated in the meantime', async () => {
    const cached = await denied();
    cached.cache.invalidate(one());
    await cached.learn(one(), () => {
      cached.cache.invalidate(one(1, 'bob'));
      cached.cache.invalidate(one(1, 'ada', definePolicy('q', '2/min')));
      return cached.server.spend(one());
    });
    await cached.spend(one());
    expect(cached.asked).toBe(3);
  });

  it('is not cached if more budgets were invalidated in the meantime than are tracked', async () => {
    const cached = await denied();
    const learnAfter = (ask: () => void) =>
      cached.learn(one(), () => {
        ask();
        return cached.server.spend(one());
      });
    const invalidate = (count: number) => {
      for (let i = 0; i < count; i++) cached.cache.invalidate(one(1, `user:${i}`));
    };
    cached.cache.invalidate(one());
    await learnAfter(() => {
      cached.cache.invalidate(one());
      invalidate(2000);
    });
    expect(cached.cache.get(one())).toBeUndefined();
    // An invalidation from before it was asked for is of no concern, however many there were.
    await learnAfter(() => invalidate(1000));
    expect(cached.cache.get(one())).toMatchObject({ allowed: false });
  });

  it('is evicted if there are too many, the oldest first', async () => {
    const cached = new CachedServer(1000, 2);
    for (const subject of ['a', 'b', 'c']) await cached.spend(one(3, subject));
    expect(cached.asked).toBe(3);
    await cached.spend(one(3, 'c'));
    await cached.spend(one(3, 'b'));
    expect(cached.asked).toBe(3);
    await cached.spend(one(3, 'a'));
    expect(cached.asked).toBe(4);
  });

  it('is dropped if the clock steps back', async () => {
    const cached = await denied();
    cached.clock.advance(-1);
    await cached.spend(one());
    expect(cached.asked).toBe(4);
  });

  it('is cached for a cost that can never pass, too', async () => {
    const cached = new CachedServer();
    await cached.spend(one(3));
    expect(waits(await cached.spend(one(3)))).toEqual([Infinity]);
    expect(cached.asked).toBe(1);
  });
});

describe('a denial cache and charges that are not enforced', () => {
  it.each(['record', 'monitor'] as const)('does not deny a call whose charge is to be %sed', async (mode) => {
    const cached = await denied();
    const outcome = await cached.spend(one().map((charge) => ({ ...charge, mode })));
    expect(outcome.allowed).toBe(true);
    expect(cached.asked).toBe(4);
    expect((await cached.spend(one().map((charge) => ({ ...charge, mode: 'enforce' })))).allowed).toBe(false);
  });

  it('does not cache a monitored denial, nor a denied call that has one', async () => {
    const cached = new CachedServer();
    for (let i = 0; i < 2; i++) await cached.spend(one());
    const watched = one().map((charge): Charge => ({ ...charge, mode: 'monitor' }));
    const mixed = [...one(), ...watched];
    for (let i = 0; i < 2; i++) {
      expect((await cached.spend(watched)).decisions).toMatchObject([{ allowed: false, mode: 'monitor' }]);
      expect((await cached.spend(mixed)).allowed).toBe(false);
    }
    expect(cached.asked).toBe(6);
    await cached.spend(one());
    expect(cached.asked).toBe(7);
  });

  it('drops a denial when a charge is recorded on its budget, because the wait becomes longer', async () => {
    const cached = await denied();
    cached.clock.advance(400);
    await cached.spend(one(5).map((charge) => ({ ...charge, mode: 'record' })));
    const { binding } = await cached.spend(one());
    expect(cached.asked).toBe(5);
    expect(binding?.retryAfterMs).toBe(60_000);
  });

  it('says that a cost can never pass under the override in force', async () => {
    const cached = new CachedServer();
    const { server } = cached;
    const rate = { strategy: 'sliding-log', limit: 4, periodMs: 60_000, burst: 4, segments: 1 };
    await server.settings.setOverride({ policy: 'p', subject: 'ada', rate });
    const overridden = (cost: number): Charge[] => [{ policy, subject: 'ada', cost, overriddenBy: ['ada'] }];
    await cached.spend(overridden(4));
    await cached.spend(overridden(1));
    expect(waits(await cached.spend(overridden(4)))).toEqual([60_000]);
    expect(await cached.spend(overridden(5))).toEqual(server.peek(overridden(5)));
    expect(cached.asked).toBe(2);
  });

  it('distinguishes charges by their arguments and overrides', () => {
    const cached = new CachedServer();
    const asked = (more: Partial<Charge>): Charge[] => one().map((charge) => ({ ...charge, ...more }));
    const decision = { allowed: false, limit: 1, remaining: 0, resetMs: 9, retryAfterMs: 9, delayMs: 0, windowMs: 9 };
    const learn = (charges: readonly Charge[]) => {
      const outcome: Outcome = { allowed: false, decisions: [{ policy: 'p', ...decision }], binding: null };
      cached.cache.startCall().learn(charges, outcome);
    };
    learn(asked({ arguments: [1, 2] }));
    learn(asked({ overriddenBy: ['org:1'] }));
    expect(cached.cache.get(asked({ arguments: [1, 2] }))).toBeDefined();
    expect(cached.cache.get(asked({ overriddenBy: ['org:1'] }))).toBeDefined();
    const others: Partial<Charge>[] = [
      {},
      { arguments: [1, 3] },
      { arguments: [1] },
      { overriddenBy: [] },
      { overriddenBy: ['org:2'] },
      { arguments: [1, 2], overriddenBy: ['org:1'] },
    ];
    for (const other of others) expect(cached.cache.get(asked(other))).toBeUndefined();
  });
});
