import { describe, expect, it, jest } from '@jest/globals';
import { definePolicy } from '../../../src/strategies/define-policy.js';
import { openMemory, other, policy } from './memory-fixture.js';

describe('a full memory backend', () => {
  it('makes new subjects share one budget per policy, and reports that once per policy', () => {
    const { backend, events, hit, left } = openMemory(2);
    hit('ada', 5);
    hit('bob', 5, other);
    expect(hit('eve', 2).decisions[0]?.remaining).toBe(3);
    expect(hit('max', 2).decisions[0]?.remaining).toBe(1);
    expect(hit('zoe', 2).decisions[0]).toMatchObject({ allowed: false, remaining: 1 });
    expect(hit('eve', 3, other).decisions[0]?.remaining).toBe(2);
    expect([left('anyone'), left('anyone', other)]).toEqual([1, 2]);
    expect([left('ada'), left('bob', other)]).toEqual([0, 0]);
    expect(backend.size).toBe(2);
    expect(events).toEqual([
      { type: 'overflow', policy: 'p' },
      { type: 'overflow', policy: 'q' },
    ]);
  });

  it('charges the shared budget for all subjects that share it in one call', () => {
    const { backend, hit } = openMemory(1);
    hit('ada');
    const ask = (cost: number) => ['eve', 'max'].map((subject) => ({ policy, subject, cost }));
    const { allowed, decisions } = backend.spend(ask(3));
    expect([allowed, ...decisions.map((decision) => decision.allowed)]).toEqual([false, true, false]);
    expect(backend.spend(ask(2)).decisions.map(({ remaining }) => remaining)).toEqual([3, 1]);
  });

  it('records on the shared budget, and settles upward there for a subject without a separate one', () => {
    const { backend, hit, left } = openMemory(1);
    hit('ada');
    const { receipt } = hit('eve', 2);
    if (receipt === undefined) throw new Error('nothing was taken');
    backend.settle(receipt, [3]);
    expect(left('anyone')).toBe(2);
    backend.spend([{ policy, subject: 'max', cost: 9, mode: 'record' }]);
    expect([left('anyone'), left('ada')]).toEqual([0, 4]);
    expect(backend.size).toBe(1);
  });

  it('reports it again if there was room in between', () => {
    const { clock, events, hit } = openMemory(1);
    for (const subject of ['ada', 'bob', 'eve']) hit(subject);
    expect(events).toHaveLength(1);
    clock.advance(1000);
    hit('bob');
    expect(events).toHaveLength(1);
    hit('max');
    hit('zoe');
    expect(events).toEqual([
      { type: 'overflow', policy: 'p' },
      { type: 'overflow', policy: 'p' },
    ]);
  });

  it('drops no subject and does not grow under a flood of new subjects', () => {
    const { backend, clock, events, hit, left } = openMemory(1000);
    for (let i = 0; i < 500; i++) hit(`user ${i}`, 5, other);
    for (let i = 0; i < 20_000; i++) {
      hit(`flood ${i}`);
      if (backend.size > 1000) throw new Error(`${backend.size} subjects after ${i}`);
      if (i % 100 === 0) clock.advance(1);
    }
    for (let i = 0; i < 500; i++) expect(left(`user ${i}`, other)).toBe(0);
    expect(backend.size).toBe(1000);
    expect(events).toEqual([{ type: 'overflow', policy: 'p' }]);
  });

  it.each([1, 2, 3, 4])('never holds more than %i subjects, even if a call has many charges', (maxKeys) => {
    const { backend, clock, hit } = openMemory(maxKeys);
    const policies = [policy, other, definePolicy('r', '5/s')];
    for (let i = 0; i < 50; i++) {
      const subjects = [`ada ${i % 3}`, `bob ${i}`];
      backend.spend(policies.flatMap((on) => subjects.map((subject) => ({ policy: on, subject, cost: 1 }))));
      hit(`eve ${i}`);
      expect(backend.size).toBeLessThanOrEqual(maxKeys);
      clock.advance(300);
    }
    expect(backend.size).toBe(maxKeys);
  });

  it('has room for as many new subjects of one call as it may remember', () => {
    const { backend, events } = openMemory(3);
    backend.spend(['ada', 'bob', 'ada', 'eve'].map((subject) => ({ policy, subject, cost: 1 })));
    expect([backend.size, events]).toEqual([3, []]);
  });

  it('does not lose an expired subject that a second charge of its call replaces', () => {
    const { backend, clock, events, hit, left } = openMemory(1);
    hit('ada', 2);
    clock.advance(1000);
    const outcome = backend.spend(['ada', 'bob'].map((subject) => ({ policy, subject, cost: 3 })));
    expect(outcome.decisions.map(({ remaining }) => remaining)).toEqual([2, 2]);
    expect([left('ada'), left('bob'), backend.size]).toEqual([2, 2, 1]);
    expect(hit('ada', 3).allowed).toBe(false);
    expect(events).toEqual([{ type: 'overflow', policy: 'p' }]);
  });

  it('returns settled units, but not to the shared budget', () => {
    const { backend, hit, left } = openMemory(1);
    const [own, shared] = [hit('ada', 4).receipt, hit('bob', 4).receipt];
    if (own === undefined || shared === undefined) throw new Error('nothing was taken');
    backend.settle(own, [1]);
    backend.settle(shared, [1]);
    expect([left('ada'), left('bob')]).toEqual([4, 1]);
  });

  it('decides the same if a listener throws, and reports the exception as a process warning', () => {
    const emitWarning = jest.spyOn(process, 'emitWarning').mockReturnValue(undefined);
    const { backend, events, hit } = openMemory(1);
    backend.listen(() => {
      throw new Error('the listener failed');
    });
    hit('ada');
    expect(hit('bob', 5)).toMatchObject({ allowed: true, receipt: { charges: [{ subject: 'bob', cost: 5 }] } });
    expect(hit('eve', 1)).toMatchObject({ allowed: false });
    expect(events).toEqual([{ type: 'overflow', policy: 'p' }]);
    expect(emitWarning).toHaveBeenCalledTimes(1);
    emitWarning.mockRestore();
  });

  it('has room again for a subject that was reset', () => {
    const { backend, hit, left } = openMemory(1);
    hit('ada', 5);
    hit('bob', 5);
    backend.reset([{ policy, subject: 'ada' }]);
    expect(backend.size).toBe(0);
    expect([left('ada'), hit('ada', 5).allowed, backend.size]).toEqual([5, true, 1]);
  });

  it('does not block a new subject, and does not report a block', () => {
    const { backend, hit } = openMemory(1);
    const strict = definePolicy('strict', { rate: '5/s', strategy: 'fixed-window', block: { for: '5m' } });
    hit('ada');
    hit('bob', 5, strict);
    for (const subject of ['bob', 'eve']) {
      const [decision] = hit(subject, 1, strict).decisions;
      expect(decision).toMatchObject({ allowed: false, reason: 'rate', retryAfterMs: 1000 });
      expect(decision).not.toHaveProperty('startedBlock');
    }
    expect(() => backend.blocks.setBlock({ policy: strict, subject: 'bob' }, 1000)).toThrow(
      'The subject is not blocked under policy "strict": the MemoryBackend already has `maxKeys` subjects.',
    );
    expect(backend.blocks.getBlock({ policy: strict, subject: 'bob' })).toBeUndefined();
    backend.reset([{ policy, subject: 'ada' }]);
    backend.blocks.setBlock({ policy: strict, subject: 'bob' }, 1000);
    expect(hit('bob', 1, strict).decisions).toMatchObject([{ allowed: false, reason: 'blocked' }]);
  });
});
