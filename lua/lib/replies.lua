-- The reply of spend, in the form that scripts/spend.lua describes. `SpendReply` in TypeScript reads it.

local ALLOWED, DENIED, FULL, LATE, FOREIGN_VALUE = 1, 2, 3, 4, 5

local reply = { server_ms, now }
local reply_length = 2

-- Reserves room for the limit and the window of a policy. The first decision by the policy fills them in.
local function write_policy(policy)
  policy.reply_index = reply_length + 1
  reply[reply_length + 1], reply[reply_length + 2] = 0, 0
  reply_length = reply_length + 2
end

-- Appends the status of a call that was not decided.
local function write_status(status)
  reply_length = reply_length + 1
  reply[reply_length] = status
end

-- Appends a decision: in short if it has its policy's limit and window and no delay.
local function write_decision(decision, policy)
  local index = policy.reply_index
  if not policy.is_written then
    policy.is_written, reply[index], reply[index + 1] = true, decision.limit, decision.window_ms
  end
  local is_short = decision.limit == reply[index] and decision.window_ms == reply[index + 1]
  if is_short and decision.delay_ms == 0 then
    reply[reply_length + 1] = decision.allowed and ALLOWED or DENIED
    reply[reply_length + 2] = decision.remaining
    reply[reply_length + 3] = decision.reset_ms
    reply_length = reply_length + 3
    if decision.allowed then return end
    reply_length = reply_length + 1
    reply[reply_length] = decision.retry_after_ms
    return
  end
  reply[reply_length + 1] = FULL
  reply[reply_length + 2] = decision.allowed and 1 or 0
  reply[reply_length + 3] = decision.limit
  reply[reply_length + 4] = decision.remaining
  reply[reply_length + 5] = decision.reset_ms
  reply[reply_length + 6] = decision.retry_after_ms
  reply[reply_length + 7] = decision.delay_ms
  reply[reply_length + 8] = decision.window_ms
  reply_length = reply_length + 8
end
