-- Twin of src/strategies/sliding-log.ts. State: a log of entries, oldest first, each an instant and the sum of all units of the
-- log up to it. So the units in a period are a difference, what left the period is found by halving, and a charge changes only
-- the head and the last entry. Before the entries: their number, how many of them have left the period, and the sum up to those.
--@state count gone before newest total is_moved text

--@section helpers
local HEAD_BYTES, ENTRY_BYTES = 32, 14
-- The number of bytes of the first read: all of a short log, or the beginning of a long one.
local FIRST_BYTES = 1024
-- A log of so many entries is written at once. In a longer one a charge changes the head and an entry.
local SHORT = 64
-- Entries in the period that a log has at most, as in its twin.
local MAX_ENTRIES = 10000
-- Entries that are decoded at once.
local CHUNK = 100

-- Returns the entry at an index, from 0 on: its instant, and the sum of units up to it.
local function read_entry(key, text, index)
  local offset = HEAD_BYTES + ENTRY_BYTES * index
  if offset + ENTRY_BYTES <= #text then return unpack_text('<I7I7', text, offset + 1) end
  local entry = redis_call('GETRANGE', key, format('%.0f', offset), format('%.0f', offset + ENTRY_BYTES - 1))
  return unpack_text('<I7I7', entry)
end

-- Returns the index of the first entry whose instant (field 1) or sum (field 2) is above `most`: one from `low` to `high`, and
-- `high` if it is none before.
local function first_above(key, text, low, high, field, most)
  while low < high do
    local middle = floor((low + high) / 2)
    local instant, sum = read_entry(key, text, middle)
    if (field == 1 and instant or sum) > most then high = middle else low = middle + 1 end
  end
  return low
end

-- Returns a log whose entries from `first` on follow those before `index`, with sums that are less by `units`.
local function shift_log(text, first, index, count, units)
  local parts = { sub(text, 1, HEAD_BYTES + ENTRY_BYTES * index) }
  for chunk = first, count - 1, CHUNK do
    local entries = min(CHUNK, count - chunk)
    local layout = '<' .. rep('I7I7', entries)
    local numbers = { unpack_text(layout, text, HEAD_BYTES + ENTRY_BYTES * chunk + 1) }
    numbers[#numbers] = nil -- the offset of the next byte
    for i = 2, 2 * entries, 2 do numbers[i] = numbers[i] - units end
    parts[#parts + 1] = pack(layout, unpack(numbers))
  end
  return table.concat(parts)
end

--@section policy
granted, window_ms = limit, period_ms

--@section read
text = redis_pcall('GETRANGE', key, '0', '1023')
-- Without a key it is empty, too.
if text == '' then text = redis_pcall('GET', key) end
is_sound, is_moved, expires_ms, count, gone, before, newest, total = not text, false, 0, 0, 0, 0, nil, 0
if type(text) == 'string' and #text >= HEAD_BYTES + ENTRY_BYTES then
  marker, expires_ms, count, gone, before = unpack_text('<I4I7I7I7I7', text)
  if marker == MARKER and count > gone then
    local bytes = HEAD_BYTES + ENTRY_BYTES * count
    local last = sub(text, bytes - ENTRY_BYTES + 1)
    -- One more byte is asked for, to see that it is the end.
    if #text == FIRST_BYTES and bytes > FIRST_BYTES then
      last = redis_call('GETRANGE', key, format('%.0f', bytes - ENTRY_BYTES), format('%.0f', bytes))
    end
    if #last == ENTRY_BYTES then
      newest, total = unpack_text('<I7I7', last)
      is_sound = newest < EXACT and total < EXACT
    end
  end
end

-- The instant `t` that counts as now, and the entries that have left the period.
--@section turn
local t = newest ~= nil and newest > now and newest or now
if newest ~= nil and (newest > now + period_ms or newest <= now - period_ms) then
  if newest > now + period_ms then t = now end
  gone, before = count, total
elseif newest ~= nil then
  local first = gone
  -- The last entry may not be stored yet, and is in the period.
  if first < count - 1 and read_entry(key, text, first) <= t - period_ms then
    first = first_above(key, text, first + 1, count - 1, 1, t - period_ms)
    local _
    _, before = read_entry(key, text, first - 1)
    gone = first
  end
end

--@section step
--@include turn
local used = total - before
allowed = cost <= limit - used or cost == 0
if allowed and cost > 0 then
  if gone == count or newest ~= t then count = count + 1 end
  newest, total, used = t, total + cost, used + cost
end
remaining = limit - used
if remaining < 0 then remaining = 0 end
reset_ms = used == 0 and 0 or newest + period_ms - now
if not allowed and cost > limit then
  retry_after_ms = NEVER
elseif not allowed then
  -- The instant of the entry that must leave for the excess to have left.
  local last = first_above(key, text, gone, count - 1, 2, before + used + cost - limit - 1)
  local instant = last == count - 1 and newest or read_entry(key, text, last)
  retry_after_ms = instant + period_ms - now
end

--@section raise
--@include turn
-- If the clock has stepped back, the charge was counted at the newest entry.
local instant = t - max(0, now - at)
if instant > t - period_ms then
  local added = min(units, MAX_COUNT - (total - before))
  local is_full = count - gone >= MAX_ENTRIES
  is_amended = true
  if added > 0 and (gone == count or instant >= newest) then
    if gone == count or (instant > newest and not is_full) then count = count + 1 end
    newest, total = instant, total + added
  elseif added > 0 then
    -- Joins the entry of its instant, or in a full log the next one; else it is an entry of its own.
    text = redis_call('GET', key)
    local index = first_above(key, text, gone, count - 1, 1, instant - 1)
    local found, sum = read_entry(key, text, index)
    local earlier = before
    if index > gone then sum, earlier = read_entry(key, text, index - 1) end
    text = shift_log(text, index, index, count, 0 - added)
    if found ~= instant and not is_full then
      local offset = HEAD_BYTES + ENTRY_BYTES * index
      text = sub(text, 1, offset) .. pack('<I7I7', instant, earlier + added) .. sub(text, offset + 1)
      count = count + 1
    end
    total, is_moved = total + added, true
  end
end

--@section amend
text = redis_call('GET', key)
local index = first_above(key, text, gone, count - 1, 1, at - 1)
local instant, sum = read_entry(key, text, index)
if instant == at then
  local earlier = before
  if index > gone then instant, earlier = read_entry(key, text, index - 1) end
  local left = max(0, sum - earlier - (from - to))
  text = shift_log(text, left > 0 and index or index + 1, index, count, sum - earlier - left)
  if left == 0 then count = count - 1 end
  if count > gone then newest, total = read_entry(key, text, count - 1) end
  is_moved, is_amended = true, true
end

--@section credit
--@include turn
local left = max(before, total - units)
if left < total then
  is_moved, is_amended = true, true
  if left == before then
    count = gone
  else
    -- The entry up to which that many units were charged becomes the last.
    text = redis_call('GET', key)
    local last = first_above(key, text, gone, count - 1, 2, left - 1)
    newest, total, count = read_entry(key, text, last), left, last + 1
  end
end

--@section write
if gone == count then
  redis_call('DEL', key)
elseif expires_ms >= until_ms and not is_moved and count > SHORT and gone * 2 <= count then
  redis_call('SETRANGE', key, '11', pack('<I7I7I7', count, gone, before))
  redis_call('SETRANGE', key, format('%.0f', HEAD_BYTES + ENTRY_BYTES * (count - 1)), pack('<I7I7', newest, total))
else
  -- Leaves out what has left the period.
  local ttl_ms = ceil((until_ms - server_ms) * 1.25)
  local is_kept = expires_ms >= until_ms
  local first, last = HEAD_BYTES + ENTRY_BYTES * gone, HEAD_BYTES + ENTRY_BYTES * (count - 1)
  local others = ''
  if last > first and text and last <= #text then
    others = sub(text, first + 1, last)
  elseif last > first then
    others = redis_call('GETRANGE', key, format('%.0f', first), format('%.0f', last - 1))
  end
  if not is_kept then expires_ms = server_ms + ttl_ms end
  text = pack('<I4I7I7I7I7', MARKER, expires_ms, count - gone, 0, before) .. others .. pack('<I7I7', newest, total)
  if is_kept then
    redis_call('SET', key, text, 'KEEPTTL')
  else
    redis_call('SET', key, text, 'PX', format('%.0f', ttl_ms))
  end
end
