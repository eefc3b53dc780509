-- Extends, grows or ends open holds.
--
-- KEYS   three per hold: see lib/holds.lua
-- ARGV   1      the instant in whole milliseconds, or '' for the server's time
--        2      deadline in the server's milliseconds
--        3      'extend', 'grow' or 'end'
--        then the holds, as `read_hold` reads them; their units are the total that 'grow' grows them to, or the charge of 'end'
-- Reply  one string: the server's milliseconds and the instant, as doubles, then
--        4   late: refused, and nothing was read
--        5   foreign value: a budget had a key with a value that no script of ours wrote; it was deleted
--        or per hold
--        0   there is no such hold
--        1   it was extended or ended
--        for 'grow', the decision on its additional units, as in spend.lua

local verb = ARGV[3]
local budgets, is_sound = {}, true
local arg, first_key = 4, 1

-- Extends, grows or ends a hold, and writes its reply.
local function change(b, hold)
  if expiry_of_hold(b, hold.id) == nil then
    write_status(0)
  elseif verb == 'grow' then
    local decision = grow_hold(b, hold.id, hold.units)
    write_decision(
      { granted = 0 }, decision.allowed, decision.granted, decision.remaining, decision.reset_ms, decision.retry_after_ms, 0,
      decision.window_ms, decision.quota
    )
  else
    if verb == 'end' then
      remove_hold(b, hold.id)
      charge_budget(b, hold.units)
    elseif hold.expires_at > expiry_of_hold(b, hold.id) then
      extend_hold(b, hold.id, hold.expires_at)
    end
    write_status(1)
  end
end

if server_ms > argument(ARGV[2]) then
  write_status(LATE)
  return whole_reply({})
end

while is_sound and arg <= #ARGV do
  local hold, b, failure
  hold, arg = read_hold(ARGV, arg, first_key)
  first_key = first_key + 3
  b = budgets[KEYS[hold.first_key]]
  if b == nil then
    b, failure = open_budget(hold)
    if failure then return failure end
    if b then drop_expired(b) end
  end
  if b then
    budgets[b.key] = b
    change(b, hold)
  else
    is_sound = false
  end
end
for _, b in pairs(budgets) do write_charges(b) end
if not is_sound then
  reply_length = 1
  for i = #reply, 2, -1 do reply[i] = nil end
  write_status(FOREIGN_VALUE)
end
return whole_reply({})
