-- Twin of src/strategies/sliding-window.ts. State: number of the newest segment, its counter, and those before it.

-- Returns the state as of `now`: its newest segment is the current one, and segments that left the window are dropped.
local function as_of(state, now, span, segments)
  local current = math.floor(now / span)
  local stored = state[1]
  local is_empty = stored == nil or stored * span > now + span * segments
  if not is_empty and stored >= current then return state end
  local moved = is_empty and segments + 1 or current - stored
  local found = { current }
  for i = 2, segments + 2 do found[i] = i < moved + 2 and 0 or state[i - moved] or 0 end
  return found
end

local function charged(state, cost)
  local after = { unpack(state) }
  after[2] = after[2] + cost
  return after
end

-- Returns the usage (units x span) `within` milliseconds into the segment that is `ahead` segments after the newest one.
local function used_at(state, ahead, within, span)
  local oldest = #state - ahead
  local full = 0
  for i = 2, oldest - 1 do full = full + state[i] end
  return full * span + (state[oldest] or 0) * (span - within)
end

-- Returns the number of the newest counter that is not 0, or 0 if all are.
local function newest_used(state)
  for i = 2, #state do
    if state[i] > 0 then return i - 1 end
  end
  return 0
end

-- Returns the first instant at which the usage is at most `most` (units x span).
local function room_at(state, within, span, most)
  local ahead = 0
  while ahead + 2 < #state and used_at(state, ahead, span, span) > most do ahead = ahead + 1 end
  local oldest = state[#state - ahead] or 0
  local budget = most - used_at(state, ahead, span, span)
  local into = oldest == 0 and 0 or span - math.min(span, math.floor(budget / oldest))
  return (state[1] + ahead) * span + math.max(into, ahead == 0 and within or 0)
end

strategies['sliding-window'] = {
  fits = function(state, policy)
    return #state == policy.segments + 2
  end,

  step = function(state, now, policy, cost)
    local limit = policy.limit
    local span = policy.period_ms / policy.segments
    local found = as_of(state, now, span, policy.segments)
    local newest = found[1]
    local within = math.max(0, now - newest * span)
    local room = limit * span - used_at(found, 0, within, span)
    local allowed = cost == 0 or (cost <= limit and cost * span <= room)
    local written = allowed and cost > 0
    local last = written and 1 or newest_used(found)
    return written and charged(found, cost) or state, {
      allowed = allowed,
      limit = limit,
      remaining = math.max(0, math.floor((written and room - cost * span or room) / span)),
      reset_ms = last == 0 and 0 or (newest - last + policy.segments + 2) * span - now,
      retry_after_ms = allowed and 0 or cost > limit and NEVER
        or room_at(found, within, span, (limit - cost) * span) - now,
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
