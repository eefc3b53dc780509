/** Mutants of lua/lib that behave as the original: the reason, and their places. */
export const LIB = [
  {
    why: 'Every state matters for a second at least, so an expiry of 1 is as much too soon as one of 0, that of no key.',
    places: ['lib/states: if not text then return text, {}, 0 end | 0 -> 1'],
  },
  {
    why: 'The numbers and the text are the same in one chunk, in several, in chunks of another size, and with one of none at the end.',
    places: [
      'lib/states: local MAX_STACK_VALUES = 1000 | 1000 -> 999',
      'lib/states: local MAX_STACK_VALUES = 1000 | 1000 -> 1001',
    ],
  },
  {
    why: 'The offset of the next chunk is after the first value, so it is never 0; -1 is the end.',
    places: ['lib/states: while offset >= 0 do | >= -> >', 'lib/states: while offset >= 0 do | 0 -> 1'],
  },
  {
    why: 'The element 0 of a list is no member of it.',
    places: ['lib/policies: for n = 1, count do numbers[n] = argument(args[i + 1 + n]) end | 1 -> 0'],
  },
  {
    why: 'Of 0 segments no period is a multiple: in Lua, x % 0 is NaN.',
    places: ['lib/overrides: segments = read_whole(segments, 1), | 1 -> 0'],
  },
];
