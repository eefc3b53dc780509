-- Decides a run of calls of one charge each, all by policies of one built-in strategy: the usual run, in a straight line. There is
-- one such script for each strategy, made of its parts. It leaves calls that it cannot handle as they are, and reports them: the
-- general script (spend.lua) decides those.
--
-- KEYS   one key per call
-- ARGV   1      the instant in whole milliseconds, or '' for the server's time
--        2      deadline in the server's milliseconds
--        3      a byte per call: the number of its policy, from 0 on; or '' if there is one policy
--        4      cost of all calls; or '' if two costs differ
--        then, per policy:
--               limit, period, burst, segments
--        then the cost of each call, if two differ
-- Reply  one string, in the form of spend.lua's, but without the limit and the window of each policy: the client knows those. A
--        status beside those of a call:
--          6   not decided, and nothing was written
--        If the run is late, it ends after the instant.

local NEVER = -1 -- the wait of a cost that can never pass
local EXACT = 9007199254740992 -- 2^53: whole numbers below it are exact
local argument = tonumber

--@file lib/clock

--@helpers

local numbers, cost, costs_before = ARGV[3], tonumber(ARGV[4]), #ARGV - #KEYS
local is_mixed, is_uniform = numbers ~= '', cost ~= nil
local reply = { pack('<dd', server_ms, now) }
local i, last = 1, server_ms > ARGV[2] + 0 and 0 or #KEYS

while i <= last do
  local first = 5 + 4 * (is_mixed and byte(numbers, i) or 0)
  local limit, period_ms = ARGV[first] + 0, ARGV[first + 1] + 0
  local burst, segments = ARGV[first + 2] + 0, ARGV[first + 3] + 0
  local granted, window_ms
  --@include policy

  -- The calls up to the next one by another policy.
  repeat
    local key = KEYS[i]
    local is_sound, marker, text, expires_ms
    local allowed, remaining, reset_ms, retry_after_ms, delay_ms = false, 0, 0, 0, 0
    --@declare
    --@include read
    if is_sound then
      if not is_uniform then cost = ARGV[costs_before + i] + 0 end
      repeat
        --@include step
      until true
    end
    i = i + 1
    if not is_sound then
      reply[i] = '\6'
    else
      if allowed and cost > 0 then
        local until_ms = server_ms + reset_ms + TTL_MARGIN_MS
        --@include write
      end
      if not allowed then
        reply[i] = pack('<Bddd', 2, remaining, reset_ms, retry_after_ms)
      elseif delay_ms == 0 then
        reply[i] = pack('<Bdd', 1, remaining, reset_ms)
      else
        reply[i] = pack('<BBdddddd', 3, 1, granted, remaining, reset_ms, 0, delay_ms, window_ms)
      end
    end
  until i > last or is_mixed and byte(numbers, i) ~= byte(numbers, i - 1)
end

return table.concat(reply)
