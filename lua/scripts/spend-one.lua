-- Decides a run of calls of one charge each, all by one policy of a built-in strategy: the usual run, in a straight line. There is
-- one such script for each strategy, made of its parts. What it does not know how to handle, it leaves as it is and reports: the
-- general script (spend.lua) decides those calls.
--
-- KEYS   one key per call
-- ARGV   1      the instant in whole milliseconds, or '' for the server's time
--        2      deadline in the server's milliseconds
--        3 - 6  limit, period, burst, segments
--        7      cost of all calls; or 7, 8 and so on: the cost of each
-- Reply  one string, in the form of spend.lua's for one policy. A status beside those of a call:
--          6   not decided, and nothing was written
--        If the run is late, it ends after the policy's limit and window.

local NEVER = -1 -- the wait of a cost that can never pass
local EXACT = 9007199254740992 -- 2^53: whole numbers below it are exact
local argument = tonumber

--@file lib/clock

--@helpers

local limit, period_ms, burst, segments = ARGV[3] + 0, ARGV[4] + 0, ARGV[5] + 0, ARGV[6] + 0
local cost, is_uniform = ARGV[7] + 0, #ARGV == 7
local granted, window_ms
--@include policy
local reply = { pack('<dddd', server_ms, now, granted, window_ms) }

for i = 1, server_ms > ARGV[2] + 0 and 0 or #KEYS do
  local key = KEYS[i]
  local is_sound, marker, text, expires_ms
  local allowed, remaining, reset_ms, retry_after_ms, delay_ms = false, 0, 0, 0, 0
  --@declare
  --@include read
  if is_sound then
    if not is_uniform then cost = ARGV[6 + i] + 0 end
    repeat
      --@include step
    until true
  end
  if not is_sound then
    reply[i + 1] = '\6'
  else
    if allowed and cost > 0 then
      local until_ms = server_ms + reset_ms + TTL_MARGIN_MS
      --@include write
    end
    if not allowed then
      reply[i + 1] = pack('<Bddd', 2, remaining, reset_ms, retry_after_ms)
    elseif delay_ms == 0 then
      reply[i + 1] = pack('<Bdd', 1, remaining, reset_ms)
    else
      reply[i + 1] = pack('<BBdddddd', 3, 1, granted, remaining, reset_ms, 0, delay_ms, window_ms)
    end
  end
end

return table.concat(reply)
