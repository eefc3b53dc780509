/** Mutants of lua/strategies/sliding-log.lua that behave as the original: the reason, and their places. */
export const SLIDING_LOG = [
  {
    why: 'Every state matters for a second at least, so an expiry of 1 is as much too soon as one of 0, that of no key.',
    places: [
      'strategies/sliding-log: is_sound, is_moved, expires_ms, count, gone, before, newest, total = not text, false, 0, 0, 0, 0, nil, 0 | 0 -> 1',
    ],
  },
  {
    why: 'What remains of 0 is 0.',
    places: [
      'strategies/sliding-log: if remaining < 0 then remaining = 0 end | < -> <=',
      'strategies/sliding-log: if remaining < 0 then remaining = 0 end | 0 -> 1',
    ],
  },
  {
    why: 'The numbers and the text are the same in one chunk, in several, in chunks of another size, and with one of none at the end.',
    places: [
      'strategies/sliding-log: local CHUNK = 100 | 100 -> 99',
      'strategies/sliding-log: local CHUNK = 100 | 100 -> 101',
      'strategies/sliding-log: for chunk = first, count - 1, CHUNK do | 1 -> 0',
    ],
  },
  {
    why: 'A write of the whole state leaves the same as one of its changed part, and an expiry that is late enough is kept.',
    places: [
      'strategies/sliding-log: is_sound, is_moved, expires_ms, count, gone, before, newest, total = not text, false, 0, 0, 0, 0, nil, 0 | false -> true',
      'strategies/sliding-log: elseif expires_ms >= until_ms and not is_moved and count > SHORT and gone * 2 <= count then | expires_ms -> server_ms',
      'strategies/sliding-log: elseif expires_ms >= until_ms and not is_moved and count > SHORT and gone * 2 <= count then | >= -> >',
      'strategies/sliding-log: elseif expires_ms >= until_ms and not is_moved and count > SHORT and gone * 2 <= count then | > -> >=',
      'strategies/sliding-log: elseif expires_ms >= until_ms and not is_moved and count > SHORT and gone * 2 <= count then | > -> <=',
      'strategies/sliding-log: elseif expires_ms >= until_ms and not is_moved and count > SHORT and gone * 2 <= count then | count -> gone',
      'strategies/sliding-log: elseif expires_ms >= until_ms and not is_moved and count > SHORT and gone * 2 <= count then | gone -> count',
      'strategies/sliding-log: elseif expires_ms >= until_ms and not is_moved and count > SHORT and gone * 2 <= count then | * -> /',
      'strategies/sliding-log: elseif expires_ms >= until_ms and not is_moved and count > SHORT and gone * 2 <= count then | 2 -> 1',
      'strategies/sliding-log: elseif expires_ms >= until_ms and not is_moved and count > SHORT and gone * 2 <= count then | 2 -> 3',
      'strategies/sliding-log: elseif expires_ms >= until_ms and not is_moved and count > SHORT and gone * 2 <= count then | <= -> <',
      'strategies/sliding-log: elseif expires_ms >= until_ms and not is_moved and count > SHORT and gone * 2 <= count then | <= -> >',
      'strategies/sliding-log: elseif expires_ms >= until_ms and not is_moved and count > SHORT and gone * 2 <= count then | count (2) -> gone',
      'strategies/sliding-log: local SHORT = 64 | 64 -> 63',
      'strategies/sliding-log: local SHORT = 64 | 64 -> 65',
    ],
  },
  {
    why: 'The search goes on one by one instead of by halves, and ends where both are the same.',
    places: [
      'strategies/sliding-log: local middle = floor((low + high) / 2) | high -> low',
      'strategies/sliding-log: if (field == 1 and instant or sum) > most then high = middle else low = middle + 1 end | middle (2) -> low',
      'strategies/sliding-log: return low | low -> high',
    ],
  },
  {
    why: 'A text begins at 1, and all before that is nothing.',
    places: [
      'strategies/sliding-log: local parts = { sub(text, 1, HEAD_BYTES + ENTRY_BYTES * index) } | 1 -> 0',
      `strategies/sliding-log: text = sub(text, 1, offset) .. pack('<I7I7', instant, earlier + added) .. sub(text, offset + 1) | 1 -> 0`,
    ],
  },
  {
    why: 'It is nil before, and of two values for one name Lua keeps the first.',
    places: [
      'strategies/sliding-log: is_sound, is_moved, expires_ms, count, gone, before, newest, total = not text, false, 0, 0, 0, 0, nil, 0 | newest -> expires_ms',
    ],
  },
  {
    why: 'No log has as many bytes as are read at once. In one of another length than its count says, the last entry is too short or too long either way.',
    places: [
      'strategies/sliding-log: if #text == FIRST_BYTES and bytes > FIRST_BYTES then | and -> or',
      'strategies/sliding-log: if #text == FIRST_BYTES and bytes > FIRST_BYTES then | > -> >=',
    ],
  },
  {
    why: 'The later one of the newest entry and now is t, so both compare alike; and the newest entry is either far ahead there or has left.',
    places: [
      'strategies/sliding-log: local t = newest ~= nil and newest > now and newest or now | > -> >=',
      'strategies/sliding-log: if newest ~= nil and (newest > now + period_ms or newest <= now - period_ms) then | newest (2) -> t',
      'strategies/sliding-log: if newest ~= nil and (newest > now + period_ms or newest <= now - period_ms) then | now (2) -> t',
      'strategies/sliding-log: if newest > now + period_ms then t = now end | newest -> t',
      'strategies/sliding-log: if newest > now + period_ms then t = now end | > -> >=',
      'strategies/sliding-log: if newest > now + period_ms then t = now end | + -> -',
    ],
  },
  {
    why: 'A log without a newest entry has no others.',
    places: [
      'strategies/sliding-log: elseif newest ~= nil then | newest -> t',
      'strategies/sliding-log: elseif newest ~= nil then | newest -> now',
      'strategies/sliding-log: elseif newest ~= nil then | newest -> server_ms',
    ],
  },
  {
    why: 'The search begins at the first entry that is counted, which has left; the last one is in the period.',
    places: [
      'strategies/sliding-log: if first < count - 1 and read_entry(key, text, first) <= t - period_ms then | first -> gone',
      'strategies/sliding-log: if first < count - 1 and read_entry(key, text, first) <= t - period_ms then | first (2) -> gone',
      'strategies/sliding-log: first = first_above(key, text, first + 1, count - 1, 1, t - period_ms) | first (2) -> gone',
      'strategies/sliding-log: first = first_above(key, text, first + 1, count - 1, 1, t - period_ms) | + -> -',
      'strategies/sliding-log: first = first_above(key, text, first + 1, count - 1, 1, t - period_ms) | 1 -> 0',
      'strategies/sliding-log: first = first_above(key, text, first + 1, count - 1, 1, t - period_ms) | 1 (2) -> 0',
    ],
  },
  {
    why: 'A cost above the limit is denied, and no log is rewritten before a charge is decided.',
    places: ['strategies/sliding-log: if not allowed and cost > limit then | allowed -> is_moved'],
  },
  {
    why: 'Any field but the first is the sum.',
    places: [
      'strategies/sliding-log: local last = first_above(key, text, gone, count - 1, 2, before + used + cost - limit - 1) | 2 -> 3',
    ],
  },
  {
    why: 'It joins the newest entry either way: the one that the search finds is that.',
    places: ['strategies/sliding-log: if added > 0 and (gone == count or instant >= newest) then | instant -> at'],
  },
  {
    why: 'The newest entry is later, so the search ends before the end.',
    places: ['strategies/sliding-log: local index = first_above(key, text, gone, count - 1, 1, instant - 1) | 1 -> 0'],
  },
  {
    why: 'The sum up to an entry that has left is what left; and the head ends with that sum, as if it were an entry before the first.',
    places: [
      'strategies/sliding-log: if index > gone then sum, earlier = read_entry(key, text, index - 1) end | index -> count',
      'strategies/sliding-log: if index > gone then sum, earlier = read_entry(key, text, index - 1) end | > -> >=',
      'strategies/sliding-log: if index > gone then instant, earlier = read_entry(key, text, index - 1) end | index -> count',
      'strategies/sliding-log: if index > gone then instant, earlier = read_entry(key, text, index - 1) end | > -> >=',
    ],
  },
  {
    why: 'It is not read any more, or set before it is read; and an empty log is deleted, whatever its newest entry is.',
    places: [
      'strategies/sliding-log: if index > gone then sum, earlier = read_entry(key, text, index - 1) end | sum -> units',
      'strategies/sliding-log: if index > gone then instant, earlier = read_entry(key, text, index - 1) end | instant -> newest',
      'strategies/sliding-log: if count > gone then newest, total = read_entry(key, text, count - 1) end | > -> >=',
    ],
  },
  {
    why: 'Between the first entry and itself there is nothing to read; a place in the text is a larger number than that of its entry; and what is not changed is the same in the text and under the key.',
    places: [
      'strategies/sliding-log: if last > first and text and last <= #text then | > -> >=',
      'strategies/sliding-log: if last > first and text and last <= #text then | first -> count',
      'strategies/sliding-log: if last > first and text and last <= #text then | first -> gone',
      'strategies/sliding-log: if last > first and text and last <= #text then | <= -> <',
      'strategies/sliding-log: elseif last > first then | > -> >=',
      'strategies/sliding-log: elseif last > first then | first -> count',
      'strategies/sliding-log: elseif last > first then | first -> gone',
    ],
  },
  {
    why: 'What is read beyond an entry is not decoded.',
    places: [
      "strategies/sliding-log: local entry = redis_call('GETRANGE', key, format('%.0f', offset), format('%.0f', offset + ENTRY_BYTES - 1)) | - -> +",
      "strategies/sliding-log: local entry = redis_call('GETRANGE', key, format('%.0f', offset), format('%.0f', offset + ENTRY_BYTES - 1)) | 1 -> 0",
    ],
  },
  {
    why: 'One unit or more is given back, and the last entry has more than is left then.',
    places: [
      'strategies/sliding-log: if left < total then | left -> before',
      'strategies/sliding-log: local last = first_above(key, text, gone, count - 1, 2, left - 1) | 1 -> 0',
    ],
  },
  {
    why: 'Every field but the first is the sum.',
    places: ['strategies/sliding-log: local last = first_above(key, text, gone, count - 1, 2, left - 1) | 2 -> 3'],
  },
];
