-- What all scripts begin with: the strategies that they know, and state as text and back.
-- A state is MessagePack: its shape (strategy, period and segments; a text), the server's ms at which its key expires, then
-- one or more whole numbers. An empty state is no key. For people:
-- EVAL "return cjson.encode({cmsgpack.unpack(redis.call('GET', KEYS[1]))})" 1 <key>

local definitions = {} -- by name: what enters a strategy below, called where a policy has need of it
local strategies = {}
local shapes = {} -- of the policies in hand
local NEVER = -1 -- a wait that no time ends
local EXACT = 9007199254740992 -- 2^53: whole numbers below it are exact

-- An argument, which is a whole number unless a caller is broken.
local function argument(text)
  local number = tonumber(text)
  if number ~= nil and number >= 0 and number < EXACT and number % 1 == 0 then return number end
  error('sluice: expected a whole number, got ' .. tostring(text))
end

-- Whether numbers can be a state of a strategy of the user's own that does not tell.
local function anything()
  return true
end

-- A policy from its five arguments, with the rules of its strategy, and the shape of its states.
local function read_policy(args, i)
  local strategy = args[i]
  local rules = strategies[strategy]
  if rules == nil then
    local define = definitions[strategy]
    if define == nil then error('sluice: no strategy of the name ' .. tostring(strategy)) end
    define()
    rules = strategies[strategy]
  end
  local policy = {
    strategy = strategy,
    step = rules.step,
    amend = rules.amend,
    fits = rules.fits or anything,
    limit = argument(args[i + 1]),
    period_ms = argument(args[i + 2]),
    burst = argument(args[i + 3]),
    segments = argument(args[i + 4]),
    shape = nil,
  }
  policy.shape = strategy .. ' ' .. args[i + 2] .. ' ' .. args[i + 4]
  shapes[policy.shape] = true
  return policy
end

-- Lua's stack holds only so many values at once.
local AT_ONCE = 1000

-- Whether a text is of the form of a shape. Raises where it is no text.
local function is_shape(text)
  return string.find(text, '^[a-z][a-z0-9-]* %d+ %d+$') ~= nil
end

-- Raises where a value is of another type.
local function checked(shape, expires_ms, state)
  for i = 1, #state do
    local number = state[i]
    if number < 0 or number >= EXACT or number % 1 ~= 0 then return nil end
  end
  if #state == 0 or not (expires_ms >= 0) then return nil end
  if shapes[shape] or is_shape(shape) then return state, shape, expires_ms end
end

local function listed(first, second, ...)
  return first, second, { ... }
end

local function unpacked(text)
  if #text <= AT_ONCE then return checked(listed(cmsgpack.unpack(text))) end
  local offset, shape, all = listed(cmsgpack.unpack_limit(text, AT_ONCE, 0))
  local expires_ms = table.remove(all, 1)
  -- Of a long text of somebody else's no more is read than its begin.
  while offset >= 0 and is_shape(shape) do
    local first, rest
    offset, first, rest = listed(cmsgpack.unpack_limit(text, AT_ONCE, offset))
    all[#all + 1] = first
    for i = 1, #rest do all[#all + 1] = rest[i] end
  end
  return checked(shape, expires_ms, all)
end

-- Text to state: the numbers, the shape that they were written under, and when they expire; nil for what no script of ours
-- has written.
local function read_state(text)
  local is_read, state, shape, expires_ms = pcall(unpacked, text)
  if is_read then return state, shape, expires_ms end
end

local function packed(state, shape, expires_ms)
  local count = #state
  if count <= AT_ONCE then return cmsgpack.pack(shape, expires_ms, unpack(state)) end
  local texts = { cmsgpack.pack(shape, expires_ms) }
  for first = 1, count, AT_ONCE do
    texts[#texts + 1] = cmsgpack.pack(unpack(state, first, math.min(first + AT_ONCE - 1, count)))
  end
  return table.concat(texts)
end

-- Writes a state that matters until an instant of the server's. Expiry only frees memory, and to tell it is the dearest part
-- of a write: it is told later than it must be, and again when it is too soon. `expires_ms` is when the key expires, if it is.
local function write_state(key, state, shape, expires_ms, server_ms, until_ms)
  if #state == 0 then
    redis.call('DEL', key)
  elseif expires_ms ~= nil and expires_ms >= until_ms then
    redis.call('SET', key, packed(state, shape, expires_ms), 'KEEPTTL')
  else
    local ttl_ms = math.ceil((until_ms - server_ms) * 1.25)
    redis.call('SET', key, packed(state, shape, server_ms + ttl_ms), 'PX', string.format('%.0f', ttl_ms))
  end
end

-- Whether what a read raised says that something else is under the key. Any other error says nothing about the key.
local function is_wrong_type(raised)
  return type(raised.err) == 'string' and string.find(raised.err, 'WRONGTYPE') ~= nil
end
