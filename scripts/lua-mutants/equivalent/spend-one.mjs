/** Mutants of lua/scripts/spend-one.lua that behave as the original: the reason, and their places. */
export const SPEND_ONE = [
  {
    why: 'A text becomes a number by adding or subtracting 0.',
    places: [
      'scripts/spend-one: local i, last = 1, server_ms > ARGV[2] + 0 and 0 or #KEYS | + -> -',
      'scripts/spend-one: local limit, period_ms = ARGV[first] + 0, ARGV[first + 1] + 0 | + -> -',
      'scripts/spend-one: local limit, period_ms = ARGV[first] + 0, ARGV[first + 1] + 0 | + (3) -> -',
      'scripts/spend-one: local burst, segments = ARGV[first + 2] + 0, ARGV[first + 3] + 0 | + (2) -> -',
      'scripts/spend-one: local burst, segments = ARGV[first + 2] + 0, ARGV[first + 3] + 0 | + (4) -> -',
      'scripts/spend-one: if not is_uniform then cost = ARGV[costs_before + i] + 0 end | + (2) -> -',
    ],
  },
  {
    why: 'A call by the same policy as the one before it may as well begin a loop of its own.',
    places: [
      'scripts/spend-one: until i > last or is_mixed and byte(numbers, i) ~= byte(numbers, i - 1) | > -> >=',
      'scripts/spend-one: until i > last or is_mixed and byte(numbers, i) ~= byte(numbers, i - 1) | and -> or',
    ],
  },
  {
    why: 'A strategy sets it in every step.',
    places: [
      'scripts/spend-one: local allowed, remaining, reset_ms, retry_after_ms, delay_ms = false, 0, 0, 0, 0 | false -> true',
      'scripts/spend-one: local allowed, remaining, reset_ms, retry_after_ms, delay_ms = false, 0, 0, 0, 0 | 0 -> 1',
      'scripts/spend-one: local allowed, remaining, reset_ms, retry_after_ms, delay_ms = false, 0, 0, 0, 0 | 0 (2) -> 1',
      'scripts/spend-one: local allowed, remaining, reset_ms, retry_after_ms, delay_ms = false, 0, 0, 0, 0 | 0 (3) -> 1',
    ],
  },
];
