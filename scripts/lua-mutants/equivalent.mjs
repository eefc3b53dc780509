/** Mutants that behave as the original: the reason, and their places. */
const REASONS = [
  {
    why: 'Every state matters for a second at least, so an expiry of 1 is as much too soon as one of 0, that of no key.',
    places: [
      'strategies/fixed-window: is_sound, expires_ms = not text, 0 | 0 -> 1',
      'strategies/bucket: is_sound, expires_ms = not text, 0 | 0 -> 1',
      'strategies/sliding-window: is_sound, expires_ms, is_moved = not text, 0, false | 0 -> 1',
      'lib/states: if not text then return text, {}, 0 end | 0 -> 1',
      'strategies/sliding-log: is_sound, is_moved, expires_ms, count, gone, before, newest, total = not text, false, 0, 0, 0, 0, nil, 0 | 0 -> 1',
    ],
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
      'strategies/bucket: remaining = room < 0 and 0 or (room - room % period_ms) / period_ms | 0 -> 1',
      'strategies/bucket: remaining = room < 0 and 0 or (room - room % period_ms) / period_ms | < -> <=',
      'strategies/sliding-log: if remaining < 0 then remaining = 0 end | < -> <=',
      'strategies/sliding-log: if remaining < 0 then remaining = 0 end | 0 -> 1',
      'strategies/sliding-window: remaining = room < 0 and 0 or (room - room % span) / span | 0 -> 1',
      'strategies/sliding-window: remaining = room < 0 and 0 or (room - room % span) / span | < -> <=',
    ],
  },
  {
    why: 'Both are the same instant there: t begins as now, and the bucket is drained up to t.',
    places: [
      'strategies/bucket: if drained_ms == nil or drained_ms > now + period_ms then | now -> t',
      'strategies/bucket: if drained_ms > now then t = drained_ms end | > -> >=',
      'strategies/bucket: if drained_ms > now then t = drained_ms end | now -> t',
      'strategies/bucket: local ahead_ms = t - now | t -> drained_ms',
      'strategies/bucket: local idle_ms = t - at | t -> drained_ms',
      'strategies/bucket: if at <= t and idle_ms < ceil(given / limit) then | t -> drained_ms',
    ],
  },
  {
    why: 'A cost equal to the burst is limited to itself. Of one above the burst only the wait is told, which is for ever.',
    places: [
      'strategies/bucket: local wanted = (cost <= burst and cost or burst) * period_ms | <= -> <',
      'strategies/bucket: local wanted = (cost <= burst and cost or burst) * period_ms | burst (2) -> limit',
    ],
  },
  {
    why: 'wanted is 0 if and only if cost is 0.',
    places: [
      'strategies/bucket: allowed = cost == 0 or (cost <= burst and wanted <= room) | cost -> wanted',
      'strategies/bucket: if allowed and cost > 0 then | cost -> wanted',
    ],
  },
  {
    why: 'The numbers and the text are the same in one chunk, in several, in chunks of another size, and with one of none at the end.',
    places: [
      'lib/states: local MAX_STACK_VALUES = 1000 | 1000 -> 999',
      'lib/states: local MAX_STACK_VALUES = 1000 | 1000 -> 1001',
      'strategies/sliding-log: local CHUNK = 100 | 100 -> 99',
      'strategies/sliding-log: local CHUNK = 100 | 100 -> 101',
      'strategies/sliding-log: for chunk = first, count - 1, CHUNK do | - -> +',
      'strategies/sliding-log: for chunk = first, count - 1, CHUNK do | 1 -> 0',
    ],
  },
  {
    why: 'The offset of the next chunk is after the first value, so it is never 0; -1 is the end.',
    places: ['lib/states: while offset >= 0 do | >= -> >', 'lib/states: while offset >= 0 do | 0 -> 1'],
  },
  {
    why: 'The newest counter is part of the sum of all but the oldest, which is checked.',
    places: ['strategies/sliding-window: for i = 2, segments do | 2 -> 1'],
  },
  {
    why: 'Nothing reads the counter before the newest one, or the one behind the oldest.',
    places: [
      'strategies/sliding-window: for i = 1, segments + 1 do counters[i] = 0 end | 1 -> 0',
      'strategies/sliding-window: for i = 1, segments + 1 do counters[i] = 0 end | 1 (2) -> 2',
      'strategies/sliding-window: for i = 1, segments + 1 do found[i] = i > moved and counters[i - moved] or 0 end | 1 -> 0',
      'strategies/sliding-window: for i = 1, segments + 1 do found[i] = i > moved and counters[i - moved] or 0 end | 1 (2) -> 2',
      'strategies/sliding-window: for i = 1, segments + 1 do found[i] = i > moved and counters[i - moved] or 0 end | > -> >=',
    ],
  },
  {
    why: 'A step sets the newest counter before anything reads it.',
    places: ['strategies/sliding-window: for i = 1, segments + 1 do counters[i] = 0 end | 1 -> 2'],
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
    why: 'Costs that are the same are skipped: what is given back or added is never 0.',
    places: [
      'scripts/settle: if is_sound and (text or units > 0) then | > -> >=',
      'scripts/settle: if units > 0 then | > -> >=',
      'scripts/settle: if units > 0 then | > -> >= | occurrence 2 of this line',
      'scripts/settle: if state ~= nil and (text or units > 0) then | > -> >=',
    ],
  },
  {
    why: 'What a settlement changes, and until when it matters, is the same whatever the burst is.',
    places: ['scripts/settle: local burst, segments = policy.burst, policy.segments | burst (2) -> limit'],
  },
  {
    why: 'The element 0 of a list is no member of it.',
    places: ['lib/policies: for n = 1, count do numbers[n] = argument(args[i + 1 + n]) end | 1 -> 0'],
  },
  {
    why: 'A write of the whole state leaves the same as one of its changed part, and an expiry that is late enough is kept.',
    places: [
      'strategies/sliding-log: is_sound, is_moved, expires_ms, count, gone, before, newest, total = not text, false, 0, 0, 0, 0, nil, 0 | false -> true',
      ...[
        'expires_ms -> server_ms',
        '>= -> >',
        '> -> >=',
        '> -> <=',
        'count -> gone',
        'gone -> count',
        '* -> /',
        '2 -> 1',
        '2 -> 3',
        '<= -> <',
        '<= -> >',
        'count (2) -> gone',
      ].map(
        (change) =>
          `strategies/sliding-log: elseif expires_ms >= until_ms and not is_moved and count > SHORT and gone * 2 <= count then | ${change}`,
      ),
      'strategies/sliding-log: local SHORT = 64 | 64 -> 63',
      'strategies/sliding-log: local SHORT = 64 | 64 -> 65',
      'strategies/sliding-window: if expires_ms >= until_ms and not is_moved then | expires_ms -> newest',
      'strategies/sliding-window: if expires_ms >= until_ms and not is_moved then | >= -> >',
      'strategies/sliding-window: if expires_ms >= until_ms and not is_moved then | expires_ms -> server_ms',
    ],
  },
  {
    why: 'The phases of a call are only told apart.',
    places: [
      'scripts/spend: local FIRST, MONITORED, DENIED_CALL = 1, 2, 3 | 1 -> 0',
      'scripts/spend: local FIRST, MONITORED, DENIED_CALL = 1, 2, 3 | 3 -> 4',
    ],
  },
  {
    why: 'Without a monitored charge nothing is decided in the phase of those.',
    places: ['scripts/spend: local has_monitored = false | false -> true'],
  },
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
  {
    why: 'The first charge on the key is this one, or one on the same key.',
    places: [
      'scripts/spend: field_1[i] = state | i -> first',
      'scripts/spend: local policy = policy_of[i] | i -> first',
      'scripts/spend: expiry_in[i] = expires_ms | i -> first',
      'scripts/spend: local key, is_sound, is_decided, is_taken = KEYS[last_key + i], true, false, cost > 0 | i -> first',
    ],
  },
  {
    why: 'A key that is read once more holds the same state. It goes to a slot that nothing loads, as does the last charge of one that is not the first.',
    places: [
      'scripts/spend: if first == i then | first -> i',
      'scripts/spend: if first == i then | i -> first',
      'scripts/spend: first_on[i], last_on[i] = first, 0 | i (2) -> first',
    ],
  },
  {
    why: 'No charge has the number 0.',
    places: [
      'scripts/spend: local from = earlier > 0 and left_by[earlier] or first | > -> >=',
      'scripts/spend: local from = earlier > 0 and left_by[earlier] or first | earlier -> first',
      'scripts/spend: local is_denied = earlier > 0 and denied_of[earlier] | > -> >=',
      'scripts/spend: local is_denied = earlier > 0 and denied_of[earlier] | earlier -> first',
    ],
  },
  {
    why: 'It is set before it is read, or never read.',
    places: [
      'scripts/spend: local key, is_sound, is_decided, is_taken = KEYS[last_key + i], true, false, cost > 0 | false -> true',
      'scripts/spend: local at, units, is_amended = now, cost, false | false -> true',
    ],
  },
  {
    why: 'A built-in strategy that records 0 units changes nothing.',
    places: [
      'scripts/spend: if is_recorded and cost > 0 then | > -> >=',
      'scripts/spend: if is_recorded and cost > 0 then | cost -> total_cost',
    ],
  },
  {
    why: 'What a charge leaves that takes nothing is in a slot that nothing loads.',
    places: [
      'scripts/spend: if allowed and is_taken then | allowed -> is_taken',
      'scripts/spend: if allowed and is_taken then | and -> or',
      'scripts/spend: if allowed and is_taken then | is_taken -> allowed',
    ],
  },
  {
    why: 'All strategies allow a cost of 0, so a recorded charge is never denied; what is monitored is decided by itself, whatever was denied before it; and what is denied stays so.',
    places: ['allowed', 'is_late', 'is_monitored', 'is_denied'].map(
      (name) =>
        `scripts/spend: if not is_recorded then is_denied = is_denied or not allowed end | is_recorded -> ${name}`,
    ),
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
      "strategies/sliding-log: text = sub(text, 1, offset) .. pack('<I7I7', instant, earlier + added) .. sub(text, offset + 1) | 1 -> 0",
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
    places: ['t', 'now', 'server_ms'].map(
      (name) => `strategies/sliding-log: elseif newest ~= nil then | newest -> ${name}`,
    ),
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
    why: 'What is recorded is decided at a cost of 0, which is told already.',
    places: ['is_late', 'is_monitored'].map(
      (name) =>
        `scripts/spend: is_decided = phase == MONITORED or is_recorded or earlier == 0 or cost == 0 or not is_denied | is_recorded -> ${name}`,
    ),
  },
  {
    why: 'Later charges on the key ask only what one of them leaves that took units, and its total is the cost it was decided at.',
    places: [
      'scripts/spend: left_by[i] = allowed and is_taken and charge_count + i or from | is_taken -> allowed',
      'scripts/spend: total_of[i], denied_of[i] = total_cost, is_denied | total_cost -> cost',
    ],
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
      ...['> -> >=', 'first -> count', 'first -> gone', '<= -> <'].map(
        (change) => `strategies/sliding-log: if last > first and text and last <= #text then | ${change}`,
      ),
      ...['> -> >=', 'first -> count', 'first -> gone'].map(
        (change) => `strategies/sliding-log: elseif last > first then | ${change}`,
      ),
    ],
  },
  {
    why: 'A charge of the number 0 is never due, and is on no key.',
    places: [
      'scripts/spend: i, phase = 1, is_call_allowed and MONITORED or DENIED_CALL | 1 -> 0',
      'scripts/spend: for i = 1, is_call_sound and is_call_recorded and is_call_allowed and writes and charge_count or 0 do | 1 -> 0',
    ],
  },
  {
    why: 'Charges on one key have the same strategy and segments.',
    places: [
      'scripts/spend: local key, slot, policy = KEYS[last_key + i], left_by[i], policy_of[i] | i -> first',
      'scripts/spend: local key, slot, policy = KEYS[last_key + i], left_by[i], policy_of[i] | i (3) -> first',
    ],
  },
];

export const EQUIVALENT = new Set(REASONS.flatMap(({ places }) => places));
