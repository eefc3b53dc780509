-- Decides a list of calls, each all or none by itself.
--
-- KEYS   one a charge, in order.
-- ARGV   instant (whole ms; '' is the server's); number of policies, then a policy:
--          strategy, limit, period, burst, segments
--        then calls that are alike but for their keys:
--          how many; deadline in the server's ms, or 'peek' (nothing is written, and it is never late);
--          number of charges, then a charge: its policy's place in the list of policies (from 1), cost
-- Reply  server's ms, instant; a policy: limit and window of its decisions; then a call:
--          1, remaining, reset             a charge that is allowed; or
--          2, remaining, reset, retry after (-1: never)           one that is not; or
--          3, allowed, limit, remaining, reset, retry after, delay, window, shape left behind or 0      one with more to tell
--          4, late: refused, and nothing read
--          5, garbage was found under a key of the call, and deleted

local ALLOWED, DENIED, WHOLE, LATE, GARBAGE = 1, 2, 3, 4, 5

local time = redis.call('TIME')
local server_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local now = ARGV[1] == '' and server_ms or argument(ARGV[1])
-- Expiry only frees memory. By an instant that is not the server's it must not come early.
local SPARE_MS = ARGV[1] == '' and 1000 or 3600000

-- Each key is read once a run, and written once, whatever number of calls are on it. What has a reset is to be written.
local entries = {}

local function entry_at(key)
  local text = redis.pcall('GET', key)
  local entry = { state = {}, shape = nil, expires_ms = nil, reset_ms = nil }
  if type(text) == 'table' then
    if not is_wrong_type(text) then redis.call('GET', key) end -- raises it again
    entry.state = nil
  elseif text then
    entry.state, entry.shape, entry.expires_ms = read_state(text)
  end
  entries[key] = entry
  return entry
end

-- The charge before this one that is on the same state, and takes of it.
local function before(charges, i)
  local charge = charges[i]
  for j = i - 1, 1, -1 do
    local other = charges[j]
    if other.entry == charge.entry and other.cost > 0 and other.policy.shape == charge.policy.shape then return other end
  end
end

-- Adds to a charge what it finds, what it comes to with those before it in its call, and what it leaves.
local function draft(charge)
  local policy, cost, entry = charge.policy, charge.cost, charge.entry
  charge.found = entry.shape == policy.shape and entry.state or {}
  charge.total = cost
  charge.state, charge.decision = policy.step(charge.found, now, policy, cost)
end

-- The same for a further charge on what one before it leaves. Where they are too much together, the answer is that to their
-- sum.
local function draft_further(charge, last)
  local policy, cost = charge.policy, charge.cost
  local found, total = last.found, math.min(last.total + cost, EXACT - 1)
  local state, decision = policy.step(last.state, now, policy, cost)
  if not (last.decision.allowed and decision.allowed) and cost > 0 then
    state, decision = policy.step(found, now, policy, total)
  end
  charge.found, charge.total, charge.state, charge.decision = found, total, state, decision
end

-- Finds the states of a call's charges, whose keys begin after the one at `key`. False where one is garbage.
local function find(charges, key)
  local is_sound = true
  for i = 1, #charges do
    local charge = charges[i]
    local name, policy = KEYS[key + i], charge.policy
    local entry = entries[name] or entry_at(name)
    local state = entry.state
    if state == nil or (entry.shape == policy.shape and #state > 0 and not policy.fits(state, policy)) then
      is_sound = false
      redis.call('DEL', name)
      entries[name] = nil
    end
    charge.entry = entry
  end
  return is_sound
end

local reply = { server_ms, now }
local told = 2

local function answer(decision, policy, left_behind)
  local place = policy.place
  if not policy.is_told then
    policy.is_told, reply[place], reply[place + 1] = true, decision.limit, decision.window_ms
  end
  local is_plain = decision.limit == reply[place] and decision.window_ms == reply[place + 1]
  if is_plain and decision.delay_ms == 0 and left_behind == 0 then
    reply[told + 1] = decision.allowed and ALLOWED or DENIED
    reply[told + 2] = decision.remaining
    reply[told + 3] = decision.reset_ms
    told = told + 3
    if decision.allowed then return end
    told = told + 1
    reply[told] = decision.retry_after_ms
    return
  end
  reply[told + 1] = WHOLE
  reply[told + 2] = decision.allowed and 1 or 0
  reply[told + 3] = decision.limit
  reply[told + 4] = decision.remaining
  reply[told + 5] = decision.reset_ms
  reply[told + 6] = decision.retry_after_ms
  reply[told + 7] = decision.delay_ms
  reply[told + 8] = decision.window_ms
  reply[told + 9] = left_behind
  told = told + 9
end

local function write(charge)
  local entry, shape = charge.entry, charge.policy.shape
  local was = entry.shape ~= nil and entry.shape ~= shape and #entry.state > 0 and entry.shape or 0
  entry.state, entry.shape, entry.reset_ms = charge.state, shape, charge.decision.reset_ms
  return was
end

local function decide(charges, writes)
  local allowed = true
  for i = 1, #charges do
    local charge = charges[i]
    local last = i > 1 and before(charges, i)
    if last then draft_further(charge, last) else draft(charge) end
    allowed = allowed and charge.decision.allowed
  end
  for i = 1, #charges do
    local charge = charges[i]
    local decision, left_behind = charge.decision, 0
    if not allowed and decision.allowed then
      local _
      _, decision = charge.policy.step(charge.found, now, charge.policy, 0)
    end
    if allowed and writes and charge.cost > 0 then left_behind = write(charge) end
    answer(decision, charge.policy, left_behind)
  end
end

local function refuse(status)
  told = told + 1
  reply[told] = status
end

local policies = {}
local arg, key = 3, 0
for i = 1, argument(ARGV[2]) do
  local policy = read_policy(ARGV, arg)
  policy.place = told + 1
  reply[told + 1], reply[told + 2] = 0, 0
  policies[i] = policy
  arg, told = arg + 5, told + 2
end

while arg <= #ARGV do
  local calls, deadline, count = argument(ARGV[arg]), ARGV[arg + 1], argument(ARGV[arg + 2])
  local writes = deadline ~= 'peek'
  local is_late = writes and server_ms > argument(deadline)
  local charges = {}
  arg = arg + 3
  for i = 1, count do
    charges[i] = { policy = policies[argument(ARGV[arg])], cost = argument(ARGV[arg + 1]) }
    arg = arg + 2
  end
  for _ = 1, calls do
    if is_late then
      refuse(LATE)
    elseif find(charges, key) then
      decide(charges, writes)
    else
      refuse(GARBAGE)
    end
    key = key + count
  end
end

for name, entry in pairs(entries) do
  local reset_ms = entry.reset_ms
  if reset_ms ~= nil then
    write_state(name, entry.state, entry.shape, entry.expires_ms, server_ms, server_ms + reset_ms + SPARE_MS)
  end
end

return reply
