-- States as they are stored. Scripts read and write keys only with the functions of this file.
-- A stored state is MessagePack: a marker of four bytes, the server's time in milliseconds at which its key expires, then one or
-- more whole numbers. An empty state is stored as no key. To look at one:
-- EVAL "return cjson.encode({cmsgpack.unpack(redis.call('GET', KEYS[1]))})" 1 <key>

-- What a value of ours begins with: a string of three characters as MessagePack writes it, which are "S", the format and the
-- kind of the value: "s", the state of a strategy. Neither earlier formats of ours nor UTF-8, and JSON with it, begin so.
local MARKER = '\163S1s'
local MARKER_TEXT = 'S1s'

-- Lua's stack holds a limited number of values, so long states are packed and unpacked in chunks of this many.
local MAX_STACK_VALUES = 1000

-- Returns the state and its expiry, or nil if they cannot be a stored state. Raises an error for a value of another type.
local function validated(expires_ms, state)
  for i = 1, #state do
    local number = state[i]
    if number < 0 or number >= EXACT or number % 1 ~= 0 then return nil end
  end
  if #state > 0 and expires_ms >= 0 then return state, expires_ms end
end

-- Returns the first two values, and a list of all others.
local function collect(first, second, ...)
  return first, second, { ... }
end

-- Decodes a stored state as `validated` does. Of a value without the marker nothing is unpacked, however long it is.
local function decode(text)
  if string.sub(text, 1, #MARKER) ~= MARKER then return nil end
  local offset, expires_ms, state = collect(cmsgpack.unpack_limit(text, MAX_STACK_VALUES, #MARKER))
  while offset >= 0 do
    local first, rest
    offset, first, rest = collect(cmsgpack.unpack_limit(text, MAX_STACK_VALUES, offset))
    state[#state + 1] = first
    for i = 1, #rest do state[#state + 1] = rest[i] end
  end
  return validated(expires_ms, state)
end

local function encode(state, expires_ms)
  local count = #state
  if count <= MAX_STACK_VALUES then return cmsgpack.pack(MARKER_TEXT, expires_ms, unpack(state)) end
  local chunks = { cmsgpack.pack(MARKER_TEXT, expires_ms) }
  for first = 1, count, MAX_STACK_VALUES do
    chunks[#chunks + 1] = cmsgpack.pack(unpack(state, first, math.min(first + MAX_STACK_VALUES - 1, count)))
  end
  return table.concat(chunks)
end

-- Returns true if a read failed because the key holds another type. Any other error says nothing about the key.
local function is_wrong_type(reply)
  return type(reply.err) == 'string' and string.find(reply.err, 'WRONGTYPE') ~= nil
end

-- Returns a policy's state under a key, and the server's time at which the key expires. Without a key the state is empty and has
-- no expiry; for a value that no script of ours wrote it is nil.
local function read_state(key, policy)
  local text = redis.pcall('GET', key)
  if not text then return {} end
  if type(text) == 'table' then
    if not is_wrong_type(text) then redis.call('GET', key) end -- raises the error
    return nil
  end
  local is_decoded, state, expires_ms = pcall(decode, text)
  if is_decoded and state ~= nil and policy.is_valid_state(state, policy) then return state, expires_ms end
end

-- Writes a state that matters until `until_ms`, by the server's time. `expires_ms` is when the key expires now, if it does.
-- Setting an expiry is the most expensive part of a write, so it is set 25 % later than needed and kept until it is too early.
local function write_state(key, state, expires_ms, until_ms)
  if #state == 0 then
    redis.call('DEL', key)
  elseif expires_ms ~= nil and expires_ms >= until_ms then
    redis.call('SET', key, encode(state, expires_ms), 'KEEPTTL')
  else
    local ttl_ms = math.ceil((until_ms - server_ms) * 1.25)
    redis.call('SET', key, encode(state, server_ms + ttl_ms), 'PX', string.format('%.0f', ttl_ms))
  end
end
