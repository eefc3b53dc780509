import { describe, expect, it } from '@jest/globals';
import { MemoryBackend } from '../../../src/backends/memory/memory.backend.js';
import { ManualClock } from '../../../src/core/clock.js';
import { defineBudget, defineConcurrency } from '../../../src/strategies/held/define-held-policy.js';

const two = defineConcurrency('export', 2);
const tokens = defineBudget('llm', { budget: '500/min' });

function open() {
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const backend = new MemoryBackend({ clock });
  return { backend, clock, holds: backend.holds };
}

describe('the holds of a memory backend', () => {
  it('are decided without a promise', () => {
    const { holds } = open();
    const permit = { policy: two, subject: 'ada', id: 1, units: 1, ttlMs: 1000 };
    expect(holds.take([permit], [])).toMatchObject({ allowed: true });
    expect(holds.extend([permit], 1000)).toEqual([true]);
    expect(holds.end([permit])).toEqual([true]);
  });

  it('take no memory for a subject that holds nothing', () => {
    const { holds, backend } = open();
    const permit = { policy: two, subject: 'ada', id: 1, units: 1, ttlMs: 1000 };
    holds.take([permit], []);
    holds.take([{ ...permit, subject: 'bob' }], []);
    expect(holds).toHaveProperty('size', 2);
    holds.end([permit]);
    expect(holds).toHaveProperty('size', 1);
    backend.reset([{ policy: two, subject: 'bob' }]);
    expect(holds).toHaveProperty('size', 0);
    expect(backend.size).toBe(0);
  });

  it('that expired are dropped by calls of other subjects, and charged', () => {
    const { holds, clock } = open();
    for (let i = 0; i < 20; i++) {
      holds.take([{ policy: tokens, subject: `user:${i}`, id: 1, units: 400, ttlMs: 1000 }], []);
    }
    expect(holds).toHaveProperty('size', 20);
    clock.advance(1000);
    const read = { policy: two, subject: 'ada', id: 1, units: 0, ttlMs: 1000 };
    for (let i = 0; i < 12; i++) holds.take([read], []);
    expect(holds).toHaveProperty('size', 0);
    const outcome = holds.peek([{ ...read, policy: tokens, subject: 'user:7' }], []);
    expect(outcome).toMatchObject({ decisions: [{ remaining: 100, resetMs: 59_000 }] });
  });

  it('report what is wrong with a hold', () => {
    const { holds } = open();
    const permit = { policy: two, subject: 'ada', id: 1, units: 1, ttlMs: 1000 };
    expect(() => holds.take([{ ...permit, id: -1 }], [])).toThrow(
      new RangeError('a hold of "export": id: expected a whole number from 0 to 2^53 - 1, got -1 (number)'),
    );
    expect(() => holds.extend([permit], 0)).toThrow(
      new RangeError('a hold of "export": ttlMs: expected a whole number from 1 to 2592000000, got 0 (number)'),
    );
    expect(() => holds.end([{ ...permit, units: 0.5 }])).toThrow(
      new RangeError('a hold of "export": units: expected a whole number from 0 to 2^53 - 1, got 0.5 (number)'),
    );
  });
});
