-- Twin of src/strategies/bucket.ts. State: the deficit in units of 1/period, and the instant at which it was that.
--@state deficit drained_ms

--@section policy
granted, window_ms = burst, ceil(burst * period_ms / limit)

--@section read
text = redis_pcall('GET', key)
is_sound, expires_ms = not text, 0
if type(text) == 'string' and #text == 25 then
  marker, expires_ms, deficit, drained_ms = unpack_text('<I4I7I7I7', text)
  is_sound = marker == MARKER and deficit < EXACT and drained_ms < EXACT
end

-- The instant `t` that counts as now, and the deficit at that instant.
--@section drain
local t = now
if drained_ms == nil or drained_ms > now + period_ms then
  deficit = 0
else
  if drained_ms > now then t = drained_ms end
  local idle_ms = t - drained_ms
  deficit = idle_ms >= ceil(deficit / limit) and 0 or deficit - idle_ms * limit
end
drained_ms = t

--@section step
--@include drain
local ahead_ms = t - now
local room = burst * period_ms - deficit
-- A cost above the burst can never pass. It is limited to the burst first, so that the product stays exact.
local wanted = (cost <= burst and cost or burst) * period_ms
allowed = cost == 0 or (cost <= burst and wanted <= room)
if allowed and cost > 0 then
  if IS_QUEUE and deficit > 0 then delay_ms = ahead_ms + ceil(deficit / limit) end
  deficit = deficit + wanted
  room = room - wanted
end
remaining = room < 0 and 0 or (room - room % period_ms) / period_ms
reset_ms = deficit == 0 and 0 or ahead_ms + ceil(deficit / limit)
if not allowed then retry_after_ms = cost > burst and NEVER or ahead_ms + ceil((wanted - room) / limit) end

--@section raise
-- Counts from now on. Time in which the bucket was empty does not pay for what was not known then.
--@include drain
deficit = deficit + min(units, floor((MAX_COUNT - deficit) / period_ms)) * period_ms
is_amended = true

--@section amend
--@include drain
local given = (from - to) * period_ms
local idle_ms = t - at
-- A charge later than the state was discarded when the clock stepped back. The part that has drained since the charge is back
-- already.
if at <= t and idle_ms < ceil(given / limit) then
  deficit = max(0, deficit - (given - idle_ms * limit))
  is_amended = true
end

--@section credit
--@include drain
if deficit > 0 then
  deficit = max(0, deficit - min(units, ceil(deficit / period_ms)) * period_ms)
  is_amended = true
end

--@section write
if expires_ms >= until_ms then
  redis_call('SETRANGE', key, '11', pack('<I7I7', deficit, drained_ms))
else
  local ttl_ms = ceil((until_ms - server_ms) * 1.25)
  text = pack('<I4I7I7I7', MARKER, server_ms + ttl_ms, deficit, drained_ms)
  redis_call('SET', key, text, 'PX', format('%.0f', ttl_ms))
end
