-- Twin of src/strategies/fixed-window.ts. State: start of the window, units used in it.
--@state start used

--@section policy
granted, window_ms = limit, period_ms
local current = floor(now / period_ms) * period_ms

--@section read
text = redis_pcall('GET', key)
is_sound, expires_ms = not text, 0
if type(text) == 'string' and #text == 25 then
  marker, expires_ms, start, used = unpack_text('<I4I7I7I7', text)
  is_sound = marker == MARKER and start < EXACT and used < EXACT
end

-- The start of the window that counts as current, and the units used in it.
--@section turn
if start == nil or start < current or start > now + period_ms then start, used = current, 0 end

--@section step
--@include turn
local left_ms = start + period_ms - now
allowed = cost <= limit - used or cost == 0
if allowed then used = used + cost end
remaining = limit - used
if remaining < 0 then remaining = 0 end
reset_ms = used == 0 and 0 or left_ms
if not allowed then retry_after_ms = cost > limit and NEVER or left_ms end

--@section raise
-- A charge of an earlier window counts no longer.
if floor(at / period_ms) * period_ms + period_ms > now then
  --@include turn
  used = used + min(units, MAX_COUNT - used)
  is_amended = true
end

--@section amend
-- A charge of an earlier window has nothing to give back.
if start == floor(at / period_ms) * period_ms then
  used = max(0, used - (from - to))
  is_amended = true
end

--@section credit
--@include turn
if used > 0 then
  used = max(0, used - units)
  is_amended = true
end

--@section write
if expires_ms >= until_ms then
  redis_call('SETRANGE', key, '11', pack('<I7I7', start, used))
else
  local ttl_ms = ceil((until_ms - server_ms) * 1.25)
  text = pack('<I4I7I7I7', MARKER, server_ms + ttl_ms, start, used)
  redis_call('SET', key, text, 'PX', format('%.0f', ttl_ms))
end
