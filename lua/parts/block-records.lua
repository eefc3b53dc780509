-- Reads the records of blocks from the keys of the policies themselves, even if overrides apply. scripts/spend.lua includes this part
-- before it applies overrides.
for i = 1, has_blocks and not is_late and charge_count or 0 do
  local key, record = KEYS[last_key + i], nil
  if policy_of[i].block then
    for n = 1, i - 1 do
      if KEYS[last_key + n] == key then record = record_of[n] end
    end
    if record == nil then record = open_record(key) end
    if not record.is_sound then
      if is_failure(record.text) then return record.text end
      redis_call('DEL', key)
      is_call_sound = false
    end
  end
  record_of[i], command_of[i] = record, record and record.call
end
