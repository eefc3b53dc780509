-- Changes the costs of a receipt's charges, as of the instant at which they were taken.
--
-- KEYS   one key per charge, in order
-- ARGV   1      the instant in whole milliseconds, or '' for the server's time
--        2      deadline in the server's milliseconds
--        3      the receipt's instant
--        then, per charge:
--               strategy, limit, period, burst, segments, cost that was taken, cost that it becomes
-- Reply  the server's milliseconds, then
--          1   done
--          2   late: refused, and nothing was read

local DONE, LATE = 1, 2

if server_ms > argument(ARGV[2]) then return { server_ms, LATE } end
local at = argument(ARGV[3])

for i = 1, #KEYS do
  local arg = 4 + (i - 1) * 7
  local policy = read_policy(ARGV, arg)
  local from, to = argument(ARGV[arg + 5]), argument(ARGV[arg + 6])
  if from ~= to then
    local state, expires_ms = read_state(KEYS[i], policy)
    -- A foreign value holds no units of this charge. It is left to spend, which deletes and reports it.
    if state ~= nil and #state > 0 then
      local amended = policy.amend(state, now, policy, at, from, to)
      -- The key never has to outlast the charge, so its expiry stays.
      if amended ~= state then write_state(KEYS[i], amended, expires_ms, 0) end
    end
  end
end

return { server_ms, DONE }
