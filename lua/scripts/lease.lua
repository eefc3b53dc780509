-- Takes units of one budget in advance, for a process to spend: as many as wanted, or as many as there are. Only a fixed window
-- can be leased.
--
-- KEYS   1      the key of the budget
-- ARGV   1      the instant in whole milliseconds, or '' for the server's time
--        2      deadline in the server's milliseconds
--        3 - 7  strategy, limit, period, burst, segments
--        8      units wanted
-- Reply  the server's milliseconds, the instant, then
--          1, units granted, units left, milliseconds until the window ends
--          2   late: refused, and nothing was read
--          3   foreign value: the key held a value that no script of ours wrote; it was deleted
--@strategy fixed-window

local DECIDED, LATE, FOREIGN_VALUE = 1, 2, 3

if server_ms > argument(ARGV[2]) then return { server_ms, now, LATE } end

local key, policy, wanted = KEYS[1], read_policy(ARGV, 3), argument(ARGV[8])
if policy.strategy ~= STRATEGY then error('sluice: no strategy of the name ' .. tostring(policy.strategy)) end
local limit, period_ms = policy.limit, policy.period_ms
local is_sound, marker, text, expires_ms
--@declare
--@include read
if not is_sound then
  if is_failure(text) then return text end
  redis_call('DEL', key)
  return { server_ms, now, FOREIGN_VALUE }
end

local granted, window_ms
--@include policy
local allowed, remaining, reset_ms, retry_after_ms
local cost = 0
do
  --@include step
end
cost = min(wanted, remaining)
do
  --@include step
end
if cost > 0 then
  local until_ms = server_ms + reset_ms + TTL_MARGIN_MS
  --@include write
end

return { server_ms, now, DECIDED, cost, remaining, reset_ms }
