-- Twin of src/strategies/sliding-log.ts. State: pairs of instant and units, oldest first.

-- Returns the index of the first entry in the period, the instant that counts as now, and the units in the period.
local function live_at(state, now, period_ms)
  local newest = state[#state - 1] or now
  if newest > now + period_ms then return #state + 1, now, 0 end
  local t = math.max(now, newest)
  local first = 1
  while first <= #state and state[first] <= t - period_ms do first = first + 2 end
  local sum = 0
  for i = first + 1, #state, 2 do sum = sum + state[i] end
  return first, t, sum
end

local function append(state, first, t, cost)
  local live = {}
  for i = first, #state do live[#live + 1] = state[i] end
  if live[#live - 1] == t then
    live[#live] = live[#live] + cost
  else
    live[#live + 1] = t
    live[#live + 1] = cost
  end
  return live
end

-- Returns the instant of the entry that must leave for `excess` units to have left.
local function room_at(state, first, excess)
  local left = 0
  local i = first
  while i + 3 <= #state and left + state[i + 1] < excess do
    left = left + state[i + 1]
    i = i + 2
  end
  return state[i] or 0
end

strategies['sliding-log'] = {
  fits = function(state)
    return #state % 2 == 0
  end,

  step = function(state, now, policy, cost)
    local limit = policy.limit
    local first, t, sum = live_at(state, now, policy.period_ms)
    local allowed = cost <= limit - sum or cost == 0
    local written = allowed and cost > 0
    local newest = written and t or state[#state - 1] or now
    local after = written and sum + cost or sum
    return written and append(state, first, t, cost) or state, {
      allowed = allowed,
      limit = limit,
      remaining = math.max(0, limit - after),
      reset_ms = after == 0 and 0 or newest + policy.period_ms - now,
      retry_after_ms = allowed and 0 or cost > limit and NEVER
        or room_at(state, first, sum + cost - limit) + policy.period_ms - now,
      delay_ms = 0,
      window_ms = policy.period_ms,
    }
  end,

  amend = function(state, _now, _policy, at, from, to)
    for i = 1, #state, 2 do
      if state[i] == at then
        local left = math.max(0, state[i + 1] - (from - to))
        local amended = {}
        for j = 1, #state do
          if j == i + 1 and left > 0 then amended[#amended + 1] = left
          elseif left > 0 or j < i or j > i + 1 then amended[#amended + 1] = state[j] end
        end
        return amended
      end
    end
    return state
  end,
}
