-- Decides a batch of calls. Each call is all or none by itself.
--
-- KEYS   one key per charge, in order; then, per charge that may be overridden: the separate budget of an override with another period,
--        the key that stores the shape of its state, and the keys of overrides
-- ARGV   1      the instant in whole milliseconds, or '' for the server's time
--        2      number of policies
--        then, per policy:
--               '#', length of a block, denials in a row, memory, number of factors, and the factors, if it has blocks;
--               strategy, limit, period, burst, segments
--        then, per group of calls that differ only in their keys:
--               number of calls
--               deadline in the server's milliseconds, or 'peek': never late, and nothing is written
--               number of charges of each call
--               per charge:
--                 'monitor' or 'record' if it is not enforced;
--                 if it may be overridden, '!', or '!!' if it is unlimited without an override; then the number of the first of its
--                 keys for overrides, the number of overrides, and for each, most specific first, its text, or '' if it has a key;
--                 '+', how many, and the numbers, if it has arguments;
--                 number of its policy (from 1), cost
--               A call with a charge that may be overridden is alone in its group.
-- Reply  one string. Numbers are doubles, statuses bytes, little endian:
--        the server's milliseconds, the instant
--        per policy: limit and window of its decisions
--        per call, either a decision per charge:
--          1, remaining, reset                                                      allowed
--          2, remaining, reset, retry after (-1: never)                             denied
--          3, allowed (a byte), limit, remaining, reset, retry after, delay, window in full
--          11, as 3, begin of the window, used, used when thresholds were told          a quota of a calendar
--          12, length of the block that begins, or 0; strikes                       blocked: a decision follows
--          8, limit, period, burst, segments                                        overridden by this rate: a decision in full follows
--          9                                                                        unlimited, by an override
--          10, number of an override (a byte)                                       it cannot be read: more follows
--        or one status:
--          4   late: the call was refused, and nothing was read
--          5   foreign value: a key held a value that no script of ours wrote; it was deleted
--          7   not recorded: the custom strategy of a recorded charge does not count it; nothing was taken

local OVERRIDDEN, UNLIMITED, UNREADABLE = 8, 9, 10

-- The phases in which a call is decided.
local FIRST, MONITORED, DENIED_CALL = 1, 2, 3

-- The charges of a call, by their position in it. All lists are used again by the next call.
local policy_of, cost_of, mode_of, arguments_of = {}, {}, {}, {}
-- The first charge of the call on the same key, and the last so far that takes units from it, or 0.
local first_on, last_on = {}, {}
-- The total cost of the charges on the key up to this one, and the slot of the state after this one.
local total_of, left_by = {}, {}
-- The decisions, and whether a charge or an earlier one on its key is denied.
local denied_of = {}
local allowed_of, granted_of, remaining_of, reset_of, retry_of, delay_of, window_of = {}, {}, {}, {}, {}, {}, {}
-- The additional numbers of a decision on a quota, packed; nil for other strategies.
local quota_of = {}
-- For policies with blocks: the record of the subject; the function that reads and writes the state that follows the record; and the reply
-- about a block.
local record_of, command_of, block_of = {}, {}, {}
-- States, by slot: the numbers of each are those that its strategy lists. A key's state as it was read is in the slot of the first
-- charge on it; what a charge leaves is in the slots behind those.
local expiry_in = {}
--@slots

local policies = {}
local arg, last_key = 3, 0
for i = 1, argument(ARGV[2]) do
  local block
  block, arg = read_block(ARGV, arg)
  policies[i] = read_policy(ARGV, arg)
  policies[i].block = block
  arg = arg + 5
end

--@hook holds
while arg <= #ARGV do
  local calls, deadline, charge_count = argument(ARGV[arg]), ARGV[arg + 1], argument(ARGV[arg + 2])
  local writes = deadline ~= 'peek'
  local is_late = writes and server_ms > argument(deadline)
  arg = arg + 3
  local has_monitored, has_blocks = false, false
  -- The position of the first override argument of each charge that may be overridden.
  local overridden
  for i = 1, charge_count do
    local mode = ARGV[arg]
    if mode == 'monitor' or mode == 'record' then arg = arg + 1 else mode = 'enforce' end
    has_monitored = has_monitored or mode == 'monitor'
    mode_of[i], quota_of[i] = mode, nil
    if ARGV[arg] == '!' or ARGV[arg] == '!!' then
      overridden = overridden or {}
      overridden[i] = arg + 1
      arg = arg + 3 + argument(ARGV[arg + 2])
    end
    arguments_of[i], arg = read_arguments(ARGV, arg)
    policy_of[i], cost_of[i] = policies[argument(ARGV[arg])], argument(ARGV[arg + 1])
    has_blocks = has_blocks or policy_of[i].block ~= nil
    record_of[i], command_of[i] = nil, nil
    arg = arg + 2
  end
  for _ = 1, calls do
    local is_call_sound, is_call_allowed, is_call_recorded = not is_late, true, true
    -- For each charge: the reply about its override; true if the override is unlimited; the number of the key that stores the shape of the
    -- separate budget; and the expiry of that key.
    local told, is_unlimited, beside, beside_expiry

    --@file parts/block-records

    --@hook decide
    -- Replaces policies by their overrides.
    if overridden and not is_late then
      told, is_unlimited, beside, beside_expiry = {}, {}, {}, {}
      for i = 1, charge_count do
        local at = overridden[i]
        if at then
          local policy, first, rate, is_found = policy_of[i], argument(ARGV[at]), nil, false
          local number, next_key = 0, first + 2
          told[i] = ''
          while not is_found and number < argument(ARGV[at + 1]) do
            number = number + 1
            local text, expires_ms = ARGV[at + 1 + number], nil
            if text == '' then
              local key = KEYS[next_key]
              next_key = next_key + 1
              text = redis_pcall('GET', key)
            end
            if is_failure(text) then return text end
            if type(text) == 'string' then expires_ms, rate = read_override(text) end
            local is_other = rate and rate.strategy ~= policy.strategy
            -- A quota is counted in the windows that the charge has.
            if rate and policy.strategy == 'calendar' then is_other = is_other or rate.period_ms ~= policy.period_ms end
            if text and (expires_ms == nil or is_other) then
              told[i] = told[i] .. pack('<BB', UNREADABLE, number)
            elseif text then
              is_found = expires_ms == 0 or now < expires_ms
            end
          end
          if not is_found then is_found, rate = ARGV[at - 1] == '!!', nil end
          if is_found and rate then
            told[i] = told[i] .. pack('<Bdddd', OVERRIDDEN, rate.limit, rate.period_ms, rate.burst, rate.segments)
            if rate.period_ms == policy.period_ms then
              rate.segments = policy.segments
            else
              KEYS[last_key + i], beside[i], command_of[i] = KEYS[first], first + 1, nil
              beside_expiry[i] = read_shape(KEYS[first + 1], rate) or 0
            end
            -- Makes `write_decision` write its decisions in full.
            rate.granted, rate.block = 0, policy.block
            policy_of[i] = rate
          elseif is_found then
            told[i] = told[i] .. pack('<B', UNLIMITED)
            is_unlimited[i], cost_of[i] = true, 0
          end
        end
      end
    end

    -- Reads the states.
    for i = 1, is_late and 0 or charge_count do
      local key = KEYS[last_key + i]
      local first = 1
      while KEYS[last_key + first] ~= key do first = first + 1 end
      first_on[i], last_on[i] = first, 0
      if first == i then
        local policy = policy_of[i]
        local strategy = policy.strategy
        local is_sound, marker, text, expires_ms
        local is_stale = beside and beside_expiry[i] == 0
        local redis_pcall = is_stale and read_nothing or command_of[i] or redis_pcall
        if false then
        --@strategies
        elseif strategy == STRATEGY then
          --@declare
          --@include read
          --@save i
        --@end
        else
          local state
          if is_stale then text, state, expires_ms = false, {}, 0 else text, state, expires_ms = read_state(key, policy, redis_pcall) end
          is_sound = state ~= nil
          field_1[i] = state
        end
        expiry_in[i] = expires_ms
        if not is_sound then
          if is_failure(text) then return text end
          redis_call('DEL', key)
          is_call_sound = false
        end
      end
    end

    -- Decides the charges. First the enforced and the recorded ones, each on what those before it leave. If all of them pass, then
    -- the monitored ones, each by itself. If one of them is denied, the others report the state as the call found it: as at a cost
    -- of 0, unless a monitored one is denied by itself.
    local i, phase = 1, FIRST
    while is_call_sound and is_call_recorded and i <= charge_count do
      local is_monitored = mode_of[i] == 'monitor'
      local is_due = is_monitored == (phase == MONITORED)
      if phase == DENIED_CALL then is_due = is_monitored or allowed_of[i] end
      if is_due then
        local policy, cost = policy_of[i], cost_of[i]
        local strategy, limit, period_ms = policy.strategy, policy.limit, policy.period_ms
        local burst, segments, arguments = policy.burst, policy.segments, arguments_of[i]
        local is_recorded = mode_of[i] == 'record'
        local first = first_on[i]
        local earlier = last_on[first]
        if phase == DENIED_CALL then
          earlier, is_recorded = 0, false
          if not is_monitored then cost = 0 end
        end
        local from = earlier > 0 and left_by[earlier] or first
        local total_cost = earlier > 0 and min(total_of[earlier] + cost, EXACT - 1) or cost
        local is_denied = earlier > 0 and denied_of[earlier]
        local key, is_sound, is_decided, is_taken = KEYS[last_key + i], true, false, cost > 0
        -- A charge of a blocked subject is denied. The decision of the strategy on the total cost is reported; if the strategy would allow
        -- it, the decision at a cost of 0 is.
        local record = record_of[i]
        local known = record and (phase == DENIED_CALL and record.found or record.current)
        local is_blocked = record ~= nil and now < known.ends_ms
        local is_asking = is_blocked and is_taken and mode_of[i] ~= 'record'
        if is_asking then
          if phase == FIRST then from, cost = first, total_cost end
          is_taken = false
        end
        local allowed, granted, remaining, reset_ms, retry_after_ms, delay_ms, window_ms
        repeat
          local redis_call = command_of[i] or redis_call
          retry_after_ms, delay_ms = 0, 0
          if false then
          --@strategies
          elseif strategy == STRATEGY then
            --@load from
            --@include policy
            if is_recorded and cost > 0 then
              -- Adds the recorded units. The decision is that of a read afterwards.
              local at, units, is_amended = now, cost, false
              --@include raise
              cost = 0
            end
            --@include step
            --@include tell
            if allowed and is_taken then
              --@save charge_count + i
            end
          --@end
          else
            local custom, state, decision = custom_strategy(strategy), field_1[from], nil
            if is_recorded and cost > 0 then
              local amended = custom.amend(state, now, policy, now, 0, cost, arguments)
              is_call_recorded = amended ~= state and #amended > 0
              state, cost = amended, 0
            end
            local after
            after, decision = custom.step(state, now, policy, cost, arguments)
            allowed, granted, remaining = decision.allowed, decision.limit, decision.remaining
            reset_ms, retry_after_ms = decision.reset_ms, decision.retry_after_ms
            delay_ms, window_ms = decision.delay_ms, decision.window_ms
            -- A custom strategy left out a member of its decision: nothing is decided, and the reply ends here.
            if not (granted and remaining and reset_ms and retry_after_ms and delay_ms and window_ms) then
              return whole_reply(policies)
            end
            field_1[charge_count + i] = after
          end
          if not is_recorded then is_denied = is_denied or not allowed end
          if phase == DENIED_CALL or is_asking then
            is_decided = cost == 0 or not allowed
            cost = 0
          else
            -- If the charges on a key are too much together, the decision is that on their total.
            is_decided = phase == MONITORED or is_recorded or earlier == 0 or cost == 0 or not is_denied
            from, cost, earlier = is_decided and from or first, total_cost, 0
          end
        until is_decided
        if not is_sound then
          redis_call('DEL', key)
          is_call_sound = false
        end
        block_of[i] = nil
        if record and is_sound then
          --@file parts/block-decision
        end
        if phase ~= DENIED_CALL then
          left_by[i] = allowed and is_taken and charge_count + i or from
          total_of[i], denied_of[i] = total_cost, is_denied
          if is_taken and (phase == FIRST or allowed) then last_on[first] = i end
          if phase == FIRST then is_call_allowed = is_call_allowed and allowed end
        end
        allowed_of[i], granted_of[i], remaining_of[i], reset_of[i] = allowed, granted, remaining, reset_ms
        retry_of[i], delay_of[i], window_of[i] = retry_after_ms, delay_ms, window_ms
      end
      i = i + 1
      if i > charge_count and phase == FIRST then
        if has_blocks then conclude_records(record_of, mode_of, cost_of, charge_count, is_call_allowed) end
        if has_monitored or not is_call_allowed then i, phase = 1, is_call_allowed and MONITORED or DENIED_CALL end
      end
    end

    --@hook write
    -- Writes the states, if all charges are allowed.
    for i = 1, is_call_sound and is_call_recorded and is_call_allowed and writes and charge_count or 0 do
      local first = first_on[i]
      if last_on[first] == i then
        local key, slot, policy = KEYS[last_key + i], left_by[i], policy_of[i]
        local strategy, segments = policy.strategy, policy.segments
        local expires_ms, until_ms, text = expiry_in[first], server_ms + reset_of[i] + TTL_MARGIN_MS, nil
        local redis_call = command_of[i] or redis_call
        if command_of[i] then record_of[i].until_ms = until_ms end
        if false then
        --@strategies
        elseif strategy == STRATEGY then
          --@load slot
          --@include write
        --@end
        else
          write_state(key, field_1[slot], expires_ms, until_ms, redis_call)
        end
        if beside and beside[i] then write_shape(KEYS[beside[i]], policy, beside_expiry[i], until_ms) end
      end
    end

    if has_blocks and is_call_sound and is_call_recorded and writes then
      write_records(record_of, policy_of, charge_count)
    end

    if is_late then
      write_status(LATE)
    elseif not is_call_sound then
      write_status(FOREIGN_VALUE)
    elseif not is_call_recorded then
      write_status(NOT_RECORDED)
    else
      --@hook tell
      for i = 1, charge_count do
        if told and told[i] then
          reply_length = reply_length + 1
          reply[reply_length] = told[i]
        end
        if block_of[i] then
          reply_length = reply_length + 1
          reply[reply_length] = block_of[i]
        end
        if not told or not is_unlimited[i] then
          write_decision(
            policy_of[i], allowed_of[i], granted_of[i], remaining_of[i], reset_of[i], retry_of[i], delay_of[i], window_of[i],
            quota_of[i]
          )
        end
      end
      --@hook end
    end
    last_key = last_key + charge_count
  end
end

return whole_reply(policies)
