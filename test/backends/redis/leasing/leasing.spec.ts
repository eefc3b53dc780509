import { describe, expect, it } from '@jest/globals';
import type { Outcome } from '../../../../src/core/decision.js';
import { definePolicy } from '../../../../src/strategies/define-policy.js';
import { Fleet } from '../support/fleet.js';
import { ada, HOUR, Leased } from '../support/leasing-fixture.js';

describe('a leased policy on Redis', () => {
  const world = new Leased();

  it('is decided without a promise from held units, with exactly this outcome', async () => {
    const backend = world.open();
    const first = backend.spend(ada());
    expect(first).toBeInstanceOf(Promise);
    const decision = {
      policy: 'p',
      allowed: true,
      limit: 1000,
      remaining: 999,
      resetMs: 3_000_000,
      retryAfterMs: 0,
      delayMs: 0,
      windowMs: HOUR,
      approximate: true,
    };
    expect(await first).toEqual({
      allowed: true,
      decisions: [decision],
      binding: decision,
      receipt: { at: world.clock.now(), charges: ada() },
    });
    const at = world.clock.now();
    world.clock.advance(1000);
    const second = { ...decision, remaining: 994, resetMs: 2_999_000 };
    // toEqual would fail for a promise.
    expect(backend.spend(ada(5))).toEqual({
      allowed: true,
      decisions: [second],
      binding: second,
      receipt: { at, charges: ada(5) },
    });
    expect(await world.used()).toBe(100);
  });

  it('costs at most 1.1 round trips per 100 decisions, and none for repeated denials', async () => {
    const backend = world.open();
    await backend.spend(ada());
    await world.redis.resetCounts();
    for (let i = 1; i < 1000; i++) expect((await backend.spend(ada())).allowed).toBe(true);
    expect(await world.redis.calls('evalsha')).toBeLessThanOrEqual(9);
    await world.redis.resetCounts();
    const outcomes = [];
    for (let i = 0; i < 1000; i++) outcomes.push(await backend.spend(ada()));
    expect(new Set(outcomes.map(({ allowed }) => allowed))).toEqual(new Set([false]));
    expect(await world.redis.calls('evalsha')).toBe(0);
    expect(outcomes[999]?.decisions).toEqual([
      {
        policy: 'p',
        allowed: false,
        reason: 'rate',
        limit: 1000,
        remaining: 0,
        resetMs: 3_000_000,
        retryAfterMs: 3_000_000,
        delayMs: 0,
        windowMs: HOUR,
        approximate: true,
      },
    ]);
    world.clock.advance(1000);
    expect((await backend.spend(ada())).binding?.retryAfterMs).toBe(2_999_000);
    expect(await world.redis.calls('evalsha')).toBe(1);
  });

  it.each([2, 8])('admits exactly the limit over %i backends that use it up together', async (count) => {
    const backends = Array.from({ length: count }, () => world.open());
    const spent = await Promise.all(backends.map((backend) => world.drain(backend)));
    expect(spent.reduce((sum, one) => sum + one, 0)).toBe(1000);
    expect(await world.used()).toBe(1000);
  });

  it('admits exactly the limit over eight processes', async () => {
    using fleet = new Fleet(new Array(8).fill(0));
    const task = {
      port: world.redis.server.port,
      prefix: world.prefix,
      spec: { rate: '1000/h', strategy: 'fixed-window', lease: { batch: 7 } } as const,
      hits: 1000,
      inFlight: 16,
      frozenAt: world.clock.now(),
    };
    const answers = (await fleet.run(task, world.redis.client)).flatMap((told) => told.answers);
    expect(answers).toHaveLength(8000);
    // Each process spends until it is denied, so it holds no units at the end.
    expect(answers.filter(({ allowed }) => allowed)).toHaveLength(1000);
    expect(new Set(answers.map(({ approximate }) => approximate))).toEqual(new Set([true]));
  });

  it('is granted again in the next window, where old units cannot be spent', async () => {
    const [one, other] = [world.open(), world.open()];
    await one.spend(ada());
    await other.spend(ada());
    world.clock.set(Math.floor(world.clock.now() / HOUR) * HOUR + HOUR);
    expect((await Promise.all([world.drain(one), world.drain(other)])).reduce((a, b) => a + b)).toBe(1000);
    expect(await world.used()).toBe(1000);
  });

  it('is reported by peek including held units, and peek leases nothing', async () => {
    const [one, other] = [world.open(), world.open()];
    const peek = async (cost: number, backend = one) => {
      const { allowed, binding } = await backend.peek(ada(cost));
      return [allowed, binding?.remaining, binding?.retryAfterMs, binding?.approximate];
    };
    expect(await peek(1)).toEqual([true, 999, 0, true]);
    expect(await world.used()).toBe(0);
    await one.spend(ada(40));
    await other.spend(ada(900));
    expect(await world.used()).toBe(1000);
    expect(await peek(0)).toEqual([true, 960, 0, true]);
    expect(await peek(60)).toEqual([true, 900, 0, true]);
    expect(await peek(61)).toEqual([false, 60, 3_000_000, true]);
    expect(await peek(1001)).toEqual([false, 960, null, true]);
    expect(await world.used()).toBe(1000);
  });

  it('denies a cost above the limit without a round trip, and rejects an invalid cost', async () => {
    const backend = world.open();
    await world.redis.resetCounts();
    const { allowed, binding }: Outcome = await backend.spend(ada(1001));
    expect([allowed, binding?.retryAfterMs, await world.redis.calls('evalsha')]).toEqual([false, null, 0]);
    await expect(backend.spend(ada(0.5))).rejects.toThrow(RangeError);
    await expect(backend.peek(ada(-1))).rejects.toThrow(RangeError);
  });

  it('shares its count with the same policy without a lease', async () => {
    const plain = definePolicy('p', { rate: '1000/h', strategy: 'fixed-window' });
    const backend = world.open();
    await backend.spend(ada());
    expect((await backend.spend(ada(900, plain))).binding).toMatchObject({ allowed: true, remaining: 0 });
    expect(await world.drain(backend)).toBe(99);
  });
});
