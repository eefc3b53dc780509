-- Twin of src/strategies/calendar/calendar.ts. State: start of the window, units used in it, units carried into it, and the highest usage
-- after a charge. `arguments` are those of the charge.
--@state start used carried peak

-- Returns the start and the end of the window around an instant. The boundaries of windows are the arguments from the second on.
--@section helpers
local function window_around(instant, arguments)
  local first, last = arguments[2], arguments[7]
  if instant < first then
    local span = max(1, arguments[3] - first)
    local start = first - ceil((first - instant) / span) * span
    return max(0, start), start + span
  end
  if instant >= last then
    local span = max(1, last - arguments[6])
    local start = last + floor((instant - last) / span) * span
    return start, start + span
  end
  local i = 2
  while arguments[i + 1] <= instant do i = i + 1 end
  return arguments[i], arguments[i + 1]
end

--@section policy
granted, window_ms = burst, period_ms

--@section read
text = redis_pcall('GET', key)
is_sound, expires_ms = not text, 0
if type(text) == 'string' and #text == 39 then
  marker, expires_ms, start, used, carried, peak = unpack_text('<I4I7I7I7I7I7', text)
  is_sound = marker == MARKER and start < EXACT and used < EXACT and carried < EXACT and peak < EXACT
end

-- The window that counts as current, the units used in it, and the units that a turn may carry over.
--@section turn
local rollover = max(0, min(burst - limit, limit))
local carries_from = arguments[1]
local start_ms, end_ms = window_around(now, arguments)
local most = start_ms >= carries_from and rollover or 0
if start == nil or start > end_ms then
  start, used, carried, peak = start_ms, 0, most, 0
elseif start < start_ms then
  -- After a window without a charge, the maximum is carried over.
  local _, ended_ms = window_around(start, arguments)
  local unused = ended_ms >= start_ms and max(0, limit + carried - used) or rollover
  start, used, carried, peak = start_ms, 0, min(most, unused), 0
else
  -- If the clock has stepped back, it is the window of the latest instant.
  if start > now then start_ms, end_ms = window_around(start, arguments) end
  most = start >= carries_from and rollover or 0
  carried = min(carried, most)
end

--@section step
--@include turn
allowed = cost == 0 or cost <= limit + carried - used
if allowed then used = used + cost end
remaining = max(0, limit + carried - used)
granted, window_ms = limit + most, end_ms - start
-- The most that the next turn carries over, and the end of the next window.
local next_most = end_ms >= carries_from and rollover or 0
local _, next_end_ms = window_around(end_ms, arguments)
reset_ms = 0
if used > 0 or carried < most then reset_ms = (remaining >= next_most and end_ms or next_end_ms) - now end
if not allowed then
  if cost > limit + rollover then
    retry_after_ms = NEVER
  elseif cost <= limit + min(next_most, remaining) then
    retry_after_ms = end_ms - now
  else
    retry_after_ms = max(next_end_ms, carries_from) - now
  end
end

-- Packs the window of a decision. Earlier decisions reported the thresholds up to the usage `before`.
--@section tell
local before = used
if allowed and is_taken and phase ~= DENIED_CALL then
  before, peak = peak, max(peak, used)
end
quota_of[i] = pack('<ddd', start, used, before)

--@section raise
local _, charged_end_ms = window_around(at, arguments)
-- A charge of an earlier window counts no longer.
if charged_end_ms > now then
  --@include turn
  used = used + min(units, MAX_COUNT - used)
  is_amended = true
end

--@section amend
local charged_ms, charged_end_ms = window_around(at, arguments)
-- A charge of an earlier window has nothing to give back.
if start == charged_ms and charged_end_ms > now then
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
  redis_call('SETRANGE', key, '11', pack('<I7I7I7I7', start, used, carried, peak))
else
  local ttl_ms = ceil((until_ms - server_ms) * 1.25)
  text = pack('<I4I7I7I7I7I7', MARKER, server_ms + ttl_ms, start, used, carried, peak)
  redis_call('SET', key, text, 'PX', format('%.0f', ttl_ms))
end
