-- Makes each charge of a receipt one of another cost, as of its own instant.
--
-- KEYS   one a charge, in order.
-- ARGV   instant (whole ms; '' is the server's), deadline in the server's ms, the receipt's instant, then a charge:
--          strategy, limit, period, burst, segments, from, to
-- Reply  server's ms, then 1 (done) or 2 (late: refused)

local time = redis.call('TIME')
local server_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local now = ARGV[1] == '' and server_ms or argument(ARGV[1])
if server_ms > argument(ARGV[2]) then return { server_ms, 2 } end
local at = argument(ARGV[3])

for i = 1, #KEYS do
  local arg = 4 + (i - 1) * 7
  local policy = read_policy(ARGV, arg)
  local from, to = argument(ARGV[arg + 5]), argument(ARGV[arg + 6])
  local text = redis.pcall('GET', KEYS[i])
  if type(text) == 'table' and not is_wrong_type(text) then redis.call('GET', KEYS[i]) end -- raises it again
  if type(text) == 'string' and from ~= to then
    local state, shape, expires_ms = read_state(text)
    -- What is garbage, or written under another shape, owes nothing: spend deletes or leaves it behind.
    if state ~= nil and shape == policy.shape and policy.fits(state, policy) then
      local amended = policy.amend(state, now, policy, at, from, to)
      -- What gives back never lasts longer than what was taken.
      if amended ~= state then write_state(KEYS[i], amended, shape, expires_ms, server_ms, 0) end
    end
  end
end

return { server_ms, 1 }
