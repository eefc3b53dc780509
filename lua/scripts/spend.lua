-- Decides a batch of calls. Each call is all or none by itself.
--
-- KEYS   one key per charge, in order
-- ARGV   1      the instant in whole milliseconds, or '' for the server's time
--        2      number of policies
--        then, per policy:
--               strategy, limit, period, burst, segments
--        then, per group of calls that differ only in their keys:
--               number of calls
--               deadline in the server's milliseconds, or 'peek': never late, and nothing is written
--               number of charges of each call
--               per charge: number of its policy (from 1), cost
-- Reply  the server's milliseconds, the instant
--        per policy: limit and window of its decisions
--        per call, either a decision per charge:
--          1, remaining, reset                                                      allowed
--          2, remaining, reset, retry after (-1: never)                             denied
--          3, allowed, limit, remaining, reset, retry after, delay, window          in full
--        or one status:
--          4   late: the call was refused, and nothing was read
--          5   foreign value: a key held a value that no script of ours wrote; it was deleted

local policies = {}
local arg, key = 3, 0
for i = 1, argument(ARGV[2]) do
  local policy = read_policy(ARGV, arg)
  write_policy(policy)
  policies[i] = policy
  arg = arg + 5
end

while arg <= #ARGV do
  local calls, deadline, count = argument(ARGV[arg]), ARGV[arg + 1], argument(ARGV[arg + 2])
  local writes = deadline ~= 'peek'
  local is_late = writes and server_ms > argument(deadline)
  local charges = {}
  arg = arg + 3
  for i = 1, count do
    local policy, cost = policies[argument(ARGV[arg])], argument(ARGV[arg + 1])
    -- Names all members, so that Lua makes the table in its full size at once.
    charges[i] = { policy = policy, cost = cost, entry = nil, found = nil, total = nil, decision = nil, state = nil }
    arg = arg + 2
  end
  for _ = 1, calls do
    if is_late then
      write_status(LATE)
    elseif load_states(charges, key) then
      decide(charges, writes)
    else
      write_status(FOREIGN_VALUE)
    end
    key = key + count
  end
end

for name, entry in pairs(entries) do
  local reset_ms = entry.reset_ms
  if reset_ms ~= nil then
    write_state(name, entry.state, entry.expires_ms, server_ms + reset_ms + TTL_MARGIN_MS)
  end
end

return reply
