-- What all scripts begin with: the table that the strategies enter, and state as text and back.
-- A state is text: strategy, period and segments, then one or more whole numbers; separated by spaces. An empty state is no key.

local strategies = {}
local NEVER = -1 -- a wait that no time ends
local EXACT = 9007199254740992 -- 2^53: whole numbers below it are exact

-- A whole number from text, or nil. Digits only: tonumber alone also takes '0x10', '1e3', and stops at a NUL.
local function whole(text)
  local number = type(text) == 'string' and string.find(text, '^%d+$') and tonumber(text)
  return number and number < EXACT and number or nil
end

-- An argument, which is a whole number unless a caller is broken.
local function argument(text)
  local number = whole(text)
  if number == nil then error('sluice: expected a whole number, got ' .. tostring(text)) end
  return number
end

local function shape_of(policy)
  return policy.strategy .. ' ' .. string.format('%.0f', policy.period_ms) .. ' ' .. string.format('%.0f', policy.segments)
end

-- Text to state: the numbers, and the shape that they were written under; nil for what no script of ours has written.
local function read_state(text)
  local strategy, period, segments, rest = string.match(text, '^([a-z][a-z0-9-]*) (%d+) (%d+)(.*)$')
  if strategy == nil then return nil end
  local state = {}
  for token in string.gmatch(rest, '%S+') do
    local number = whole(token)
    if number == nil then return nil end
    state[#state + 1] = number
  end
  if #state == 0 then return nil end
  return state, strategy .. ' ' .. period .. ' ' .. segments
end

local function write_state(state, shape)
  local texts = { shape }
  for i = 1, #state do texts[i + 1] = string.format('%.0f', state[i]) end
  return table.concat(texts, ' ')
end

-- A policy from its five arguments.
local function read_policy(args, i)
  return {
    strategy = args[i],
    limit = argument(args[i + 1]),
    period_ms = argument(args[i + 2]),
    burst = argument(args[i + 3]),
    segments = argument(args[i + 4]),
  }
end

local function strategy_of(policy)
  local strategy = strategies[policy.strategy]
  if strategy == nil then error('sluice: no strategy of the name ' .. tostring(policy.strategy)) end
  return strategy
end

-- Whether numbers can be a state of the policy's strategy. One of a user's own need not tell.
local function fits(state, policy)
  local strategy = strategy_of(policy)
  return strategy.fits == nil or strategy.fits(state, policy)
end

-- Whether what a read raised says that something else is under the key. Any other error says nothing about the key.
local function is_wrong_type(raised)
  return type(raised.err) == 'string' and string.find(raised.err, 'WRONGTYPE') ~= nil
end
