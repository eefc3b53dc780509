-- Blocks a subject by hand, or ends its block.
--
-- KEYS   1      the key of the budget
-- ARGV   1      the instant in whole milliseconds, or '' for the server's time
--        2      deadline in the server's milliseconds
--        3      milliseconds of the block, or '' to end it and to forget the blocks before
-- Reply  the server's milliseconds, then
--          1, end of the block before, end of the block, strikes
--          2   late: refused, and nothing was read
--          3   foreign value: the key held a value that no script of ours wrote; it was deleted

local DONE, LATE, FOREIGN_VALUE = 1, 2, 3

if server_ms > argument(ARGV[2]) then return { server_ms, LATE } end

local key = KEYS[1]
local record = open_record(key)
if not record.is_sound then
  if is_failure(record.text) then return record.text end
  redis_call('DEL', key)
  return { server_ms, FOREIGN_VALUE }
end
local found = record.found
local is_blocked = now < found.ends_ms
if ARGV[3] == '' then
  record.current = NO_RECORD
  write_record(record, 0)
else
  local ends_ms = now + argument(ARGV[3])
  record.current = { ends_ms = ends_ms, row_ms = 0, struck_ms = found.struck_ms, row = 0, strikes = found.strikes }
  write_record(record, server_ms + ends_ms - now + TTL_MARGIN_MS)
end
return { server_ms, DONE, is_blocked and found.ends_ms or 0, record.current.ends_ms, record.current.strikes }
