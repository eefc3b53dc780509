/** Mutants of lua/strategies/calendar.lua that behave as the original: the reason, and their places. */
export const CALENDAR = [
  {
    why: 'The instant is not before the first boundary, which is the second argument.',
    places: ['strategies/calendar: local i = 2 | 2 -> 1'],
  },
  {
    why: 'Each decision on a quota has a limit of its own.',
    places: ['strategies/calendar: granted, window_ms = burst, period_ms | burst -> limit'],
  },
  {
    why: 'Every state matters for a second at least, so an expiry of 1 is as much too soon as one of 0, that of no key.',
    places: ['strategies/calendar: is_sound, expires_ms = not text, 0 | 0 -> 1'],
  },
  {
    why: 'A state that begins now is in the window around now.',
    places: [
      'strategies/calendar: if start > now then start_ms, end_ms = window_around(start, arguments) end | > -> >=',
    ],
  },
  {
    why: 'Both are the usage: the right side is evaluated before either is assigned.',
    places: ['strategies/calendar: before, peak = peak, max(peak, used) | used -> before'],
  },
];
