-- Twin of src/strategies/sliding-window.ts. State: number of the newest segment, its counter, the sum of all counters but the
-- oldest, the oldest counter, and in between as MessagePack those of the other segments. `counters` is the list of all of them,
-- from the newest on: it is read if it is needed, and written if `is_moved`.
--@state newest latest full oldest counters is_moved text

--@section policy
granted, window_ms = limit, period_ms
local span = period_ms / segments
local current = floor(now / span)

--@section read
text = redis_pcall('GET', key)
is_sound, expires_ms, is_moved = not text, 0, false
if type(text) == 'string' and #text >= 39 then
  marker, expires_ms, newest, latest, full, oldest = unpack_text('<I4I7I7I7I7I7', text)
  is_sound = marker == MARKER and newest < EXACT and full < EXACT and oldest < EXACT
end

-- Reads the counters. pcall's first value makes room for the newest.
--@section counters
if counters == nil then
  counters = segments > 1 and { pcall(cmsgpack.unpack, sub(text, 40)) } or { #text == 39 }
  is_sound = counters[1] and #counters == segments
  counters[1], counters[segments + 1] = latest, oldest
  for i = 2, segments do
    local number = counters[i]
    is_sound = is_sound and type(number) == 'number' and number >= 0 and number < EXACT and number % 1 == 0
  end
  if not is_sound then break end
end

-- The state as of `now`: its newest segment is the current one, and segments that left the window are dropped.
--@section turn
if newest == nil or newest * span > now + period_ms then
  -- A state of zeros, each of which is a byte in MessagePack.
  newest, latest, full, oldest, counters, is_moved = current, 0, 0, 0, nil, true
  text = rep('\0', 38 + segments)
elseif newest < current then
  local moved = current - newest
  --@include counters
  local found = {}
  for i = 1, segments + 1 do found[i] = i > moved and counters[i - moved] or 0 end
  newest, latest, full, oldest, counters, is_moved = current, found[1], 0, found[segments + 1], found, true
  for i = 1, segments do full = full + found[i] end
end

--@section step
--@include turn
local within = now - newest * span
if within < 0 then within = 0 end
local room = limit * span - (full * span + oldest * (span - within))
allowed = cost == 0 or (cost <= limit and cost * span <= room)
if allowed and cost > 0 then
  latest, full, room = latest + cost, full + cost, room - cost * span
  reset_ms = (newest + segments + 1) * span - now
else
  --@include counters
  counters[1] = latest
  local last = 0
  for i = 1, segments + 1 do
    if counters[i] > 0 then
      last = i
      break
    end
  end
  reset_ms = last == 0 and 0 or (newest - last + segments + 2) * span - now
  if not allowed and cost > limit then
    retry_after_ms = NEVER
  elseif not allowed then
    -- The first instant at which the usage is low enough. Usage falls continuously, so it is in the first segment at whose end
    -- the usage is low enough.
    local most, ahead, used = (limit - cost) * span, 0, full
    while ahead < segments and used * span > most do
      ahead = ahead + 1
      used = used - counters[segments + 1 - ahead]
    end
    local leaving = counters[segments + 1 - ahead]
    local into = leaving == 0 and 0 or span - min(span, floor((most - used * span) / leaving))
    if ahead == 0 and into < within then into = within end
    retry_after_ms = (newest + ahead) * span + into - now
  end
end
remaining = room < 0 and 0 or (room - room % span) / span

--@section raise
local age = max(0, floor(now / span) - floor(at / span))
-- A charge whose segment has left the window counts no longer.
if age <= segments then
  --@include turn
  local added = min(units, max(0, floor(MAX_COUNT / span) - (full + oldest)))
  if age == 0 then
    latest, full = latest + added, full + added
  else
    --@include counters
    counters[age + 1] = counters[age + 1] + added
    if age == segments then oldest = oldest + added else full = full + added end
    is_moved = true
  end
  is_amended = true
end

--@section amend
--@include counters
local index = newest - floor(at / (period_ms / segments)) + 1
local units = counters[index] or 0
if units > 0 then
  local left = max(0, units - (from - to))
  counters[index] = left
  if index > segments then oldest = left else full = full - units + left end
  latest, is_moved, is_amended = counters[1], true, true
end

--@section credit
--@include turn
--@include counters
local left = units
for i = 1, segments + 1 do
  local given = min(counters[i], left)
  counters[i], left = counters[i] - given, left - given
end
if left < units then
  latest, full, oldest = counters[1], 0, counters[segments + 1]
  for i = 1, segments do full = full + counters[i] end
  is_moved, is_amended = true, true
end

--@section write
if expires_ms >= until_ms and not is_moved then
  redis_call('SETRANGE', key, '18', pack('<I7I7', latest, full))
else
  local ttl_ms = ceil((until_ms - server_ms) * 1.25)
  local is_kept = expires_ms >= until_ms
  local between = ''
  if segments > 1 then between = counters and is_moved and cmsgpack.pack(unpack(counters, 2, segments)) or sub(text, 40) end
  if not is_kept then expires_ms = server_ms + ttl_ms end
  text = pack('<I4I7I7I7I7I7', MARKER, expires_ms, newest, latest, full, oldest) .. between
  if is_kept then
    redis_call('SET', key, text, 'KEEPTTL')
  else
    redis_call('SET', key, text, 'PX', format('%.0f', ttl_ms))
  end
end
