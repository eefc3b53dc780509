-- Runs one command that writes. After its deadline it is refused: its caller was told that it failed.
--
-- KEYS   the keys of the command, which are its first arguments
-- ARGV   1      the instant in whole milliseconds, or '' for the server's time: no command here depends on it
--        2      deadline in the server's milliseconds
--        3      the command
--        then   its other arguments
-- Reply  the server's milliseconds, then
--          1   done
--          2   late: refused, and nothing was written

local DONE, LATE = 1, 2

if server_ms > argument(ARGV[2]) then return { server_ms, LATE } end

local command, words = ARGV[3], {}
for i = 1, #KEYS do words[i] = KEYS[i] end
for i = 4, #ARGV do words[#words + 1] = ARGV[i] end
redis_call(command, unpack(words))
return { server_ms, DONE }
