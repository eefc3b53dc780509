-- Takes holds together with charges. The build inserts the sections of this file at the hooks of scripts/spend.lua. Holds are decided
-- before the charges, at the same instant; all holds and charges are taken, or none.
--
-- KEYS   those of spend.lua for one call; then three per hold: see lib/holds.lua
-- ARGV   those of spend.lua for one call; then the holds, as `read_hold` reads them, and how many arguments they have
-- Reply  that of spend.lua, with a decision in full per hold before the decisions of the charges, and a byte per hold after them: 1 if the
--        hold is new, 2 if it was open before, 0 if it has no units or has the id of an earlier hold

-- Reads the holds.
--@section holds
local holds, budgets, is_repeated, are_held = {}, {}, false, true
do
  local arg = #ARGV - argument(ARGV[#ARGV])
  local first_arg = arg
  while arg < #ARGV do
    local hold
    hold, arg = read_hold(ARGV, arg, 0)
    holds[#holds + 1] = hold
  end
  for i = 1, #holds do holds[i].first_key = #KEYS - 3 * (#holds - i) - 2 end
  for i = #ARGV, first_arg, -1 do ARGV[i] = nil end
end

-- Decides the holds in order, each on the room that the holds before it leave. A hold whose id is open takes nothing more.
--@section decide
for i = 1, is_late and 0 or #holds do
  local hold = holds[i]
  local b, failure = budgets[KEYS[hold.first_key]], nil
  if is_call_sound and b == nil then
    b, failure = open_budget(hold)
    if failure then return failure end
    if b then budgets[b.key] = b else is_call_sound = false end
  end
  if is_call_sound then
    local is_open = expiry_of_hold(b, hold.id) ~= nil
    local is_new = hold.units > 0 and not is_open and not b.ids[hold.id]
    hold.budget, hold.is_new, hold.is_open = b, is_new, is_open
    hold.decision = decide_hold(b, is_new and hold.units or 0, is_new and hold.expires_at or 0)
    are_held = are_held and hold.decision.allowed
    is_repeated = is_repeated or is_open
    if is_new then
      b.ids[hold.id] = true
      b.pending_units, b.pending_holders = b.pending_units + hold.units, b.pending_holders + 1
      b.pending_latest = max(b.pending_latest, hold.expires_at)
    end
  end
end
for i = 1, #holds do is_repeated = is_repeated and not holds[i].is_new end
is_call_allowed = are_held
-- If all holds of a call are open, its charges were taken before.
if is_repeated then
  for i = 1, charge_count do cost_of[i] = 0 end
end

-- Removes the holds that have expired. If the whole call is allowed, writes the new holds.
--@section write
if is_call_sound and is_call_recorded and writes then
  for _, b in pairs(budgets) do drop_expired(b) end
  for i = 1, is_call_allowed and #holds or 0 do
    local hold = holds[i]
    if hold.is_new then add_hold(hold.budget, hold.id, hold.units, hold.expires_at) end
  end
  for _, b in pairs(budgets) do write_charges(b) end
end

-- Writes the decisions on the holds. In a denied call, those that are allowed report the room that the call found.
--@section tell
for i = 1, #holds do
  local hold = holds[i]
  local decision = hold.decision
  if decision.allowed and not is_call_allowed then decision = decide_hold(hold.budget, 0, 0, true) end
  write_decision(
    { granted = 0 }, decision.allowed, decision.granted, decision.remaining, decision.reset_ms, decision.retry_after_ms, 0,
    decision.window_ms, decision.quota
  )
end

--@section end
for i = 1, #holds do
  reply_length = reply_length + 1
  reply[reply_length] = pack('<B', holds[i].is_new and 1 or holds[i].is_open and 2 or 0)
end
