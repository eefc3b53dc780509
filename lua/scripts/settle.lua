-- Changes the costs of a receipt's charges, as of the instant at which they were taken.
--
-- KEYS   one key per charge, in order; then, per charge on a separate budget of an override, the key that stores the shape of its state
-- ARGV   1      the instant in whole milliseconds, or '' for the server's time
--        2      deadline in the server's milliseconds
--        3      the receipt's instant; or '' to return units without a receipt: those of the latest charges
--        then, per charge:
--               '!' and the number of the second of its keys, if it has one;
--               '+', how many, and the numbers, if it has arguments;
--               '#', if a record of blocks comes before its state;
--               strategy, limit, period, burst, segments, cost that was taken, cost that it becomes
-- Reply  the server's milliseconds, then
--          1   done
--          2   late: refused, and nothing was read

local DONE, LATE = 1, 2

if server_ms > argument(ARGV[2]) then return { server_ms, LATE } end
local is_credit = ARGV[3] == ''
local at = is_credit and now or argument(ARGV[3])
local arg = 4

local i = 0
while arg <= #ARGV do
  i = i + 1
  local beside = nil
  if ARGV[arg] == '!' then
    beside = KEYS[argument(ARGV[arg + 1])]
    arg = arg + 2
  end
  local arguments
  arguments, arg = read_arguments(ARGV, arg)
  local has_record = ARGV[arg] == '#'
  if has_record then arg = arg + 1 end
  local key, policy = KEYS[i], read_policy(ARGV, arg)
  local from, to = argument(ARGV[arg + 5]), argument(ARGV[arg + 6])
  arg = arg + 7
  local beside_expiry = beside and read_shape(beside, policy)
  -- A budget that has started anew for another period holds no units of this charge.
  if from ~= to and not (beside and beside_expiry == nil) then
    local strategy, limit, period_ms = policy.strategy, policy.limit, policy.period_ms
    local burst, segments = policy.burst, policy.segments
    local is_sound, marker, text, expires_ms
    -- The key has to outlast a charge that grows; one that shrinks does not change the expiry.
    local is_amended, until_ms, units = false, 0, to - from
    local is_stale = beside_expiry == 0
    local record = has_record and open_record(key) or nil
    local redis_call = record and record.call or redis_call
    local redis_pcall = is_stale and read_nothing or record and record.call or redis_pcall
    -- A foreign value holds no units of this charge. It is left to spend, which deletes and reports it.
    if false then
    --@strategies
    elseif strategy == STRATEGY then
      --@declare
      --@include read
      if is_sound and (text or units > 0) then
        repeat
          if units > 0 then
            local cost, granted, window_ms, allowed, remaining, reset_ms, retry_after_ms, delay_ms = 0
            --@include policy
            --@include raise
            --@include step
            until_ms = server_ms + reset_ms + TTL_MARGIN_MS
          elseif is_credit then
            local units, granted, window_ms = from - to
            --@include policy
            --@include credit
          else
            --@include amend
          end
          if is_amended then
            --@include write
          end
        until true
      end
    --@end
    else
      local state
      if is_stale then text, state, expires_ms = false, {}, 0 else text, state, expires_ms = read_state(key, policy, redis_pcall) end
      if state ~= nil and (text or units > 0) then
        local custom = custom_strategy(strategy)
        local amended
        if is_credit and custom.credit then
          amended = custom.credit(state, now, policy, from - to, arguments)
        else
          amended = custom.amend(state, now, policy, at, from, to, arguments)
        end
        if units > 0 then
          local _, decision = custom.step(amended, now, policy, 0, arguments)
          until_ms = server_ms + decision.reset_ms + TTL_MARGIN_MS
        end
        is_amended = amended ~= state
        if is_amended then write_state(key, amended, expires_ms, until_ms, redis_call) end
      end
    end
    if is_failure(text) then return text end
    if record and record.is_changed then write_record(record, until_ms) end
    if beside and is_amended then write_shape(beside, policy, beside_expiry, until_ms) end
  end
end

return { server_ms, DONE }
