-- Blocks: twin of src/strategies/blocks/block-record.ts. Under a policy with blocks, the key of a budget holds a record of its subject's
-- blocks, followed by the state of the strategy. The record starts with a marker of four bytes. Six numbers of 7 bytes each follow: the
-- server's time at which the key expires, the end of the block, the instants of the last denial in a row and of the last strike, the
-- denials in a row, and the strikes. `recordOf` in TypeScript reads the record, too.

local RECORD_BYTES = 46
local NO_RECORD = { ends_ms = 0, row_ms = 0, struck_ms = 0, row = 0, strikes = 0 }

-- Reads the option `block` of a policy from args[i] on: '#', length, denials in a row, memory, number of factors, and the factors. Returns
-- the option, or nil if the policy has none, and the index of the next argument.
local function read_block(args, i)
  if args[i] ~= '#' then return nil, i end
  local block = { for_ms = argument(args[i + 1]), after = argument(args[i + 2]), forget_after_ms = argument(args[i + 3]) }
  local count = argument(args[i + 4])
  block.factors = {}
  for n = 1, count do block.factors[n] = argument(args[i + 4 + n]) end
  return block, i + 5 + count
end

-- Reads a key that has a record. The strategy sends its commands to `call`, as if its state had a key of its own. `write_record` writes
-- the record and the state. `found` is the record as it was read; `current` is the record after the charges decided so far.
local function open_record(key)
  local text = redis_pcall('GET', key)
  local record = { key = key, text = text, state = false, expires_ms = 0, until_ms = 0, found = NO_RECORD, is_sound = not text }
  if type(text) == 'string' and #text >= RECORD_BYTES then
    local marker, expires_ms, ends_ms, row_ms, struck_ms, row, strikes = unpack_text('<I4I7I7I7I7I7I7', text)
    record.is_sound = marker == RECORD_MARKER and max(expires_ms, ends_ms, row_ms, struck_ms, row, strikes) < EXACT
    record.expires_ms, record.state = expires_ms, #text > RECORD_BYTES and sub(text, RECORD_BYTES + 1)
    record.found = { ends_ms = ends_ms, row_ms = row_ms, struck_ms = struck_ms, row = row, strikes = strikes }
  end
  record.current = record.found
  record.call = function(command, _, first, second)
    -- A read that failed returns its error. '?' is not a valid state of any strategy.
    if not record.is_sound then return is_failure(text) and text or '?' end
    if command == 'GET' then return record.state end
    local state = record.state or ''
    -- Returns the whole state, so that no helper of a strategy reads more of it from the key, where the record comes first.
    if command == 'GETRANGE' then return state end
    record.is_changed = true
    if command == 'SET' then
      record.state = first
    elseif command == 'SETRANGE' then
      record.state = sub(state, 1, first + 0) .. second .. sub(state, first + #second + 1)
    else
      record.state = false
    end
  end
  return record
end

-- Writes a record and the state that follows it. Both are kept until `until_ms` by the server's time, or until the expiry that the key
-- already has, if that is later.
local function write_record(record, until_ms)
  local key, known, state = record.key, record.current, record.state or ''
  if state == '' and max(known.ends_ms, known.row, known.strikes) == 0 then
    redis_call('DEL', key)
    return
  end
  local ttl_ms = ceil((until_ms - server_ms) * 1.25)
  local is_kept = record.expires_ms >= until_ms
  local expires_ms = is_kept and record.expires_ms or server_ms + ttl_ms
  local text = pack(
    '<I4I7I7I7I7I7I7', RECORD_MARKER, expires_ms, known.ends_ms, known.row_ms, known.struck_ms, known.row, known.strikes
  ) .. state
  if is_kept then
    redis_call('SET', key, text, 'KEEPTTL')
  else
    redis_call('SET', key, text, 'PX', format('%.0f', ttl_ms))
  end
end

-- Returns the server's time until which a record has to be kept; 0 for an empty record.
local function kept_until(known, block)
  local instant = known.ends_ms
  if known.row > 0 then instant = max(instant, known.row_ms + block.forget_after_ms) end
  if known.strikes > 0 then instant = max(instant, known.struck_ms + block.forget_after_ms) end
  return instant == 0 and 0 or server_ms + instant - now + TTL_MARGIN_MS
end

-- Returns the record after a denial of a subject that is not blocked. The denial adds one to the denials in a row, or begins a block.
local function after_denial(known, block)
  if block.for_ms == 0 then return known end
  local row = (now - known.row_ms < block.forget_after_ms and known.row or 0) + 1
  if row < block.after then
    return { ends_ms = known.ends_ms, row_ms = now, struck_ms = known.struck_ms, row = row, strikes = known.strikes }
  end
  local strikes = now - known.struck_ms < block.forget_after_ms and known.strikes or 0
  local factor = block.factors[min(strikes, #block.factors - 1) + 1]
  return { ends_ms = now + block.for_ms * factor, row_ms = 0, struck_ms = now, row = 0, strikes = strikes + 1 }
end

-- Returns the record after an admitted charge, which resets the denials in a row to 0.
local function after_admission(known)
  if known.row == 0 then return known end
  return { ends_ms = known.ends_ms, row_ms = 0, struck_ms = known.struck_ms, row = 0, strikes = known.strikes }
end

-- Updates the records once the enforced charges are decided. In an allowed call, each charge resets the denials in a row of its subject.
-- In a denied call, only the denials count.
local function conclude_records(record_of, mode_of, cost_of, charge_count, is_call_allowed)
  for i = 1, charge_count do
    local record = record_of[i]
    if record and not is_call_allowed then
      record.current = record.denied or record.found
    elseif record and mode_of[i] == 'enforce' and cost_of[i] > 0 then
      record.current = after_admission(record.current)
    end
  end
end

-- Writes each record that a call has changed, or whose state it has changed.
local function write_records(record_of, policy_of, charge_count)
  for i = 1, charge_count do
    local record = record_of[i]
    if record and (record.is_changed or record.current ~= record.found) then
      write_record(record, max(record.until_ms, kept_until(record.current, policy_of[i].block)))
      record.is_changed, record.found = false, record.current
    end
  end
end
