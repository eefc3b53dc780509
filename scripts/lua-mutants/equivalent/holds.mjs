/**
 * Mutants of lua/lib/holds.lua, lua/scripts/hold.lua and lua/scripts/take.lua that behave as the original: the reason,
 * and their places.
 */
export const HOLDS = [
  {
    why: 'The parts of a strategy that read a state set all of these.',
    places: [
      'lib/holds: local is_sound, marker, text, expires_ms, state = true, nil, false, 0, {} | true -> false',
      'lib/holds: local is_sound, marker, text, expires_ms, state = true, nil, false, 0, {} | false -> true',
      'lib/holds: local is_sound, marker, text, expires_ms, state = true, nil, false, 0, {} | 0 -> 1',
    ],
  },
  {
    why: 'What a limit of concurrency is charged is not written.',
    places: ['lib/holds: b.state, b.expires_ms = state, 0 | 0 -> 1'],
  },
  {
    why: 'The parts of a strategy set these, and the wait wherever it is read.',
    places: [
      'lib/holds: local retry_after_ms, begin_ms, charged = 0, now, 0 | 0 -> 1',
      'lib/holds: local retry_after_ms, begin_ms, charged = 0, now, 0 | now -> server_ms',
      'lib/holds: local retry_after_ms, begin_ms, charged = 0, now, 0 | 0 (2) -> 1',
    ],
  },
  {
    why: 'Of a limit of concurrency nobody reads the begin of a window, nor the wait of what it has room for.',
    places: [
      'lib/holds: return limit, 0, cost > limit and NEVER or 0, now, 0, 0, limit | > -> >=',
      'lib/holds: return limit, 0, cost > limit and NEVER or 0, now, 0, 0, limit | 0 (2) -> 1',
      'lib/holds: return limit, 0, cost > limit and NEVER or 0, now, 0, 0, limit | now -> server_ms',
      'lib/holds: return limit, 0, cost > limit and NEVER or 0, now, 0, 0, limit | 0 (3) -> 1',
    ],
  },
  {
    why: 'The debt of a window without a charge is less than its limit, which is 1 at least.',
    places: ['lib/holds: return max(0, (state[2] or 0) - b.policy.limit - (state[3] or 0)) | 0 (2) -> 1'],
  },
  {
    why: 'The length of a window depends on no cost.',
    places: ['lib/holds: local _, _, _, _, _, window_ms = step_window(b, state, at, 0) | 0 -> 1'],
  },
  {
    why: 'Without open holds and new ones, the reset is that of the window alone: the latest expiry and what is held do not count.',
    places: [
      'lib/holds: local latest = b.size > 0 and b.latest_ms or now | > -> >=',
      'lib/holds: if b.is_charged and b.held + taken > 0 then | > -> >=',
    ],
  },
  {
    why: 'Nobody reads whether a charge was counted.',
    places: ['lib/holds: local at, is_amended, granted, window_ms = now, false, nil, nil | false -> true'],
  },
  {
    why: 'The hold of this number has been looked at.',
    places: [
      'lib/holds: for i = 1, #ids do waiting[from + i] = { tonumber(found[2 * i]), stored_number(units[i]) or 0, ids[i] } end | 1 -> 0',
    ],
  },
  {
    why: 'No hold expires at the first instants of the epoch.',
    places: [
      'lib/holds: latest_ms = 0, | 0 -> 1',
      'lib/holds: pending_latest = 0, | 0 -> 1',
      'lib/holds: local decision = decide_hold(b, more, 0, true, id) | 0 -> 1',
      'lib/holds: if is_first then pending_units, holders, pending_latest = 0, 1, 0 end | 0 (2) -> 1',
      'lib/holds: b.latest_ms = 0 | 0 -> 1',
    ],
  },
  {
    why: 'A hold that grows has no earlier holds in its call.',
    places: ['lib/holds: local decision = decide_hold(b, more, 0, true, id) | true -> false'],
  },
  {
    why: 'Nobody reads the number of holders after one has been added.',
    places: [
      'lib/holds: b.held, b.size = b.held + units, b.size + 1 | + (2) -> -',
      'lib/holds: b.held, b.size = b.held + units, b.size + 1 | 1 -> 0',
      'lib/holds: b.held, b.size = b.held + units, b.size + 1 | 1 -> 2',
    ],
  },
  {
    why: 'Without a window, too, a decision is told in full.',
    places: [
      'scripts/take: { granted = 0 }, decision.allowed, decision.granted, decision.remaining, decision.reset_ms, decision.retry_after_ms, 0, | 0 -> 1',
      'scripts/hold: { granted = 0 }, decision.allowed, decision.granted, decision.remaining, decision.reset_ms, decision.retry_after_ms, 0, | 0 -> 1',
    ],
  },
  {
    why: 'The number of the first key is set when all holds are read.',
    places: ['scripts/take: hold, arg = read_hold(ARGV, arg, 0) | 0 -> 1'],
  },
  {
    why: 'A call that is late decides nothing: it is not sound.',
    places: ['scripts/take: for i = 1, is_late and 0 or #holds do | 0 -> 1'],
  },
  {
    why: 'No hold expires at the first instants of the epoch, and no charge has the number 0.',
    places: [
      'scripts/take: hold.decision = decide_hold(b, is_new and hold.units or 0, is_new and hold.expires_at or 0) | 0 (2) -> 1',
      'scripts/take: if decision.allowed and not is_call_allowed then decision = decide_hold(hold.budget, 0, 0, true) end | 0 (2) -> 1',
      'scripts/take: for i = 1, charge_count do cost_of[i] = 0 end | 1 -> 0',
    ],
  },
  {
    why: 'The first two parts of the reply are written anew.',
    places: [
      'scripts/hold: for i = #reply, 2, -1 do reply[i] = nil end | 2 -> 1',
      'scripts/hold: for i = #reply, 2, -1 do reply[i] = nil end | 2 -> 3',
    ],
  },
];
