-- Changes the costs of a receipt's charges, as of the instant at which they were taken.
--
-- KEYS   one key per charge, in order
-- ARGV   1      the instant in whole milliseconds, or '' for the server's time
--        2      deadline in the server's milliseconds
--        3      the receipt's instant
--        then, per charge:
--               '+', how many, and the numbers, if it has arguments;
--               strategy, limit, period, burst, segments, cost that was taken, cost that it becomes
-- Reply  the server's milliseconds, then
--          1   done
--          2   late: refused, and nothing was read

local DONE, LATE = 1, 2

if server_ms > argument(ARGV[2]) then return { server_ms, LATE } end
local at = argument(ARGV[3])
local arg = 4

for i = 1, #KEYS do
  local arguments
  arguments, arg = read_arguments(ARGV, arg)
  local key, policy = KEYS[i], read_policy(ARGV, arg)
  local from, to = argument(ARGV[arg + 5]), argument(ARGV[arg + 6])
  arg = arg + 7
  if from ~= to then
    local strategy, limit, period_ms = policy.strategy, policy.limit, policy.period_ms
    local burst, segments = policy.burst, policy.segments
    local is_sound, marker, text, expires_ms
    -- The key has to outlast a charge that grows; one that shrinks does not change the expiry.
    local is_amended, until_ms, units = false, 0, to - from
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
      text, state, expires_ms = read_state(key, policy)
      if state ~= nil and (text or units > 0) then
        local custom = custom_strategy(strategy)
        local amended = custom.amend(state, now, policy, at, from, to, arguments)
        if units > 0 then
          local _, decision = custom.step(amended, now, policy, 0, arguments)
          until_ms = server_ms + decision.reset_ms + TTL_MARGIN_MS
        end
        if amended ~= state then write_state(key, amended, expires_ms, until_ms) end
      end
    end
    if is_failure(text) then return text end
  end
end

return { server_ms, DONE }
