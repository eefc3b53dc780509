-- What all scripts begin with: the table that the strategies enter, and state as text and back.
-- A state is text: strategy, period and segments, then one or more whole numbers; separated by spaces. An empty state is no key.

local strategies = {}
local NEVER = -1 -- a wait that no time ends
local EXACT = 9007199254740992 -- 2^53: whole numbers below it are exact

-- An argument, which is a whole number unless a caller is broken.
local function argument(text)
  local number = tonumber(text)
  if number == nil or number < 0 or number % 1 ~= 0 or number >= EXACT then
    error('sluice: expected a whole number, got ' .. tostring(text))
  end
  return number
end

-- A policy from its five arguments, with the rules of its strategy, and the shape of its states.
local function read_policy(args, i)
  local strategy = args[i]
  local rules = strategies[strategy]
  if rules == nil then error('sluice: no strategy of the name ' .. tostring(strategy)) end
  local period_ms, segments = argument(args[i + 2]), argument(args[i + 4])
  return {
    strategy = strategy,
    rules = rules,
    limit = argument(args[i + 1]),
    period_ms = period_ms,
    burst = argument(args[i + 3]),
    segments = segments,
    shape = string.format('%s %.0f %.0f', strategy, period_ms, segments),
  }
end

-- Text to state: the numbers, and the shape that they were written under; nil for what no script of ours has written.
local function read_state(text)
  local shape, rest = string.match(text, '^([a-z][a-z0-9-]* %d+ %d+)( [%d ]*)$')
  if shape == nil then return nil end
  local state, count = {}, 0
  for digits in string.gmatch(rest, '%d+') do
    local number = digits + 0 -- a number, in less time than tonumber takes
    if number >= EXACT then return nil end
    count = count + 1
    state[count] = number
  end
  if count == 0 then return nil end
  return state, shape
end

-- A format takes only so many numbers at once.
local AT_ONCE = 64

local function write_state(state, shape)
  local texts, count = { shape }, #state
  for first = 1, count, AT_ONCE do
    local last = math.min(first + AT_ONCE - 1, count)
    texts[#texts + 1] = string.format(string.rep(' %.0f', last - first + 1), unpack(state, first, last))
  end
  return table.concat(texts)
end

-- Whether numbers can be a state of the policy's strategy. One of a user's own need not tell.
local function fits(state, policy)
  local told = policy.rules.fits
  return told == nil or told(state, policy)
end

-- Whether what a read raised says that something else is under the key. Any other error says nothing about the key.
local function is_wrong_type(raised)
  return type(raised.err) == 'string' and string.find(raised.err, 'WRONGTYPE') ~= nil
end
