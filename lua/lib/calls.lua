-- Calls: lists of charges, of which all are taken or none.
-- A charge has a policy and a cost. This file adds the `entry` of its key, the state it `found` there, the call's `total` cost on
-- that state, its `decision`, and the `state` that it leaves.

-- What a run knows of each key, by key. A key is read once a run and written once, however many charges are on it. An entry with
-- a reset is one to write.
local entries = {}

local function load_entry(key, policy)
  local entry = { state = nil, expires_ms = nil, reset_ms = nil }
  entry.state, entry.expires_ms = read_state(key, policy)
  entries[key] = entry
  return entry
end

-- Loads the states of a call's charges, whose keys follow KEYS[last_key]. Returns false if a key holds a value that no script of
-- ours wrote; all such keys of the call are deleted.
local function load_states(charges, last_key)
  local is_sound = true
  for i = 1, #charges do
    local charge = charges[i]
    local key = KEYS[last_key + i]
    local entry = entries[key] or load_entry(key, charge.policy)
    if entry.state == nil then
      is_sound = false
      redis.call('DEL', key)
      entries[key] = nil
    end
    charge.entry = entry
  end
  return is_sound
end

-- Returns the closest earlier charge of the call that takes units from the same state.
local function earlier_charge_on(charges, i)
  local charge = charges[i]
  for j = i - 1, 1, -1 do
    local other = charges[j]
    if other.entry == charge.entry and other.cost > 0 then return other end
  end
end

-- Evaluates a charge that is the first of its call on its state.
local function evaluate(charge)
  local policy, cost, found = charge.policy, charge.cost, charge.entry.state
  charge.found, charge.total = found, cost
  charge.state, charge.decision = policy.step(found, now, policy, cost)
end

-- Evaluates a charge on the state that an earlier charge of the call leaves. If the two are too much together, the decision is
-- that on their total.
local function evaluate_after(charge, earlier)
  local policy, cost = charge.policy, charge.cost
  local found, total = earlier.found, math.min(earlier.total + cost, EXACT - 1)
  local state, decision = policy.step(earlier.state, now, policy, cost)
  if not (earlier.decision.allowed and decision.allowed) and cost > 0 then
    state, decision = policy.step(found, now, policy, total)
  end
  charge.found, charge.total, charge.state, charge.decision = found, total, state, decision
end

-- Decides a call whose states are loaded, and appends its decisions to the reply. All or none: the charges are taken if each of
-- them is allowed. In a denied call, a charge that would be allowed is decided as at a cost of 0.
local function decide(charges, writes)
  local allowed = true
  for i = 1, #charges do
    local charge = charges[i]
    local earlier = i > 1 and earlier_charge_on(charges, i)
    if earlier then evaluate_after(charge, earlier) else evaluate(charge) end
    allowed = allowed and charge.decision.allowed
  end
  for i = 1, #charges do
    local charge = charges[i]
    local decision, entry = charge.decision, charge.entry
    if not allowed and decision.allowed then
      local _
      _, decision = charge.policy.step(charge.found, now, charge.policy, 0)
    end
    if allowed and writes and charge.cost > 0 then entry.state, entry.reset_ms = charge.state, decision.reset_ms end
    write_decision(decision, charge.policy)
  end
end
