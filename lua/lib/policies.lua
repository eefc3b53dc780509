-- Policies as the general scripts get them, and custom strategies. `policyArgs` in TypeScript writes these arguments.
-- This file comes before the custom strategies; all other parts come after them.

local NEVER = -1 -- the wait of a cost that can never pass
local EXACT = 9007199254740992 -- 2^53: whole numbers below it are exact

local MAX_COUNT = 6755399441055744 -- 3 * 2^51: the largest number that a strategy counts to

-- Functions that define custom strategies, by name. A function is called when a policy first names its strategy.
local definitions = {}
local strategies = {}

-- Returns an argument as a number. Raises an error for anything but a whole number from 0 to 2^53 - 1.
local function argument(text)
  local number = tonumber(text)
  if number ~= nil and number >= 0 and number < EXACT and number % 1 == 0 then return number end
  error('sluice: expected a whole number, got ' .. tostring(text))
end

-- Accepts every state: for custom strategies without `fits`.
local function any_state()
  return true
end

-- Reads the numbers that the strategy of a charge needs beside the policy, from args[i] on: '+', their number, and the numbers. Returns
-- them, or nil if there are none, and the index of the next argument.
local function read_arguments(args, i)
  if args[i] ~= '+' then return nil, i end
  local numbers = {}
  local count = argument(args[i + 1])
  for n = 1, count do numbers[n] = argument(args[i + 1 + n]) end
  return numbers, i + 2 + count
end

-- Reads a policy from its five arguments, the first of which is args[i].
local function read_policy(args, i)
  return {
    strategy = args[i],
    limit = argument(args[i + 1]),
    period_ms = argument(args[i + 2]),
    burst = argument(args[i + 3]),
    segments = argument(args[i + 4]),
  }
end

-- Returns a custom strategy.
local function custom_strategy(name)
  if strategies[name] == nil then
    local define = definitions[name]
    if define == nil then error('sluice: no strategy of the name ' .. tostring(name)) end
    define()
  end
  return strategies[name]
end
