-- Decides a run of calls of several charges each. The charges are enforced, their strategies are built in and take no arguments, and
-- their keys differ. Each call is all or none by itself. If the script cannot handle a call, it writes nothing for it and reports that:
-- the general script (spend.lua) then decides the call.
--
-- KEYS   one key per charge, in order
-- ARGV   1      the instant in whole milliseconds, or '' for the server's time
--        2      deadline in the server's milliseconds
--        3      number of policies
--        then, per policy:
--               strategy, limit, period, burst, segments
--        then, per group of calls that differ only in their keys:
--               number of calls
--               number of charges of each call
--               per charge: number of its policy (from 1), cost
-- Reply  one string, in the form of spend-one.lua's: a decision per charge, or one status for a call that is not decided. If the run
--        is late, it ends after the instant.

local NEVER = -1 -- the wait of a cost that can never pass
local EXACT = 9007199254740992 -- 2^53: whole numbers below it are exact
local argument = tonumber

--@file lib/clock

--@helpers

-- The charges of a call, by their position in it. All lists are used again by the next call.
local policy_of, cost_of, allowed_of = {}, {}, {}
-- When the key of a charge expires, and until when it matters.
local expiry_in, until_of = {}, {}
-- The states after the charges: the numbers of each are those that its strategy lists.
--@slots

local policies, arg = {}, 4
for i = 1, ARGV[3] + 0 do
  policies[i] = {
    strategy = ARGV[arg],
    limit = ARGV[arg + 1] + 0,
    period_ms = ARGV[arg + 2] + 0,
    burst = ARGV[arg + 3] + 0,
    segments = ARGV[arg + 4] + 0,
  }
  arg = arg + 5
end

local reply, reply_length = { pack('<dd', server_ms, now) }, 1
local last_key, key_count = 0, server_ms > ARGV[2] + 0 and 0 or #KEYS

while last_key < key_count do
  local calls, charge_count = ARGV[arg] + 0, ARGV[arg + 1] + 0
  arg = arg + 2
  for i = 1, charge_count do
    policy_of[i], cost_of[i] = policies[ARGV[arg] + 0], ARGV[arg + 1] + 0
    arg = arg + 2
  end
  for _ = 1, calls do
    -- Decides the charges. If one of them is denied, the others report the state that the call found, as a cost of 0 does.
    local i, is_call_sound, is_call_allowed, is_again = 1, true, true, false
    while is_call_sound and i <= charge_count do
      if not is_again or allowed_of[i] then
        local key, policy, cost = KEYS[last_key + i], policy_of[i], is_again and 0 or cost_of[i]
        local strategy, limit, period_ms = policy.strategy, policy.limit, policy.period_ms
        local burst, segments = policy.burst, policy.segments
        local is_sound, marker, text, expires_ms
        local granted, window_ms
        local allowed, remaining, reset_ms, retry_after_ms, delay_ms = false, 0, 0, 0, 0
        if false then
        --@strategies without arguments
        elseif strategy == STRATEGY then
          --@declare
          --@include policy
          --@include read
          if is_sound then
            repeat
              --@include step
            until true
          end
          --@save i
        --@end
        end
        if not allowed then
          reply[reply_length + i] = pack('<Bddd', 2, remaining, reset_ms, retry_after_ms)
        elseif delay_ms == 0 then
          reply[reply_length + i] = pack('<Bdd', 1, remaining, reset_ms)
        else
          reply[reply_length + i] = pack('<BBdddddd', 3, 1, granted, remaining, reset_ms, 0, delay_ms, window_ms)
        end
        allowed_of[i], expiry_in[i], until_of[i] = allowed, expires_ms, server_ms + reset_ms + TTL_MARGIN_MS
        is_call_sound, is_call_allowed = is_sound, is_call_allowed and allowed
      end
      i = i + 1
      if i > charge_count and not is_call_allowed and not is_again then i, is_again = 1, true end
    end

    -- Writes the states, if all charges are allowed.
    for i = 1, is_call_sound and is_call_allowed and charge_count or 0 do
      if cost_of[i] > 0 then
        local key, strategy, segments = KEYS[last_key + i], policy_of[i].strategy, policy_of[i].segments
        local expires_ms, until_ms, text = expiry_in[i], until_of[i], nil
        if false then
        --@strategies without arguments
        elseif strategy == STRATEGY then
          --@load i
          --@include write
        --@end
        end
      end
    end

    if is_call_sound then
      reply_length = reply_length + charge_count
    else
      reply_length = reply_length + 1
      reply[reply_length] = '\6'
    end
    last_key = last_key + charge_count
  end
end

return table.concat(reply, '', 1, reply_length)
