-- Applies the block of a subject to the decision of the strategy, and counts that decision in the record. scripts/spend.lua includes this
-- part for each charge.
local ends_ms, started_ms = is_blocked and known.ends_ms or 0, 0
if not is_blocked and not allowed and retry_after_ms ~= NEVER and phase ~= DENIED_CALL then
  -- A cost that can never pass does not count, because it says nothing about the subject.
  local after = after_denial(known, policy.block)
  if phase == FIRST then record.denied = after else record.current = after end
  ends_ms, started_ms, known = after.ends_ms, after.ends_ms - now, after
elseif allowed and is_taken and phase == MONITORED then
  record.current = after_admission(known)
end
if now < ends_ms then
  remaining, reset_ms, delay_ms = 0, max(reset_ms, ends_ms - now), 0
  if is_asking or not allowed then
    allowed, is_taken, is_denied = false, true, true
    if retry_after_ms ~= NEVER then retry_after_ms = max(retry_after_ms, ends_ms - now) end
    block_of[i] = pack('<Bdd', BLOCKED, started_ms, known.strikes)
  end
end
