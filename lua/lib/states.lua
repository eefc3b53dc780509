-- States as they are stored. Scripts read and write keys only with the functions of this file.
-- A stored state is MessagePack: its shape (strategy, period and segments, one string), the server's time in milliseconds at
-- which its key expires, then one or more whole numbers. An empty state is stored as no key. To look at one:
-- EVAL "return cjson.encode({cmsgpack.unpack(redis.call('GET', KEYS[1]))})" 1 <key>

-- Lua's stack holds a limited number of values, so long states are packed and unpacked in chunks of this many.
local MAX_STACK_VALUES = 1000

-- Returns true for a string of the form of a shape. Raises an error for a value that is not a string.
local function is_shape(text)
  return string.find(text, '^[a-z][a-z0-9-]* %d+ %d+$') ~= nil
end

-- Returns the state, its shape and its expiry, or nil if they cannot be a stored state. Raises an error for a value of another
-- type.
local function validated(shape, expires_ms, state)
  for i = 1, #state do
    local number = state[i]
    if number < 0 or number >= EXACT or number % 1 ~= 0 then return nil end
  end
  if #state == 0 or not (expires_ms >= 0) then return nil end
  if shapes[shape] or is_shape(shape) then return state, shape, expires_ms end
end

-- Returns the first two values, and a list of all others.
local function collect(first, second, ...)
  return first, second, { ... }
end

local function decode(text)
  if #text <= MAX_STACK_VALUES then return validated(collect(cmsgpack.unpack(text))) end
  local offset, shape, all = collect(cmsgpack.unpack_limit(text, MAX_STACK_VALUES, 0))
  local expires_ms = table.remove(all, 1)
  -- Reads only the start of a long value that no script of ours wrote.
  while offset >= 0 and is_shape(shape) do
    local first, rest
    offset, first, rest = collect(cmsgpack.unpack_limit(text, MAX_STACK_VALUES, offset))
    all[#all + 1] = first
    for i = 1, #rest do all[#all + 1] = rest[i] end
  end
  return validated(shape, expires_ms, all)
end

local function encode(state, shape, expires_ms)
  local count = #state
  if count <= MAX_STACK_VALUES then return cmsgpack.pack(shape, expires_ms, unpack(state)) end
  local chunks = { cmsgpack.pack(shape, expires_ms) }
  for first = 1, count, MAX_STACK_VALUES do
    chunks[#chunks + 1] = cmsgpack.pack(unpack(state, first, math.min(first + MAX_STACK_VALUES - 1, count)))
  end
  return table.concat(chunks)
end

-- Returns true if a read failed because the key holds another type. Any other error says nothing about the key.
local function is_wrong_type(reply)
  return type(reply.err) == 'string' and string.find(reply.err, 'WRONGTYPE') ~= nil
end

-- Returns the state under a key, the shape that it was written under, and the server's time at which the key expires. Without a
-- key the state is empty and has no shape; for a value that no script of ours wrote it is nil.
local function read_state(key)
  local text = redis.pcall('GET', key)
  if not text then return {} end
  if type(text) == 'table' then
    if not is_wrong_type(text) then redis.call('GET', key) end -- raises the error
    return nil
  end
  local is_decoded, state, shape, expires_ms = pcall(decode, text)
  if is_decoded then return state, shape, expires_ms end
end

-- Writes a state that matters until `until_ms`, by the server's time. `expires_ms` is when the key expires now, if it does.
-- Setting an expiry is the most expensive part of a write, so it is set 25 % later than needed and kept until it is too early.
local function write_state(key, state, shape, expires_ms, until_ms)
  if #state == 0 then
    redis.call('DEL', key)
  elseif expires_ms ~= nil and expires_ms >= until_ms then
    redis.call('SET', key, encode(state, shape, expires_ms), 'KEEPTTL')
  else
    local ttl_ms = math.ceil((until_ms - server_ms) * 1.25)
    redis.call('SET', key, encode(state, shape, server_ms + ttl_ms), 'PX', string.format('%.0f', ttl_ms))
  end
end
