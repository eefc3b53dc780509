-- Twin of src/strategies/sliding-window.ts. State: number of the newest segment, its counter, and those before it.

-- The counters as of `now`, newest first; `segments` + 1 of them.
local function segments_at(state, now, span, segments)
  local current = math.floor(now / span)
  local stored = state[1] or current
  local counts = {}
  if #state == 0 or stored * span > now + span * segments then
    for i = 1, segments + 1 do counts[i] = 0 end
    return current, counts
  end
  local shift = math.min(segments + 1, math.max(0, current - stored))
  for i = 1, segments + 1 do counts[i] = i <= shift and 0 or state[i - shift + 1] or 0 end
  return math.max(current, stored), counts
end

-- Units x span that count `ahead` segments after the newest one, `within` milliseconds into that segment.
local function used_at(counts, ahead, within, span)
  local oldest = #counts - ahead
  local full = 0
  for i = 1, oldest - 1 do full = full + counts[i] end
  return full * span + (counts[oldest] or 0) * (span - within)
end

-- The first instant at which no more than `most` (units x span) count.
local function room_at(counts, newest, within, span, most)
  local ahead = 0
  while ahead + 1 < #counts and used_at(counts, ahead, span, span) > most do ahead = ahead + 1 end
  local oldest = counts[#counts - ahead] or 0
  local budget = most - used_at(counts, ahead, span, span)
  local into = oldest == 0 and 0 or span - math.min(span, math.floor(budget / oldest))
  return (newest + ahead) * span + math.max(into, ahead == 0 and within or 0)
end

local function newest_used(counts)
  for i = 1, #counts do
    if counts[i] > 0 then return i - 1 end
  end
  return -1
end

strategies['sliding-window'] = {
  fits = function(state, policy)
    return #state == policy.segments + 2
  end,

  step = function(state, now, policy, cost)
    local limit = policy.limit
    local span = policy.period_ms / policy.segments
    local newest, counts = segments_at(state, now, span, policy.segments)
    local within = math.max(0, now - newest * span)
    local room = limit * span - used_at(counts, 0, within, span)
    local allowed = cost == 0 or (cost <= limit and cost * span <= room)
    local written = allowed and cost > 0
    if written then counts[1] = counts[1] + cost end
    local last = newest_used(counts)
    return written and { newest, unpack(counts) } or state, {
      allowed = allowed,
      limit = limit,
      remaining = math.max(0, math.floor((written and room - cost * span or room) / span)),
      reset_ms = last < 0 and 0 or (newest - last + policy.segments + 1) * span - now,
      retry_after_ms = allowed and 0 or cost > limit and NEVER
        or room_at(counts, newest, within, span, (limit - cost) * span) - now,
      delay_ms = 0,
      window_ms = policy.period_ms,
    }
  end,

  amend = function(state, _now, policy, at, from, to)
    local index = (state[1] or 0) - math.floor(at / (policy.period_ms / policy.segments)) + 1
    local units = index < 1 and 0 or state[index + 1] or 0
    if units == 0 then return state end
    local amended = { unpack(state) }
    amended[index + 1] = math.max(0, units - (from - to))
    return amended
  end,
}
