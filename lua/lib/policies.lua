-- Policies as the scripts get them, and the strategies that they name. `policyArgs` in TypeScript writes these arguments.
-- This file comes before the strategies; all other parts come after them, so a strategy has no access to a clock or to Redis keys.

local NEVER = -1 -- the wait of a cost that can never pass
local EXACT = 9007199254740992 -- 2^53: whole numbers below it are exact

-- Functions that define strategies, by name. A function is called when a policy first names one of its strategies: most runs
-- need one or two.
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

-- Reads a policy from its five arguments, the first of which is args[i].
local function read_policy(args, i)
  local strategy = args[i]
  local rules = strategies[strategy]
  if rules == nil then
    local define = definitions[strategy]
    if define == nil then error('sluice: no strategy of the name ' .. tostring(strategy)) end
    define()
    rules = strategies[strategy]
  end
  return {
    step = rules.step,
    amend = rules.amend,
    is_valid_state = rules.fits or any_state,
    limit = argument(args[i + 1]),
    period_ms = argument(args[i + 2]),
    burst = argument(args[i + 3]),
    segments = argument(args[i + 4]),
  }
end
