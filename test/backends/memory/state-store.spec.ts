import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createStateStore } from '../../../src/backends/memory/state-store.js';

/** As many cells as are on two pages. */
const CELLS = 1500;

/** Whole numbers of all magnitudes, those at which more bytes are needed among them. */
const number = fc.oneof(fc.nat(2 ** 16), fc.constantFrom(2 ** 16 - 1, 2 ** 16, 2 ** 32 - 1, 2 ** 32), fc.maxSafeNat());
const writes = fc.array(
  fc.record({
    cell: fc.nat(CELLS - 1),
    state: fc.array(number, { minLength: 4, maxLength: 4 }),
    expiresAt: fc.maxSafeNat(),
  }),
  { maxLength: 30 },
);

describe('memory cells', () => {
  it.each([
    ['of a known size', { wide: 1, counts: 3 }],
    ['of wide numbers only', { wide: 4, counts: 0 }],
    ['of counters only', { wide: 0, counts: 4 }],
    ['of any size', undefined],
  ])('%s give back what was written last, whatever their neighbours hold', (_, size) => {
    fc.assert(
      fc.property(writes, (all) => {
        const cells = createStateStore(size);
        const expected = new Map<number, { state: readonly number[]; expiresAt: number }>();
        for (let i = 0; i < CELLS; i++) {
          const state = [i, 1, i, 65_535];
          expected.set(cells.add(state, 7), { state, expiresAt: 7 });
        }
        for (const { cell, state, expiresAt } of all) {
          cells.write(cell, state, expiresAt);
          expected.set(cell, { state, expiresAt });
        }
        for (const [cell, { state, expiresAt }] of expected) {
          if (cells.expiresAt(cell) !== expiresAt || String(cells.read(cell)) !== String(state)) {
            throw new Error(`${cell}: ${cells.read(cell)} at ${cells.expiresAt(cell)}, not ${state} at ${expiresAt}`);
          }
        }
      }),
      { numRuns: 30 },
    );
  });

  it.each([3, 70_000, 2 ** 40])('keep the numbers behind those that changed to %i', (count) => {
    const cells = createStateStore({ wide: 1, counts: 3 });
    const cell = cells.add([2 ** 40, 1, 2, 3], 5);
    cells.write(cell, [2 ** 41, count, 2, 3], 6, 2);
    expect([...cells.read(cell), cells.expiresAt(cell)]).toEqual([2 ** 41, count, 2, 3, 6]);
  });

  it('hold what was read until the next is, where it was read briefly, and else for good', () => {
    const cells = createStateStore({ wide: 1, counts: 1 });
    const [first, second] = [cells.add([1, 2], 0), cells.add([3, 4], 0)];
    const kept = cells.read(first);
    const brief = cells.read(first, true);
    expect(brief).toEqual([1, 2]);
    expect(cells.read(second, true)).toBe(brief);
    expect([kept, brief]).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it('are used again when they are free', () => {
    const cells = createStateStore({ wide: 2, counts: 0 });
    const [first, second] = [cells.add([1, 2], 0), cells.add([3, 4], 0)];
    cells.free(first);
    expect(cells.add([5, 6], 0)).toBe(first);
    expect([cells.read(first), cells.read(second)]).toEqual([
      [5, 6],
      [3, 4],
    ]);
  });
});
