-- Takes units of one budget in advance, for a process to spend: as many as wanted, or as many as there are.
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

local DECIDED, LATE, FOREIGN_VALUE = 1, 2, 3

if server_ms > argument(ARGV[2]) then return { server_ms, now, LATE } end

local key, policy, wanted = KEYS[1], read_policy(ARGV, 3), argument(ARGV[8])
local step = policy.step

local state, expires_ms = read_state(key, policy)
if state == nil then
  redis.call('DEL', key)
  return { server_ms, now, FOREIGN_VALUE }
end

local _, before = step(state, now, policy, 0)
local granted = math.min(wanted, before.remaining)
local after, decision = step(state, now, policy, granted)
if granted > 0 then write_state(key, after, expires_ms, server_ms + decision.reset_ms + TTL_MARGIN_MS) end

return { server_ms, now, DECIDED, granted, decision.remaining, decision.reset_ms }
