/** Mutants that do the same as the Lua they were made of: the reason, and their places. */
const REASONS = [
  {
    why: 'A default that is never taken, as its twin in TypeScript needs one: a state that is read has as many numbers as fit.',
    places: [
      'strategies/fixed-window: local start, used = state[1], state[2] or 0 | 0 -> 1',
      'strategies/fixed-window: local start, used = state[1], state[2] or 0 | 0 -> 1 | in the 2. line of this text',
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
    why: 'Where the newest segment is still that of now, nothing moves: a copy holds the same numbers.',
    places: ['strategies/sliding-window: if not is_empty and stored >= current then return state end | >= -> >'],
  },
  {
    why: 'Windows begin at multiples of the period: one begins later than now + period if and only if it begins later than the current window + period.',
    places: [
      'strategies/fixed-window: if start == nil or start < current or start > now + period_ms then return current, 0 end | now -> current',
    ],
  },
  {
    why: 'A list has a member at 0 besides, or is asked for one that is not there: neither its length nor what is read of it changes.',
    places: ['strategies/sliding-log: for j = 1, #state do | 1 -> 0'],
  },
  {
    why: 'There are segments + 1 counters, all of which are 0 when they move by as many, or by more.',
    places: ['strategies/sliding-window: local moved = is_empty and segments + 1 or current - stored | 1 -> 2'],
  },
  {
    why: 'In the last segment nothing counts any more at its end, which is never more than is wanted: the loop ends there by its second condition.',
    places: [
      'strategies/sliding-window: while ahead + 2 < #state and used_at(state, ahead, span, span) > most do ahead = ahead + 1 end | + -> -',
      'strategies/sliding-window: while ahead + 2 < #state and used_at(state, ahead, span, span) > most do ahead = ahead + 1 end | 2 -> 1',
      'strategies/sliding-window: while ahead + 2 < #state and used_at(state, ahead, span, span) > most do ahead = ahead + 1 end | < -> <=',
    ],
  },
  {
    why: 'Only what is denied has a wait, so that usage is too much at the begin of the segment and is not at its end: its counter is not 0, and the instant is not its begin.',
    places: [
      'strategies/sliding-window: local into = oldest == 0 and 0 or span - math.min(span, math.floor(budget / oldest)) | 0 (2) -> 1',
      'strategies/sliding-window: return (state[1] + ahead) * span + math.max(into, ahead == 0 and within or 0) | 0 (2) -> 1',
    ],
  },
  {
    why: 'What is allowed and not written has a cost of 0: as much is added, or taken off.',
    places: [
      'strategies/sliding-window: remaining = math.max(0, math.floor((written and room - cost * span or room) / span)), | written -> allowed',
      'strategies/sliding-log: local after = written and sum + cost or sum | written -> allowed',
    ],
  },
  {
    why: 'Anywhere beyond the end no entry is.',
    places: ['strategies/sliding-log: if newest > now + period_ms then return #state + 1, now, 0 end | 1 -> 2'],
  },
  {
    why: 'An entry is at an odd place, and there is an even number of places.',
    places: [
      'strategies/sliding-log: while first <= #state and state[first] <= t - period_ms do first = first + 2 end | <= -> <',
      'strategies/sliding-log: while i + 3 <= #state and left + state[i + 1] < excess do | 3 -> 2',
    ],
  },
  {
    why: 'Where the clock is behind the newest entry, no entry is a period older than that one: it took those away when it was written.',
    places: [
      'strategies/sliding-log: while first <= #state and state[first] <= t - period_ms do first = first + 2 end | t -> now',
    ],
  },
  {
    why: 'What must leave is no more than what is there: the loop ends by its second condition, at the last entry at the latest.',
    places: [
      'strategies/sliding-log: while i + 3 <= #state and left + state[i + 1] < excess do | i -> first',
      'strategies/sliding-log: while i + 3 <= #state and left + state[i + 1] < excess do | + -> -',
    ],
  },
  {
    why: 'The two are equal: no entry and nothing used; the newest is t when it is written; nothing is added to what is denied.',
    places: [
      'strategies/sliding-log: local newest = written and t or state[#state - 1] or now | now -> t',
      'strategies/sliding-log: return written and append(state, first, t, cost) or state, { | t -> newest',
      'strategies/sliding-log: or room_at(state, first, sum + cost - limit) + policy.period_ms - now, | sum -> after',
    ],
  },
  {
    why: 'Only a quicker way: the shape of every policy is of the form that is looked for where it is not known.',
    places: ['state: shapes[policy.shape] = true | true -> false'],
  },
  {
    why: 'The same numbers and the same text, at once or in pieces, and in pieces of another size.',
    places: [
      'state: local AT_ONCE = 1000 | 1000 -> 999',
      'state: local AT_ONCE = 1000 | 1000 -> 1001',
      'state: if #text <= AT_ONCE then return checked(listed(cmsgpack.unpack(text))) end | <= -> <',
      'state: if count <= AT_ONCE then return cmsgpack.pack(shape, expires_ms, unpack(state)) end | <= -> <',
    ],
  },
  {
    why: 'Where the next piece begins is beyond the first value, so that it is never 0; -1 stands for the end.',
    places: [
      'state: while offset >= 0 and is_shape(shape) do | >= -> >',
      'state: while offset >= 0 and is_shape(shape) do | 0 -> 1',
    ],
  },
  {
    why: 'There is nothing at 0, and to add nothing to a list changes nothing.',
    places: ['state: for i = 1, #rest do all[#all + 1] = rest[i] end | 1 -> 0'],
  },
  {
    why: 'Before the first charge there is none: the search for one ends at once.',
    places: [
      'spend: local last = i > 1 and before(charges, i) | > -> >=',
      'spend: local last = i > 1 and before(charges, i) | 1 -> 0',
    ],
  },
  {
    why: 'A state that is read has an expiry that is not below 0, and it is kept: by what time does not matter.',
    places: [
      'settle: if amended ~= state then write_state(KEYS[i], amended, shape, expires_ms, server_ms, 0) end | server_ms -> now',
      'settle: if amended ~= state then write_state(KEYS[i], amended, shape, expires_ms, server_ms, 0) end | server_ms -> at',
    ],
  },
  {
    why: 'wanted is 0 if and only if the cost is.',
    places: [
      'strategies/bucket: local allowed = cost == 0 or (cost <= burst and wanted <= room) | cost -> wanted',
      'strategies/bucket: return allowed and cost > 0 and { after, t } or state, { | cost -> wanted',
      'strategies/bucket: delay_ms = holds and allowed and cost > 0 and deficit > 0 and ahead_ms + math.ceil(deficit / limit) or 0, | cost -> wanted',
    ],
  },
];

export const EQUIVALENT = new Set(REASONS.flatMap(({ places }) => places));
