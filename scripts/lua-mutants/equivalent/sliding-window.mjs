/** Mutants of lua/strategies/sliding-window.lua that behave as the original: the reason, and their places. */
export const SLIDING_WINDOW = [
  {
    why: 'Every state matters for a second at least, so an expiry of 1 is as much too soon as one of 0, that of no key.',
    places: ['strategies/sliding-window: is_sound, expires_ms, is_moved = not text, 0, false | 0 -> 1'],
  },
  {
    why: 'What remains of 0 is 0.',
    places: [
      'strategies/sliding-window: remaining = room < 0 and 0 or (room - room % span) / span | 0 -> 1',
      'strategies/sliding-window: remaining = room < 0 and 0 or (room - room % span) / span | < -> <=',
    ],
  },
  {
    why: 'The newest counter is part of the sum of all but the oldest, which is checked.',
    places: ['strategies/sliding-window: for i = 2, segments do | 2 -> 1'],
  },
  {
    why: 'Nothing reads the counter before the newest one, or the one behind the oldest.',
    places: [
      'strategies/sliding-window: for i = 1, segments + 1 do found[i] = i > moved and counters[i - moved] or 0 end | 1 -> 0',
      'strategies/sliding-window: for i = 1, segments + 1 do found[i] = i > moved and counters[i - moved] or 0 end | 1 (2) -> 2',
      'strategies/sliding-window: for i = 1, segments + 1 do found[i] = i > moved and counters[i - moved] or 0 end | > -> >=',
    ],
  },
  {
    why: 'The current segment is later than the newest one, so its counter is 0.',
    places: ['strategies/sliding-window: for i = 1, segments do full = full + found[i] end | 1 -> 2'],
  },
  {
    why: 'A segment lasts whole milliseconds, and 0 of them are 0.',
    places: [
      'strategies/sliding-window: if within < 0 then within = 0 end | < -> <=',
      'strategies/sliding-window: if within < 0 then within = 0 end | 0 -> 1',
    ],
  },
  {
    why: 'What fits into the room is at most the limit, and if there is room at all, the counters are, too.',
    places: [
      'strategies/sliding-window: allowed = cost == 0 or (cost <= limit and cost * span <= room) | cost (2) -> full',
      'strategies/sliding-window: allowed = cost == 0 or (cost <= limit and cost * span <= room) | cost (2) -> latest',
    ],
  },
  {
    why: 'When all segments have left, nothing is used, which is low enough.',
    places: ['strategies/sliding-window: while ahead < segments and used * span > most do | < -> <='],
  },
  {
    why: 'The usage is too high now, and low enough at the end of the segment: so its oldest counter is not 0, and what of it must leave is more than has left and at most all.',
    places: [
      'strategies/sliding-window: local into = leaving == 0 and 0 or span - min(span, floor((most - used * span) / leaving)) | 0 (2) -> 1',
      'strategies/sliding-window: local into = leaving == 0 and 0 or span - min(span, floor((most - used * span) / leaving)) | span (2) -> period_ms',
      'strategies/sliding-window: if ahead == 0 and into < within then into = within end | ahead -> last',
      'strategies/sliding-window: if ahead == 0 and into < within then into = within end | < -> <=',
      'strategies/sliding-window: if ahead == 0 and into < within then into = within end | within (2) -> span',
      'strategies/sliding-window: if ahead == 0 and into < within then into = within end | within (2) -> period_ms',
    ],
  },
  {
    why: 'A write of the whole state leaves the same as one of its changed part, and an expiry that is late enough is kept.',
    places: [
      'strategies/sliding-window: is_sound, expires_ms, is_moved = not text, 0, false | false -> true',
      'strategies/sliding-window: if expires_ms >= until_ms and not is_moved then | expires_ms -> newest',
      'strategies/sliding-window: if expires_ms >= until_ms and not is_moved then | >= -> >',
      'strategies/sliding-window: if expires_ms >= until_ms and not is_moved then | expires_ms -> server_ms',
    ],
  },
];
