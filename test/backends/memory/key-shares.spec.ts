import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { KeyShares } from '../../../src/backends/memory/key-shares.js';
import { definePolicy, ThrottleService } from '../../../src/index.js';
import { startContext } from '../../support/service-app.js';
import { openMemory, other, policy } from './memory-fixture.js';

const third = definePolicy('r', '5/s');

describe('the keys of a memory backend', () => {
  it('are half reserved, in equal parts, so that a flood on one policy does not affect the others', () => {
    const { backend, events, hit } = openMemory(20);
    backend.announce([policy, other]);
    for (let i = 0; i < 20; i++) hit(`flood ${i}`);
    expect(events).toEqual([{ type: 'overflow', policy: 'p' }]);
    // Each has three keys of its own, as policies that come later have together; the flood has the eleven that are for anyone, too.
    expect(backend.size).toBe(14);
    const newcomers = Array.from({ length: 8 }, (_, i) => hit(`user ${i}`, 1, other));
    expect(newcomers.filter(({ allowed }) => !allowed)).toEqual([]);
    expect(backend.size).toBe(17);
    const later = Array.from({ length: 3 }, (_, i) => hit(`user ${i}`, 5, third));
    expect(later.map(({ allowed }) => allowed)).toEqual([true, true, true]);
    expect(backend.size).toBe(20);
  });

  it('have one shared part for all policies that are added later', () => {
    const { backend, hit } = openMemory(40);
    backend.announce([policy]);
    for (let i = 0; i < 100; i++) hit(`flood ${i}`, 1, definePolicy(`tenant${i}`, '5/min'));
    expect(backend.size).toBe(30);
    const users = Array.from({ length: 10 }, (_, i) => hit(`user ${i}`, 5));
    expect(users.every(({ allowed }) => allowed)).toBe(true);
    expect(backend.size).toBe(40);
  });

  it('count for the same policy under overrides of another period', async () => {
    const { backend, hit, left } = openMemory(8);
    backend.announce([policy]);
    const rate = { strategy: 'fixed-window', limit: 9, periodMs: 60_000, burst: 9, segments: 1 };
    for (let i = 0; i < 8; i++) {
      await backend.settings.setOverride({ policy: 'p', subject: `ada ${i}`, rate });
      backend.spend([{ policy, subject: `ada ${i}`, cost: 1, overriddenBy: [`ada ${i}`] }]);
    }
    // Two are left to policies that come later.
    expect(backend.size).toBe(6);
    for (const subject of ['bob', 'eve']) hit(subject, 5, other);
    expect([backend.size, left('bob', other)]).toEqual([8, 0]);
  });

  it('move with existing tables when policies are announced', () => {
    const { backend, hit } = openMemory(20);
    for (let i = 0; i < 15; i++) hit(`flood ${i}`);
    backend.announce([policy, other]);
    for (let i = 0; i < 5; i++) hit(`more ${i}`);
    expect(backend.size).toBe(15);
    for (let i = 0; i < 3; i++) expect(hit(`user ${i}`, 5, other).allowed).toBe(true);
    expect(backend.size).toBe(18);
  });

  it('return to a reserved part when its subjects have expired, even if the rest is full', () => {
    const { backend, clock, hit } = openMemory(20);
    backend.announce([policy, other]);
    for (let i = 0; i < 3; i++) hit(`quick ${i}`);
    for (let i = 0; i < 20; i++) hit(`flood ${i}`, 1, other);
    clock.advance(1000);
    for (let i = 0; i < 3; i++) expect(hit(`next ${i}`, 5).allowed).toBe(true);
    expect(backend.size).toBeLessThanOrEqual(20);
  });

  it('are reserved for the policies, handlers and sockets of an application at startup', async () => {
    const api = { rate: '5/min', strategy: 'fixed-window' } as const;
    await using context = await startContext({ policies: { api, mail: api } }, { maxKeys: 20 });
    const { throttle } = context;
    const denied = async (name: string, count: number) => {
      const outcomes = [];
      for (let i = 0; i < count; i++) outcomes.push(await throttle.consume(name, 1, { subject: `${name} ${i}` }));
      return outcomes.filter(({ allowed }) => !allowed).length;
    };
    expect(throttle).toBeInstanceOf(ThrottleService);
    expect([await denied('api', 20), await denied('mail', 8)]).toEqual([1, 0]);
  });
});

describe('the shares of keys', () => {
  it('never exceed the total, nor let one policy take keys reserved for another', () => {
    const step = fc.record({ share: fc.integer({ min: 0, max: 4 }), adds: fc.boolean() });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.array(step, { maxLength: 200 }), (max, steps) => {
        const shares = new KeyShares(max);
        const ids = ['a', 'b', 'c', 'd'];
        shares.announce(ids);
        const all = [...ids, 'later'].map((id) => shares.of(id));
        for (const { share: i, adds } of steps) {
          const share = all[i];
          if (share === undefined) continue;
          if (adds && shares.hasRoom(share, [])) shares.add(share);
          else if (!adds && share.size > 0) shares.remove(share);
          const taken = all.reduce((sum, one) => sum + one.size, 0);
          expect(shares.size).toBe(taken);
          expect(taken).toBeLessThanOrEqual(max);
          for (const one of all) expect(one.size < one.reserved && !shares.hasRoom(one, [])).toBe(false);
        }
      }),
    );
  });

  it('check whether all keys of one call fit', () => {
    const shares = new KeyShares(4);
    shares.announce(['a']);
    const [a, later] = [shares.of('a'), shares.of('later')];
    // One for each, and two for anyone.
    expect([a.reserved, later.reserved]).toEqual([1, 1]);
    expect([shares.hasRoom(a, [a, a]), shares.hasRoom(a, [a, a, a]), shares.hasRoom(later, [a, a, a])]).toEqual([
      true,
      false,
      true,
    ]);
    expect(shares.size).toBe(0);
  });
});
