/** Mutants of lua/scripts/write.lua that behave as the original: the reason, and their places. */
export const WRITE = [
  {
    why: 'There is no key 0.',
    places: ['scripts/write: for i = 1, #KEYS do words[i] = KEYS[i] end | 1 -> 0'],
  },
];
