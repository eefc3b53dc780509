-- The time of a run. Everything in a run is decided at one instant.

local time = redis_call('TIME')
local server_ms = time[1] * 1000 + floor(time[2] / 1000)
-- The instant that decides: the caller's if the caller has a clock of its own, otherwise the server's.
local now = ARGV[1] == '' and server_ms or argument(ARGV[1])
-- The time that a key is kept after its state has no effect. Expiry only frees memory, and must not come early. A caller's clock may
-- differ from the server's, so keys of such a caller are kept for an hour more. An expiry is set 25 % later than needed and kept until
-- it is too early, because setting it is the most expensive part of a write.
local TTL_MARGIN_MS = ARGV[1] == '' and 1000 or 3600000
