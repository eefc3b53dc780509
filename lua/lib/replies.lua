-- The reply of spend, in the form that scripts/spend.lua describes. `SpendReply` in TypeScript reads it.

local ALLOWED, DENIED, FULL, LATE, FOREIGN_VALUE, NOT_RECORDED, QUOTA, BLOCKED = 1, 2, 3, 4, 5, 7, 11, 12

local reply = { '' } -- the first element is for the limits and windows of the policies
local reply_length = 1

-- Appends the status of a call that was not decided.
local function write_status(status)
  reply_length = reply_length + 1
  reply[reply_length] = pack('<B', status)
end

-- Appends a decision. The short form is for a decision with its policy's limit and window and without a delay. The first decision by a
-- policy sets the limit and window of the policy. `quota` has the additional numbers of a decision on a quota, packed, or is nil.
local function write_decision(policy, allowed, granted, remaining, reset_ms, retry_after_ms, delay_ms, window_ms, quota)
  if policy.granted == nil then policy.granted, policy.window_ms = granted, window_ms end
  reply_length = reply_length + 1
  if quota ~= nil or policy.granted ~= granted or policy.window_ms ~= window_ms or delay_ms ~= 0 then
    local status, number = quota ~= nil and QUOTA or FULL, allowed and 1 or 0
    reply[reply_length] =
      pack('<BBdddddd', status, number, granted, remaining, reset_ms, retry_after_ms, delay_ms, window_ms) .. (quota or '')
  elseif allowed then
    reply[reply_length] = pack('<Bdd', ALLOWED, remaining, reset_ms)
  else
    reply[reply_length] = pack('<Bddd', DENIED, remaining, reset_ms, retry_after_ms)
  end
end

local function whole_reply(policies)
  local told = { pack('<dd', server_ms, now) }
  for i = 1, #policies do
    told[i + 1] = pack('<dd', policies[i].granted or 0, policies[i].window_ms or 0)
  end
  reply[1] = table.concat(told)
  return table.concat(reply)
end
