/** Mutants that behave as the original: the reason, and their places. */
const REASONS = [
  {
    why: 'The default is never used: a state that was read has all its numbers. The TypeScript twin needs one for its types.',
    places: [
      'strategies/fixed-window: local start, used = state[1], state[2] or 0 | 0 -> 1',
      'strategies/fixed-window: local start, used = state[1], state[2] or 0 | 0 -> 1 | occurrence 2 of this line',
      'strategies/sliding-window: for i = 2, segments + 2 do found[i] = i < moved + 2 and 0 or state[i - moved] or 0 end | 0 (2) -> 1',
      'strategies/sliding-window: return full * span + (state[oldest] or 0) * (span - within) | 0 -> 1',
      'strategies/sliding-window: local oldest = state[#state - ahead] or 0 | 0 -> 1',
      'strategies/sliding-window: local index = (state[1] or 0) - math.floor(at / (policy.period_ms / policy.segments)) + 1 | 0 -> 1',
      'strategies/sliding-log: return state[i] or 0 | 0 -> 1',
      'strategies/bucket: local stored, at = state[1] or 0, state[2] | 0 -> 1',
      'strategies/bucket: if #state == 0 then return state end | 0 -> 1',
    ],
  },
  {
    why: 'If the newest segment is the current one, nothing moves: the copy holds the same numbers.',
    places: ['strategies/sliding-window: if not is_empty and stored >= current then return state end | >= -> >'],
  },
  {
    why: 'Windows start at multiples of the period: a window starts after now + period if and only if it starts after current + period.',
    places: [
      'strategies/fixed-window: if start == nil or start < current or start > now + period_ms then return current, 0 end | now -> current',
    ],
  },
  {
    why: 'Index 0 is not part of a list: its length and what is read from it stay the same.',
    places: ['strategies/sliding-log: for j = 1, #state do | 1 -> 0'],
  },
  {
    why: 'There are segments + 1 counters; all of them are 0 after a move by that many or more.',
    places: ['strategies/sliding-window: local moved = is_empty and segments + 1 or current - stored | 1 -> 2'],
  },
  {
    why: 'At the end of the last segment no units count, so the loop ends there by its second condition.',
    places: [
      'strategies/sliding-window: while ahead + 2 < #state and used_at(state, ahead, span, span) > most do ahead = ahead + 1 end | + -> -',
      'strategies/sliding-window: while ahead + 2 < #state and used_at(state, ahead, span, span) > most do ahead = ahead + 1 end | 2 -> 1',
      'strategies/sliding-window: while ahead + 2 < #state and used_at(state, ahead, span, span) > most do ahead = ahead + 1 end | < -> <=',
    ],
  },
  {
    why: 'Only a denied charge waits: usage is too high at the start of the segment and low enough at its end, so the counter is not 0, and the instant is not the start.',
    places: [
      'strategies/sliding-window: local into = oldest == 0 and 0 or span - math.min(span, math.floor(budget / oldest)) | 0 (2) -> 1',
      'strategies/sliding-window: return (state[1] + ahead) * span + math.max(into, ahead == 0 and within or 0) | 0 (2) -> 1',
    ],
  },
  {
    why: 'A charge that is allowed but not written has a cost of 0, so adding or subtracting it changes nothing.',
    places: [
      'strategies/sliding-window: remaining = math.max(0, math.floor((written and room - cost * span or room) / span)), | written -> allowed',
      'strategies/sliding-log: local after = written and sum + cost or sum | written -> allowed',
    ],
  },
  {
    why: 'There are no entries beyond the end.',
    places: ['strategies/sliding-log: if newest > now + period_ms then return #state + 1, now, 0 end | 1 -> 2'],
  },
  {
    why: 'Entries start at odd indexes, and the length is even.',
    places: [
      'strategies/sliding-log: while first <= #state and state[first] <= t - period_ms do first = first + 2 end | <= -> <',
      'strategies/sliding-log: while i + 3 <= #state and left + state[i + 1] < excess do | 3 -> 2',
    ],
  },
  {
    why: 'If the clock is behind the newest entry, no entry is a period older than that one: they were dropped when it was written.',
    places: [
      'strategies/sliding-log: while first <= #state and state[first] <= t - period_ms do first = first + 2 end | t -> now',
    ],
  },
  {
    why: 'No more units have to leave than there are, so the loop ends by its second condition at the last entry at the latest.',
    places: [
      'strategies/sliding-log: while i + 3 <= #state and left + state[i + 1] < excess do | i -> first',
      'strategies/sliding-log: while i + 3 <= #state and left + state[i + 1] < excess do | + -> -',
    ],
  },
  {
    why: 'The two are equal: there is no entry and nothing is used; a written entry is at t; a denied charge adds nothing.',
    places: [
      'strategies/sliding-log: local newest = written and t or state[#state - 1] or now | now -> t',
      'strategies/sliding-log: return written and append(state, first, t, cost) or state, { | t -> newest',
      'strategies/sliding-log: or room_at(state, first, sum + cost - limit) + policy.period_ms - now, | sum -> after',
    ],
  },
  {
    why: 'The numbers and the text are the same in one chunk, in several, and in chunks of another size.',
    places: [
      'lib/states: local MAX_STACK_VALUES = 1000 | 1000 -> 999',
      'lib/states: local MAX_STACK_VALUES = 1000 | 1000 -> 1001',
      'lib/states: if count <= MAX_STACK_VALUES then return cmsgpack.pack(MARKER_TEXT, expires_ms, unpack(state)) end | <= -> <',
    ],
  },
  {
    why: 'The offset of the next chunk is after the first value, so it is never 0; -1 is the end.',
    places: ['lib/states: while offset >= 0 do | >= -> >', 'lib/states: while offset >= 0 do | 0 -> 1'],
  },
  {
    why: 'There is nothing at index 0, and appending nil changes nothing.',
    places: ['lib/states: for i = 1, #rest do state[#state + 1] = rest[i] end | 1 -> 0'],
  },
  {
    why: 'A string has no byte at 0: the first four are the same from there on.',
    places: ['lib/states: if string.sub(text, 1, #MARKER) ~= MARKER then return nil end | 1 -> 0'],
  },
  {
    why: 'There is no charge before the first, so the search ends at once.',
    places: [
      'lib/calls: local earlier = i > 1 and earlier_charge_on(charges, i) | > -> >=',
      'lib/calls: local earlier = i > 1 and earlier_charge_on(charges, i) | 1 -> 0',
    ],
  },
  {
    why: 'wanted is 0 if and only if cost is 0.',
    places: [
      'strategies/bucket: local allowed = cost == 0 or (cost <= burst and wanted <= room) | cost -> wanted',
      'strategies/bucket: return allowed and cost > 0 and { after, t } or state, { | cost -> wanted',
      'strategies/bucket: delay_ms = is_queue and allowed and cost > 0 and deficit > 0 and ahead_ms + math.ceil(deficit / limit) or 0, | cost -> wanted',
    ],
  },
];

export const EQUIVALENT = new Set(REASONS.flatMap(({ places }) => places));
