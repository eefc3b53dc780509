-- Decides a list of calls, each all or none by itself.
--
-- KEYS   one a charge, in order.
-- ARGV   instant (whole ms; '' is the server's), then a call:
--          deadline in the server's ms, or 'peek' (nothing is written, and it is never late); number of charges; then a charge:
--            strategy, limit, period, burst, segments, cost
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

local function found_for(entry, policy)
  if entry.shape ~= shape_of(policy) then return {} end
  return entry.state
end

local function draft_next(drafts, charge)
  local policy, cost, entry = charge.policy, charge.cost, charge.entry
  local step = strategy_of(policy).step
  local before
  for i = #drafts, 1, -1 do
    local draft = drafts[i]
    if draft.charge.key == charge.key and draft.charge.cost > 0 and draft.charge.shape == charge.shape then
      before = draft
      break
    end
  end
  if before == nil then
    local found = found_for(entry, policy)
    local state, decision = step(found, now, policy, cost)
    return { charge = charge, found = found, total = cost, state = state, decision = decision }
  end
  -- A further charge on a key of this call. Where they are too much together, the answer is that to their sum.
  local found = before.found
  local total = math.min(before.total + cost, EXACT - 1)
  local state, decision = step(before.state, now, policy, cost)
  if not (before.decision.allowed and decision.allowed) and cost > 0 then
    state, decision = step(found, now, policy, total)
  end
  return { charge = charge, found = found, total = total, state = state, decision = decision }
end

local function is_garbage(charge)
  local entry = charge.entry
  if entry.garbage then return true end
  return entry.shape == charge.shape and #entry.state > 0 and not fits(entry.state, charge.policy)
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

local reply = { server_ms, now }
local function answer(value) reply[#reply + 1] = value end

local function decide(charges, writes)
  if drop_garbage(charges) then return answer(GARBAGE) end
  local drafts, allowed = {}, true
  for i = 1, #charges do
    drafts[i] = draft_next(drafts, charges[i])
    allowed = allowed and drafts[i].decision.allowed
  end
  answer(DECIDED)
  for i = 1, #drafts do
    local draft = drafts[i]
    local charge, decision = draft.charge, draft.decision
    local left_behind = 0
    if not allowed and decision.allowed then
      local _
      _, decision = strategy_of(charge.policy).step(draft.found, now, charge.policy, 0)
    end
    if allowed and writes and charge.cost > 0 then
      local entry = charge.entry
      if entry.shape ~= nil and entry.shape ~= charge.shape and #entry.state > 0 then left_behind = entry.shape end
      entry.state, entry.shape, entry.reset_ms, entry.dirty = draft.state, charge.shape, draft.decision.reset_ms, true
    end
    answer(decision.allowed and 1 or 0)
    answer(decision.limit)
    answer(decision.remaining)
    answer(decision.reset_ms)
    answer(decision.retry_after_ms)
    answer(decision.delay_ms)
    answer(decision.window_ms)
    answer(left_behind)
  end
end

local arg, key = 2, 1
while arg <= #ARGV do
  local deadline, count = ARGV[arg], argument(ARGV[arg + 1])
  arg = arg + 2
  local writes = deadline ~= 'peek'
  local is_late = writes and server_ms > argument(deadline)
  local charges = {}
  for i = 1, count do
    if not is_late then
      local policy = read_policy(ARGV, arg)
      charges[i] = {
        key = KEYS[key],
        policy = policy,
        shape = shape_of(policy),
        cost = argument(ARGV[arg + 5]),
        entry = entry_at(KEYS[key]),
      }
    end
    arg, key = arg + 6, key + 1
  end
  if is_late then answer(LATE) else decide(charges, writes) end
end

for written, entry in pairs(entries) do
  if entry.dirty and #entry.state == 0 then
    redis.call('DEL', written)
  elseif entry.dirty then
    redis.call('SET', written, write_state(entry.state, entry.shape), 'PX', string.format('%.0f', entry.reset_ms + SPARE_MS))
  end
end

return reply
