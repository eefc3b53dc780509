import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createStateStore } from '../../../src/backends/memory/state-store.js';

/** Enough states for two pages. */
const STATES = 1500;

/** Whole numbers of all magnitudes, including those that need more bytes. */
const number = fc.oneof(fc.nat(2 ** 16), fc.constantFrom(2 ** 16 - 1, 2 ** 16, 2 ** 32 - 1, 2 ** 32), fc.maxSafeNat());
const writes = fc.array(
  fc.record({
    index: fc.nat(STATES - 1),
    state: fc.array(number, { minLength: 4, maxLength: 4 }),
    expiresAt: fc.maxSafeNat(),
  }),
  { maxLength: 30 },
);

describe('a state store', () => {
  it.each([
    ['wide values and counts', { wide: 1, counts: 3 }],
    ['wide values only', { wide: 4, counts: 0 }],
    ['counts only', { wide: 0, counts: 4 }],
    ['states of any length', undefined],
  ])('of %s returns the last values written at each index', (_, size) => {
    fc.assert(
      fc.property(writes, (all) => {
        const store = createStateStore(size);
        const expected = new Map<number, { state: readonly number[]; expiresAt: number }>();
        for (let i = 0; i < STATES; i++) {
          const state = [i, 1, i, 65_535];
          expected.set(store.add(state, 7), { state, expiresAt: 7 });
        }
        for (const { index, state, expiresAt } of all) {
          store.write(index, state, expiresAt);
          expected.set(index, { state, expiresAt });
        }
        for (const [index, { state, expiresAt }] of expected) {
          if (store.expiresAt(index) !== expiresAt || String(store.read(index)) !== String(state)) {
            throw new Error(
              `${index}: ${store.read(index)} at ${store.expiresAt(index)}, not ${state} at ${expiresAt}`,
            );
          }
        }
      }),
      { numRuns: 30 },
    );
  });

  it.each([3, 70_000, 2 ** 40])('keeps the values after those that changed to %i', (count) => {
    const store = createStateStore({ wide: 1, counts: 3 });
    const index = store.add([2 ** 40, 1, 2, 3], 5);
    store.write(index, [2 ** 41, count, 2, 3], 6, 2);
    expect([...store.read(index), store.expiresAt(index)]).toEqual([2 ** 41, count, 2, 3, 6]);
  });

  it('returns a copy, or with reuse an array that the next read overwrites', () => {
    const store = createStateStore({ wide: 1, counts: 1 });
    const [first, second] = [store.add([1, 2], 0), store.add([3, 4], 0)];
    const kept = store.read(first);
    const reused = store.read(first, true);
    expect(reused).toEqual([1, 2]);
    expect(store.read(second, true)).toBe(reused);
    expect([kept, reused]).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it('uses freed indexes again', () => {
    const store = createStateStore({ wide: 2, counts: 0 });
    const [first, second] = [store.add([1, 2], 0), store.add([3, 4], 0)];
    store.free(first);
    expect(store.add([5, 6], 0)).toBe(first);
    expect([store.read(first), store.read(second)]).toEqual([
      [5, 6],
      [3, 4],
    ]);
  });
});
