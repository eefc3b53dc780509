-- Budgets of held units: permits of a limit of concurrency, reservations of a token budget. Twin of src/backends/holds; the rules are in
-- src/backends/hold-store.ts.
-- A budget has three keys: the charges of its window, in the format of its strategy; a sorted set with the expiry of each hold by its id;
-- and a hash with the units of each hold by its id, and the sum of all units under the empty name. A limit of concurrency has no window,
-- and does not use the first key.

local open_budget, decide_hold, expiry_of_hold, add_hold, grow_hold, extend_hold, remove_hold, charge_budget, drop_expired
local write_charges, read_hold

do
  local MAX_HOLDERS = 1000
  local CONCURRENCY = 'concurrency'
  -- The number of holds that are read at once to compute a wait.
  local CHUNK = '100'
  -- The number of windows for which the keys are kept after the expiry of a hold. The hold is charged to the window of its expiry, and a
  -- debt is carried to the next one. The third is a margin, because the period of a calendar is a mean.
  local WINDOWS_KEPT = 3

  -- Returns a stored number; nil for anything but a whole number from 0 to 2^53 - 1.
  local function stored_number(text)
    local number = tonumber(text)
    if number and number >= 0 and number < EXACT and number % 1 == 0 then return number end
  end

  -- Reads the charges of a budget. Returns true if they are sound, and the value of the key.
  local function read_charges(b)
    local key, strategy = b.key, b.policy.strategy
    local is_sound, marker, text, expires_ms, state = true, nil, false, 0, {}
    if strategy == CONCURRENCY then
      b.state, b.expires_ms = state, 0
      return true
    --@strategies fixed-window calendar
    elseif strategy == STRATEGY then
      --@declare
      --@include read
      --@list state
    --@end
    else
      error('sluice: cannot hold units of the strategy ' .. tostring(strategy))
    end
    b.state, b.expires_ms = state, expires_ms
    return is_sound, text
  end

  -- Decides a charge on the window of a budget at an instant. Returns the units left, the reset, the wait, the start of the window, the
  -- units used in it, its length and its limit.
  local function step_window(b, state, now, cost)
    local policy, arguments = b.policy, b.arguments
    local strategy, limit, period_ms, burst = policy.strategy, policy.limit, policy.period_ms, policy.burst
    local allowed, remaining, reset_ms, granted, window_ms
    local retry_after_ms, begin_ms, charged = 0, now, 0
    if false then
    --@strategies fixed-window calendar
    elseif strategy == STRATEGY then
      --@from state
      --@include policy
      --@include step
      begin_ms, charged = start, used
    --@end
    else
      return limit, 0, cost > limit and NEVER or 0, now, 0, 0, limit
    end
    return remaining, reset_ms, retry_after_ms, begin_ms, charged, window_ms, granted
  end

  -- Charges the window of an instant, even above its limit. Returns the new state.
  local function raise_window(b, state, now, units)
    local policy, arguments = b.policy, b.arguments
    local strategy, limit, period_ms, burst = policy.strategy, policy.limit, policy.period_ms, policy.burst
    local at, is_amended, granted, window_ms = now, false, nil, nil
    if false then
    --@strategies fixed-window calendar
    elseif strategy == STRATEGY then
      --@from state
      --@include policy
      --@include raise
      --@list state
    --@end
    end
    return state
  end

  -- Returns the units above the limit of a window that are carried to the next one. The first three numbers of a state are the start of
  -- the window, the units used, and the units carried into it.
  local function debt_of(b, state)
    if not b.carries_debt then return 0 end
    return max(0, (state[2] or 0) - b.policy.limit - (state[3] or 0))
  end

  -- Returns the length of the window of a state at an instant.
  local function length_at(b, state, at)
    local _, _, _, _, _, window_ms = step_window(b, state, at, 0)
    return window_ms
  end

  -- Charges the debt of the previous window to the window of an instant, if debts are carried. Returns the new state.
  local function carry(b, state, at)
    local debt = debt_of(b, state)
    if debt == 0 then return state end
    local turn = state[1] + length_at(b, state, state[1])
    if at < turn or at >= turn + length_at(b, state, turn) then return state end
    return raise_window(b, state, turn, min(debt, b.policy.limit))
  end

  local function charge_window(b, state, at, units)
    if units == 0 then return state end
    return raise_window(b, carry(b, state, at), at, units)
  end

  -- Deletes a budget with a value that no script of ours wrote. If the command failed for another reason, returns nil and the error
  -- instead.
  local function refuse(b, found)
    if is_failure(found) then return nil, found end
    redis_call('DEL', b.key, b.holds_key, b.units_key)
  end

  -- Removes the expired holds from a budget, and charges them in the order of their expiry. `found` lists their ids and expiries.
  -- Returns false if their units cannot be read.
  local function expire(b, found)
    local ids = {}
    for i = 1, #found, 2 do ids[#ids + 1] = found[i] end
    b.expired = ids
    if #ids == 0 then return true end
    local units = redis_call('HMGET', b.units_key, unpack(ids))
    for i = 1, #ids do
      local held = stored_number(units[i])
      if held == nil then return false end
      b.held, b.size = b.held - held, b.size - 1
      if b.is_charged then b.state, b.has_charges = charge_window(b, b.state, tonumber(found[2 * i]), held), true end
    end
    return b.held >= 0
  end

  -- Reads a hold from args[i] on: if it has arguments, '+', their number, and the numbers; its policy; its rule; its id, units and time
  -- to live. The rule says what happens when the hold expires: 'charge', 'release', or 'carry', which charges it and carries debts.
  -- Returns the hold, and the index of the next argument. `first_key` is the number of the first of its three keys.
  function read_hold(args, i, first_key)
    local arguments
    arguments, i = read_arguments(args, i)
    argument(args[i + 6])
    return {
      first_key = first_key,
      arguments = arguments,
      policy = read_policy(args, i),
      rule = args[i + 5],
      id = args[i + 6],
      units = argument(args[i + 7]),
      expires_at = now + argument(args[i + 8]),
    },
      i + 9
  end

  -- Reads the budget of a hold as it is now. Returns nil if it had a value that no script of ours wrote, or nil and the error of a
  -- command that failed.
  function open_budget(hold)
    local first = hold.first_key
    local b = {
      key = KEYS[first],
      holds_key = KEYS[first + 1],
      units_key = KEYS[first + 2],
      policy = hold.policy,
      arguments = hold.arguments,
      is_charged = hold.rule ~= 'release',
      carries_debt = hold.rule == 'carry',
      has_charges = false,
      held = 0,
      latest_ms = 0,
      waiting = {},
      -- The ids and units of earlier holds of the call, how many there are, and their latest expiry. They are taken if the call is allowed.
      ids = {},
      pending_units = 0,
      pending_holders = 0,
      pending_latest = 0,
    }
    local expired = redis_pcall('ZRANGE', b.holds_key, '-inf', format('%.0f', now), 'BYSCORE', 'WITHSCORES')
    if expired.err then return refuse(b, expired) end
    local held = redis_pcall('HGET', b.units_key, '')
    if type(held) == 'table' then return refuse(b, held) end
    local is_sound, text = read_charges(b)
    if not is_sound then return refuse(b, text) end
    b.size = redis_call('ZCARD', b.holds_key)
    if b.size > 0 then b.held = stored_number(held) end
    if b.held == nil or not expire(b, expired) then return refuse(b) end
    if b.size > 0 then
      local last = redis_call('ZRANGE', b.holds_key, '-1', '-1', 'WITHSCORES')
      b.latest_ms = tonumber(last[2])
    end
    return b
  end

  -- Returns the expiry, units and id of the n-th open hold, in the order of expiry.
  local function nth_hold(b, n)
    local waiting = b.waiting
    if n > #waiting and n <= b.size then
      local from = #waiting
      local after, offset = '(' .. format('%.0f', now), format('%.0f', from)
      local found = redis_call('ZRANGE', b.holds_key, after, '+inf', 'BYSCORE', 'LIMIT', offset, CHUNK, 'WITHSCORES')
      local ids = {}
      for i = 1, #found, 2 do ids[#ids + 1] = found[i] end
      local units = redis_call('HMGET', b.units_key, unpack(ids))
      for i = 1, #ids do waiting[from + i] = { tonumber(found[2 * i]), stored_number(units[i]) or 0, ids[i] } end
    end
    local hold = waiting[n]
    if hold then return hold[1], hold[2], hold[3] end
  end

  -- Returns the milliseconds until there is room if no hold is extended or ended. Steps from one turn of the window to the next, and
  -- between turns from one expiry to the next. `grown` is the id of a hold that stays open.
  local function wait_for(b, units, holders, grown)
    local held, size, state, at, n = b.held, b.size, b.state, now, 0
    local expires_at, expiring, id
    local function next_hold()
      n = n + 1
      expires_at, expiring, id = nth_hold(b, n)
      if id and id == grown then next_hold() end
    end
    next_hold()
    while true do
      state = carry(b, state, at)
      local left, reset_ms, _, begin_ms, _, window_ms = step_window(b, state, at, 0)
      local turn = reset_ms > 0 and begin_ms + window_ms or nil
      -- The units that expire within the window. They are charged together, because a step for each would take too long.
      local expired = 0
      while true do
        if held + units <= left and size + holders <= MAX_HOLDERS then return at - now end
        if expires_at == nil or (turn and turn <= expires_at) or (expired > 0 and turn == nil) then break end
        at, held, size = expires_at, held - expiring, size - 1
        if b.is_charged then expired, left = expired + expiring, max(0, left - expiring) end
        next_hold()
      end
      state = charge_window(b, state, at, expired)
      if turn then
        at = turn
      elseif expired == 0 then
        if size + holders > MAX_HOLDERS then return NEVER end
        local _, _, retry_after_ms = step_window(b, state, at, held + units)
        return retry_after_ms == NEVER and NEVER or at - now + retry_after_ms
      end
    end
  end

  -- Decides a hold of `units` after the earlier holds of the call. With 0 units it only reads. With `grown`, the id of an open hold, it
  -- decides that many more units for that hold. With `is_first` it ignores the earlier holds. Returns a table with the arguments of
  -- `write_decision`.
  function decide_hold(b, units, expires_at, is_first, grown)
    local pending_units, holders, pending_latest = b.pending_units, b.pending_holders + 1, b.pending_latest
    if is_first then pending_units, holders, pending_latest = 0, 1, 0 end
    if grown then holders = 0 end
    local state = carry(b, b.state, now)
    local left, reset_ms, _, begin_ms, used, window_ms, granted = step_window(b, state, now, 0)
    local total = pending_units + units
    local allowed = units == 0 or (b.held + total <= left and b.size + holders <= MAX_HOLDERS)
    -- A denied call takes nothing, so it reports the room that it found.
    local taken, taken_holders = 0, 0
    local latest = b.size > 0 and b.latest_ms or now
    if allowed then
      taken, taken_holders = total, units == 0 and holders - 1 or holders
      latest = max(latest, pending_latest, expires_at)
    end
    -- The reset of the window at the instant at which the last hold expires, with all held units charged.
    local after_ms, _ = 0, nil
    if b.is_charged and b.held + taken > 0 then
      _, after_ms = step_window(b, charge_window(b, b.state, latest, b.held + taken), latest, 0)
    end
    local remaining = b.size + taken_holders < MAX_HOLDERS and max(0, left - b.held - taken) or 0
    return {
      allowed = allowed,
      granted = granted,
      remaining = remaining,
      reset_ms = max(reset_ms, latest - now + after_ms),
      retry_after_ms = allowed and 0 or wait_for(b, total, holders, grown),
      window_ms = window_ms,
      quota = b.policy.strategy == 'calendar' and pack('<ddd', begin_ms, used, used) or nil,
    }
  end

  -- Returns the expiry of a hold; nil if it is not open.
  function expiry_of_hold(b, id)
    local score = redis_call('ZSCORE', b.holds_key, id)
    local expires_at = tonumber(score)
    if expires_at and expires_at > now then return expires_at end
  end

  -- Extends the expiry of the keys for a hold that expires at `expires_at`. Every write of the first hold of a budget has to call this.
  local function keep(b, expires_at)
    if expires_at <= b.latest_ms then return end
    b.latest_ms = expires_at
    local ttl_ms = expires_at - now + TTL_MARGIN_MS
    if b.is_charged then ttl_ms = ttl_ms + WINDOWS_KEPT * b.policy.period_ms end
    local ttl = format('%.0f', ttl_ms)
    redis_call('PEXPIRE', b.holds_key, ttl)
    redis_call('PEXPIRE', b.units_key, ttl)
  end

  local function units_of(b, id)
    local units = redis_call('HGET', b.units_key, id)
    return stored_number(units) or 0
  end

  local function write_units(b, id, units)
    redis_call('HSET', b.units_key, id, format('%.0f', units), '', format('%.0f', b.held))
  end

  function add_hold(b, id, units, expires_at)
    b.held, b.size = b.held + units, b.size + 1
    redis_call('ZADD', b.holds_key, format('%.0f', expires_at), id)
    write_units(b, id, units)
    keep(b, expires_at)
  end

  -- Grows an open hold to `units` in total. Returns the decision on the difference.
  function grow_hold(b, id, units)
    local more = max(0, units - units_of(b, id))
    local decision = decide_hold(b, more, 0, true, id)
    if decision.allowed and more > 0 then
      b.held = b.held + more
      write_units(b, id, units)
    end
    return decision
  end

  function extend_hold(b, id, expires_at)
    redis_call('ZADD', b.holds_key, 'XX', format('%.0f', expires_at), id)
    keep(b, expires_at)
  end

  -- Writes the sum of the units. After the last hold it deletes the hash; Redis has then deleted the empty sorted set.
  local function write_sum(b)
    if b.size == 0 then
      b.latest_ms = 0
      redis_call('DEL', b.units_key)
    else
      redis_call('HSET', b.units_key, '', format('%.0f', b.held))
    end
  end

  function remove_hold(b, id)
    b.held, b.size = max(0, b.held - units_of(b, id)), b.size - 1
    redis_call('ZREM', b.holds_key, id)
    redis_call('HDEL', b.units_key, id)
    write_sum(b)
  end

  function charge_budget(b, units)
    if units == 0 then return end
    b.state, b.has_charges = charge_window(b, b.state, now, units), true
  end

  function drop_expired(b)
    if #b.expired == 0 then return end
    redis_call('ZREM', b.holds_key, unpack(b.expired))
    redis_call('HDEL', b.units_key, unpack(b.expired))
    write_sum(b)
    b.expired = {}
  end

  -- Writes the charges of a budget if they have changed.
  function write_charges(b)
    local strategy, key, expires_ms, state, text = b.policy.strategy, b.key, b.expires_ms, b.state, nil
    if not b.has_charges or strategy == CONCURRENCY then return end
    local _, reset_ms, _, _, _, window_ms = step_window(b, state, now, 0)
    local until_ms = server_ms + reset_ms + TTL_MARGIN_MS
    if debt_of(b, state) > 0 then until_ms = until_ms + max(window_ms, length_at(b, state, now + reset_ms)) end
    if false then
    --@strategies fixed-window calendar
    elseif strategy == STRATEGY then
      --@from state
      --@include write
    --@end
    end
  end
end
