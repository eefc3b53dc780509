-- Twin of src/strategies/bucket.ts. State: the deficit in units of 1/period, and the instant at which it was that.

-- Returns the instant that counts as now, and the deficit at that instant.
local function drained_at(state, now, policy)
  local stored, at = state[1] or 0, state[2]
  if at == nil or at > now + policy.period_ms then return now, 0 end
  local t = math.max(now, at)
  local idle_ms = t - at
  return t, idle_ms >= math.ceil(stored / policy.limit) and 0 or stored - idle_ms * policy.limit
end

local function bucket(is_queue)
  return {
    fits = function(state)
      return #state == 2
    end,

    step = function(state, now, policy, cost)
      local limit, period_ms, burst = policy.limit, policy.period_ms, policy.burst
      local t, deficit = drained_at(state, now, policy)
      local room = burst * period_ms - deficit
      -- A cost above the burst can never pass. It is limited to the burst first, so that the product stays exact.
      local wanted = math.min(cost, burst) * period_ms
      local allowed = cost == 0 or (cost <= burst and wanted <= room)
      local after = allowed and deficit + wanted or deficit
      local ahead_ms = t - now
      return allowed and cost > 0 and { after, t } or state, {
        allowed = allowed,
        limit = burst,
        remaining = math.max(0, math.floor((burst * period_ms - after) / period_ms)),
        reset_ms = after == 0 and 0 or ahead_ms + math.ceil(after / limit),
        retry_after_ms = allowed and 0 or cost > burst and NEVER or ahead_ms + math.ceil((wanted - room) / limit),
        delay_ms = is_queue and allowed and cost > 0 and deficit > 0 and ahead_ms + math.ceil(deficit / limit) or 0,
        window_ms = math.ceil((burst * period_ms) / limit),
      }
    end,

    amend = function(state, now, policy, at, from, to)
      if #state == 0 then return state end
      local t, deficit = drained_at(state, now, policy)
      -- A charge later than the state was discarded when the clock stepped back.
      if at > t then return state end
      local given = (from - to) * policy.period_ms
      local idle_ms = t - at
      -- The part that has drained since the charge is back already.
      if idle_ms >= math.ceil(given / policy.limit) then return state end
      return { math.max(0, deficit - (given - idle_ms * policy.limit)), t }
    end,
  }
end

strategies['token-bucket'] = bucket(false)
strategies['gcra'] = bucket(false)
strategies['leaky-bucket'] = bucket(true)
