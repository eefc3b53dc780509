-- Twin of src/strategies/fixed-window.ts. State: start of the window, units used in it.

-- Returns the start of the window that counts as current, and the units used in it.
local function window_at(state, now, period_ms)
  local current = math.floor(now / period_ms) * period_ms
  local start, used = state[1], state[2] or 0
  if start == nil or start < current or start > now + period_ms then return current, 0 end
  return start, used
end

strategies['fixed-window'] = {
  fits = function(state)
    return #state == 2
  end,

  step = function(state, now, policy, cost)
    local start, used = window_at(state, now, policy.period_ms)
    local allowed = cost <= policy.limit - used or cost == 0
    local after = allowed and used + cost or used
    local left_ms = start + policy.period_ms - now
    return allowed and cost > 0 and { start, after } or state, {
      allowed = allowed,
      limit = policy.limit,
      remaining = math.max(0, policy.limit - after),
      reset_ms = after == 0 and 0 or left_ms,
      retry_after_ms = allowed and 0 or cost > policy.limit and NEVER or left_ms,
      delay_ms = 0,
      window_ms = policy.period_ms,
    }
  end,

  amend = function(state, _now, policy, at, from, to)
    local start, used = state[1], state[2] or 0
    -- A charge of an earlier window has nothing to give back.
    if start ~= math.floor(at / policy.period_ms) * policy.period_ms then return state end
    return { start, math.max(0, used - (from - to)) }
  end,
}
