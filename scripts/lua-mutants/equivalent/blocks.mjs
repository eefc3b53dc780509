/**
 * Mutants of lua/lib/blocks.lua and of the parts and scripts around it that behave as the original: the reason, and
 * their places.
 */
export const BLOCKS = [
  {
    why: 'The element 0 of a list is no member of it.',
    places: ['lib/blocks: for n = 1, count do block.factors[n] = argument(args[i + 4 + n]) end | 1 -> 0'],
  },
  {
    why: 'Every record matters for a second at least, so an instant of 1 is as much too soon as one of 0, that of no key or of no charge.',
    places: [
      'scripts/block: write_record(record, 0) | 0 -> 1',
      'lib/blocks: local record = { key = key, text = text, state = false, expires_ms = 0, until_ms = 0, found = NO_RECORD, is_sound = not text } | 0 -> 1',
      'lib/blocks: local record = { key = key, text = text, state = false, expires_ms = 0, until_ms = 0, found = NO_RECORD, is_sound = not text } | 0 (2) -> 1',
      'lib/blocks: return instant == 0 and 0 or server_ms + instant - now + TTL_MARGIN_MS | 0 (2) -> 1',
    ],
  },
  {
    why: 'Bytes are numbered from 1 on, so those from 0 on are the same; what is added is 0, to make a number of a text.',
    places: [
      'lib/blocks: record.state = sub(state, 1, first + 0) .. second .. sub(state, first + #second + 1) | 1 -> 0',
      'lib/blocks: record.state = sub(state, 1, first + 0) .. second .. sub(state, first + #second + 1) | + -> -',
    ],
  },
  {
    why: 'A row begins after the block, so it is remembered longer than the block lasts. If it is forgotten, what is written matters longer.',
    places: [
      'lib/blocks: if known.row > 0 then instant = max(instant, known.row_ms + block.forget_after_ms) end | instant (2) -> now',
    ],
  },
  {
    why: 'An empty record is written with a state that matters longer, or under a key that expires later.',
    places: [
      'lib/blocks: return instant == 0 and 0 or server_ms + instant - now + TTL_MARGIN_MS | instant -> now',
      'lib/blocks: return instant == 0 and 0 or server_ms + instant - now + TTL_MARGIN_MS | instant -> server_ms',
      'lib/blocks: return instant == 0 and 0 or server_ms + instant - now + TTL_MARGIN_MS | 0 -> 1',
    ],
  },
  {
    why: 'There is no charge 0.',
    places: [
      'parts/block-records: for n = 1, i - 1 do | 1 -> 0',
      'lib/blocks: for i = 1, charge_count do | 1 -> 0',
      'lib/blocks: for i = 1, charge_count do | 1 -> 0 | occurrence 2 of this line',
    ],
  },
  {
    why: 'A record of several charges is written once more, with the same text and expiry.',
    places: ['lib/blocks: record.is_changed, record.found = false, record.current | false -> true'],
  },
];
