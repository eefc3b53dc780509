import { describe, expect, it } from '@jest/globals';
import { MemoryBackend } from '../../../src/backends/memory/memory.backend.js';
import { ThrottleConfigError } from '../../../src/core/errors.js';
import { definePolicy } from '../../../src/strategies/define-policy.js';
import { openMemory, other, policy, START } from './memory-fixture.js';

describe('a memory backend', () => {
  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('may not remember at most %p subjects', (maxKeys) => {
    expect(() => new MemoryBackend({ maxKeys })).toThrow(
      new ThrottleConfigError(
        'SLUICE_INVALID_OPTION',
        `MemoryBackend: maxKeys: expected a whole number of at least 1, got ${maxKeys} (number)`,
      ),
    );
  });

  it('returns values instead of promises', () => {
    const { backend, hit } = openMemory();
    expect(hit('ada')).toMatchObject({ allowed: true });
    expect(backend.peek([{ policy, subject: 'ada', cost: 1 }])).toMatchObject({ allowed: true });
    expect(backend.reset([{ policy, subject: 'ada' }])).toBeUndefined();
  });

  it('counts its subjects over all policies', () => {
    const { backend, hit } = openMemory();
    hit('ada');
    hit('ada');
    hit('bob');
    hit('ada', 1, other);
    expect(backend.size).toBe(3);
    hit('eve', 0);
    backend.spend([policy, other].map((on, i) => ({ policy: on, subject: 'bob', cost: 1 - i })));
    hit('eve', 6);
    backend.peek([{ policy, subject: 'eve', cost: 1 }]);
    expect(backend.size).toBe(3);
    backend.reset([
      { policy, subject: 'ada' },
      { policy, subject: 'nobody' },
    ]);
    expect(backend.size).toBe(2);
  });

  it('keeps a window of 365 days', () => {
    const { clock, hit } = openMemory();
    const yearly = definePolicy('yearly', { rate: '1/365d', strategy: 'fixed-window' });
    const yearMs = 365 * 86_400_000;
    const turnMs = yearMs - (START % yearMs);
    expect(hit('ada', 1, yearly).allowed).toBe(true);
    clock.advance(turnMs - 1);
    expect(hit('ada', 1, yearly).decisions[0]).toMatchObject({ allowed: false, retryAfterMs: 1 });
    clock.advance(1);
    expect(hit('ada', 1, yearly).decisions[0]).toMatchObject({ allowed: true, resetMs: yearMs });
  });
});

describe('a full memory backend that looks for room', () => {
  it('drops expired subjects first', () => {
    const { backend, clock, events, hit, left } = openMemory(3);
    hit('slow', 2, other);
    for (const subject of ['ada', 'bob']) hit(subject, 5);
    clock.advance(1000);
    expect(hit('eve', 5).allowed).toBe(true);
    expect(hit('max', 4).allowed).toBe(true);
    expect([backend.size, events]).toEqual([3, []]);
    expect([left('slow', other), left('eve'), left('max')]).toEqual([3, 0, 1]);
  });

  it('finds the one expired among many within a few charges, each of bounded work', () => {
    const { backend, clock, events, hit, left } = openMemory(2000);
    for (let i = 0; i < 1999; i++) hit(`slow ${i}`, 1, other);
    hit('ada');
    clock.advance(1000);
    const late = ['bob', 'eve', 'max', 'zoe'];
    hit('bob');
    expect(events).toEqual([{ type: 'overflow', policy: 'p' }]);
    for (const subject of late.slice(1)) hit(subject);
    // Three share the overflow budget; one got the room that the expired subject left.
    expect(late.map((subject) => left(subject)).toSorted()).toEqual([2, 2, 2, 4]);
    expect(backend.size).toBe(2000);
  });

  it('finds one that expires before all that it has looked at', () => {
    const { backend, clock, events, hit, left } = openMemory(2);
    for (const subject of ['slow', 'slower']) hit(subject, 1, other);
    hit('ada');
    backend.reset([{ policy: other, subject: 'slow' }]);
    hit('quick');
    clock.advance(1000);
    hit('bob', 5);
    expect([left('bob'), left('slower', other), backend.size]).toEqual([0, 4, 2]);
    expect(events).toHaveLength(1);
  });

  it('finds one that was added while it was looking at the others', () => {
    const { backend, clock, hit, left } = openMemory(1000);
    left('anyone');
    for (let i = 0; i < 1000; i++) hit(`slow ${i}`, 1, other);
    hit('first half', 1, other);
    backend.reset([{ policy: other, subject: 'slow 0' }]);
    // Under the policy that it knew first, and has looked at.
    hit('quick');
    hit('second half', 1, other);
    clock.advance(1000);
    const late = ['late', 'later', 'last'];
    for (const subject of late) hit(subject);
    expect(late.map((subject) => left(subject)).toSorted()).toEqual([3, 3, 4]);
  });
});
