/** Mutants of lua/scripts/spend-several.lua that behave as the original: the reason, and their places. */
export const SPEND_SEVERAL = [
  {
    why: 'A text becomes a number by adding or subtracting 0.',
    places: [
      'scripts/spend-several: for i = 1, ARGV[3] + 0 do | + -> -',
      'scripts/spend-several: limit = ARGV[arg + 1] + 0, | + (2) -> -',
      'scripts/spend-several: period_ms = ARGV[arg + 2] + 0, | + (2) -> -',
      'scripts/spend-several: burst = ARGV[arg + 3] + 0, | + (2) -> -',
      'scripts/spend-several: segments = ARGV[arg + 4] + 0, | + (2) -> -',
      'scripts/spend-several: local last_key, key_count = 0, server_ms > ARGV[2] + 0 and 0 or #KEYS | + -> -',
      'scripts/spend-several: local calls, charge_count = ARGV[arg] + 0, ARGV[arg + 1] + 0 | + -> -',
      'scripts/spend-several: local calls, charge_count = ARGV[arg] + 0, ARGV[arg + 1] + 0 | + (3) -> -',
      'scripts/spend-several: policy_of[i], cost_of[i] = policies[ARGV[arg] + 0], ARGV[arg + 1] + 0 | + -> -',
      'scripts/spend-several: policy_of[i], cost_of[i] = policies[ARGV[arg] + 0], ARGV[arg + 1] + 0 | + (3) -> -',
    ],
  },
  {
    why: 'A strategy sets it in every step.',
    places: [
      'scripts/spend-several: local allowed, remaining, reset_ms, retry_after_ms, delay_ms = false, 0, 0, 0, 0 | false -> true',
      'scripts/spend-several: local allowed, remaining, reset_ms, retry_after_ms, delay_ms = false, 0, 0, 0, 0 | 0 -> 1',
      'scripts/spend-several: local allowed, remaining, reset_ms, retry_after_ms, delay_ms = false, 0, 0, 0, 0 | 0 (2) -> 1',
      'scripts/spend-several: local allowed, remaining, reset_ms, retry_after_ms, delay_ms = false, 0, 0, 0, 0 | 0 (3) -> 1',
    ],
  },
  {
    why: 'No charge has the number 0, so none is allowed under it.',
    places: [
      'scripts/spend-several: if i > charge_count and not is_call_allowed and not is_again then i, is_again = 1, true end | 1 -> 0',
    ],
  },
];
