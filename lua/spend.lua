-- Decides a list of calls, each all or none by itself.
--
-- KEYS   one a charge, in order.
-- ARGV   instant (whole ms; '' is the server's); number of policies, then a policy:
--          strategy, limit, period, burst, segments
--        then a call:
--          deadline in the server's ms, or 'peek' (nothing is written, and it is never late); number of charges; then a charge:
--            its policy's place in the list of policies (from 1), cost
-- Reply  server's ms, instant, then a call:
--          1, then a charge: allowed, limit, remaining, reset, retry after (-1: never), delay, window, shape left behind or 0
--          2, late: refused, and nothing read
--          3, garbage was found under a key of the call, and deleted

local DECIDED, LATE, GARBAGE = 1, 2, 3

local time = redis.call('TIME')
local server_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local now = ARGV[1] == '' and server_ms or argument(ARGV[1])
-- Expiry only frees memory. By an instant that is not the server's it must not come early.
local SPARE_MS = ARGV[1] == '' and 1000 or 3600000

-- Each key is read once a run, and written once, whatever number of calls are on it.
local entries = {}

local function entry_at(key)
  local entry = entries[key]
  if entry ~= nil then return entry end
  local text = redis.pcall('GET', key)
  entry = { state = {}, shape = nil, dirty = false }
  if type(text) == 'table' then
    if not is_wrong_type(text) then redis.call('GET', key) end -- raises it again
    entry.garbage = true
  elseif text then
    entry.state, entry.shape = read_state(text)
    entry.garbage = entry.state == nil
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
local function draft(charges, i)
  local charge, last = charges[i], before(charges, i)
  local policy, cost, entry = charge.policy, charge.cost, charge.entry
  local step = policy.rules.step
  if last == nil then
    charge.found = entry.shape == policy.shape and entry.state or {}
    charge.total = cost
    charge.state, charge.decision = step(charge.found, now, policy, cost)
    return
  end
  -- A further charge on a key of this call. Where they are too much together, the answer is that to their sum.
  local found, total = last.found, math.min(last.total + cost, EXACT - 1)
  local state, decision = step(last.state, now, policy, cost)
  if not (last.decision.allowed and decision.allowed) and cost > 0 then
    state, decision = step(found, now, policy, total)
  end
  charge.found, charge.total, charge.state, charge.decision = found, total, state, decision
end

local function is_garbage(charge)
  local entry, policy = charge.entry, charge.policy
  if entry.garbage then return true end
  return entry.shape == policy.shape and #entry.state > 0 and not fits(entry.state, policy)
end

local function drop_garbage(charges)
  local found = false
  for i = 1, #charges do
    if is_garbage(charges[i]) then
      found = true
      redis.call('DEL', charges[i].key)
      entries[charges[i].key] = nil
    end
  end
  return found
end

local reply, told = { server_ms, now }, 2

local function answer(status)
  told = told + 1
  reply[told] = status
end

local function answer_charge(decision, left_behind)
  reply[told + 1] = decision.allowed and 1 or 0
  reply[told + 2] = decision.limit
  reply[told + 3] = decision.remaining
  reply[told + 4] = decision.reset_ms
  reply[told + 5] = decision.retry_after_ms
  reply[told + 6] = decision.delay_ms
  reply[told + 7] = decision.window_ms
  reply[told + 8] = left_behind
  told = told + 8
end

local function write(charge)
  local entry, shape = charge.entry, charge.policy.shape
  local was = entry.shape ~= nil and entry.shape ~= shape and #entry.state > 0 and entry.shape or 0
  entry.state, entry.shape, entry.reset_ms, entry.dirty = charge.state, shape, charge.decision.reset_ms, true
  return was
end

local function decide(charges, writes)
  if drop_garbage(charges) then return answer(GARBAGE) end
  local allowed = true
  for i = 1, #charges do
    draft(charges, i)
    allowed = allowed and charges[i].decision.allowed
  end
  answer(DECIDED)
  for i = 1, #charges do
    local charge = charges[i]
    local decision, left_behind = charge.decision, 0
    if not allowed and decision.allowed then
      local _
      _, decision = charge.policy.rules.step(charge.found, now, charge.policy, 0)
    end
    if allowed and writes and charge.cost > 0 then left_behind = write(charge) end
    answer_charge(decision, left_behind)
  end
end

local policies = {}
local arg, key = 3, 1
for i = 1, argument(ARGV[2]) do
  policies[i] = read_policy(ARGV, arg)
  arg = arg + 5
end

while arg <= #ARGV do
  local deadline, count = ARGV[arg], argument(ARGV[arg + 1])
  arg = arg + 2
  local writes = deadline ~= 'peek'
  if writes and server_ms > argument(deadline) then
    answer(LATE)
  else
    local charges = {}
    for i = 1, count do
      local policy, cost = policies[argument(ARGV[arg + 2 * i - 2])], argument(ARGV[arg + 2 * i - 1])
      charges[i] = { key = KEYS[key + i - 1], policy = policy, cost = cost, entry = entry_at(KEYS[key + i - 1]) }
    end
    decide(charges, writes)
  end
  arg, key = arg + 2 * count, key + count
end

for written, entry in pairs(entries) do
  if entry.dirty and #entry.state == 0 then
    redis.call('DEL', written)
  elseif entry.dirty then
    redis.call('SET', written, write_state(entry.state, entry.shape), 'PX', string.format('%.0f', entry.reset_ms + SPARE_MS))
  end
end

return reply
