-- Takes units of one budget for a process to spend by itself: as many as are wanted, or as there are.
--
-- KEYS   the key.
-- ARGV   instant (whole ms; '' is the server's), deadline in the server's ms, then
--          strategy, limit, period, burst, segments, units wanted
-- Reply  server's ms, instant, then
--          1, units granted, units left, ms until the window ends, shape left behind or 0
--          2, late: refused, and nothing read
--          3, garbage was found under the key, and deleted

local DECIDED, LATE, GARBAGE = 1, 2, 3

local time = redis.call('TIME')
local server_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local now = ARGV[1] == '' and server_ms or argument(ARGV[1])
-- Expiry only frees memory. By an instant that is not the server's it must not come early.
local SPARE_MS = ARGV[1] == '' and 1000 or 3600000
if server_ms > argument(ARGV[2]) then return { server_ms, now, LATE } end

local key, policy, wanted = KEYS[1], read_policy(ARGV, 3), argument(ARGV[8])
local step = policy.step

local text = redis.pcall('GET', key)
if type(text) == 'table' and not is_wrong_type(text) then redis.call('GET', key) end -- raises it again
local state, shape, expires_ms = {}, nil, nil
if text then
  if type(text) == 'string' then state, shape, expires_ms = read_state(text) else state = nil end
  if state == nil or shape == policy.shape and not policy.fits(state, policy) then
    redis.call('DEL', key)
    return { server_ms, now, GARBAGE }
  end
end

local found = shape == policy.shape and state or {}
local _, before = step(found, now, policy, 0)
local granted = math.min(wanted, before.remaining)
local after, decision = step(found, now, policy, granted)
local left_behind = 0
if granted > 0 then
  if shape ~= nil and shape ~= policy.shape then left_behind = shape end
  write_state(key, after, policy.shape, expires_ms, server_ms, server_ms + decision.reset_ms + SPARE_MS)
end

return { server_ms, now, DECIDED, granted, decision.remaining, decision.reset_ms, left_behind }
