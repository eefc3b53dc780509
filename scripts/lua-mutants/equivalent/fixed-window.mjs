/** Mutants of lua/strategies/fixed-window.lua that behave as the original: the reason, and their places. */
export const FIXED_WINDOW = [
  {
    why: 'Every state matters for a second at least, so an expiry of 1 is as much too soon as one of 0, that of no key.',
    places: ['strategies/fixed-window: is_sound, expires_ms = not text, 0 | 0 -> 1'],
  },
  {
    why: 'Windows start at multiples of the period: a window starts after now + period, or ends after now, if and only if it does so after the start of the current window.',
    places: [
      'strategies/fixed-window: if start == nil or start < current or start > now + period_ms then start, used = current, 0 end | now -> current',
      'strategies/fixed-window: if floor(at / period_ms) * period_ms + period_ms > now then | now -> current',
    ],
  },
  {
    why: 'What remains of 0 is 0.',
    places: [
      'strategies/fixed-window: if remaining < 0 then remaining = 0 end | < -> <=',
      'strategies/fixed-window: if remaining < 0 then remaining = 0 end | 0 -> 1',
    ],
  },
];
