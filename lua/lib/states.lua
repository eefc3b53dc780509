-- States of custom strategies. A built-in strategy reads and writes its own: see lua/strategies.
-- Every state begins with a marker of four bytes, and the server's time in milliseconds at which its key expires (7 bytes, little
-- endian, as all numbers). The marker is \163, "S", the format "2" and the kind of the value, a letter for its strategy: neither
-- earlier formats of ours nor UTF-8, and JSON with it, begin so. An empty state is stored as no key.
-- A custom strategy's state is MessagePack from there on: one or more whole numbers.

-- Lua's stack holds a limited number of values, so long states are packed and unpacked in chunks of this many.
local MAX_STACK_VALUES = 1000

-- Returns the first value, and a list of all others.
local function collect(first, ...)
  return first, { ... }
end

local function decode(text)
  local marker, expires_ms, offset = unpack_text('<I4I7', text)
  if marker ~= CUSTOM_MARKER then return nil end
  local state = {}
  offset = offset - 1
  while offset >= 0 do
    local numbers
    offset, numbers = collect(cmsgpack.unpack_limit(text, MAX_STACK_VALUES, offset))
    for i = 1, #numbers do
      local number = numbers[i]
      if number < 0 or number >= EXACT or number % 1 ~= 0 then return nil end
      state[#state + 1] = number
    end
  end
  if #state > 0 then return state, expires_ms end
end

local function encode(state, expires_ms)
  local chunks = { pack('<I4I7', CUSTOM_MARKER, expires_ms) }
  for first = 1, #state, MAX_STACK_VALUES do
    chunks[#chunks + 1] = cmsgpack.pack(unpack(state, first, min(first + MAX_STACK_VALUES - 1, #state)))
  end
  return table.concat(chunks)
end

-- Returns the value of a key, its state under a custom strategy, and the expiry of the key. Without a key the state is empty and the
-- expiry is 0; for a value that no script of ours wrote the state is nil. `redis_pcall` is the function that reads the state.
local function read_state(key, policy, redis_pcall)
  local text = redis_pcall('GET', key)
  if not text then return text, {}, 0 end
  if type(text) == 'table' then return text end
  local fits = custom_strategy(policy.strategy).fits or any_state
  local is_decoded, state, expires_ms = pcall(decode, text)
  if is_decoded and state ~= nil and fits(state, policy) then return text, state, expires_ms end
  return text
end

-- Writes a state that has to be kept until `until_ms` by the server's time. `expires_ms` is the expiry that the key has, or 0;
-- `redis_call` is the function that writes the state.
local function write_state(key, state, expires_ms, until_ms, redis_call)
  if #state == 0 then
    redis_call('DEL', key)
  elseif expires_ms >= until_ms then
    redis_call('SET', key, encode(state, expires_ms), 'KEEPTTL')
  else
    local ttl_ms = ceil((until_ms - server_ms) * 1.25)
    redis_call('SET', key, encode(state, server_ms + ttl_ms), 'PX', format('%.0f', ttl_ms))
  end
end

-- Returns true if a read failed for another reason than the type of the key. Such a failure says nothing about the value.
local function is_failure(text)
  return type(text) == 'table' and (type(text.err) ~= 'string' or string.find(text.err, 'WRONGTYPE') == nil)
end
