import fc from 'fast-check';
import { Random } from '../../src/testing/contract/harness/random.js';

/** Returns an arbitrary of fast-check for values from the random source of the contracts. */
export function arbitrary<T>(make: (random: Random) => T): fc.Arbitrary<T> {
  return fc.noBias(fc.integer({ min: 0, max: 2 ** 32 - 1 })).map((seed) => make(new Random(seed)));
}
