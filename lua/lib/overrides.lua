-- Overrides: rates of single subjects that replace those of policies. Their texts are `o1 strategy limit period burst segments expiry`
-- and `o1 unlimited expiry`; an expiry of 0 means none. `encodeOverride` in TypeScript writes them.
-- An override with another period than its policy's counts in a separate budget, beside that of the policy. Another key stores the shape
-- of the state there: `p1 expiry period segments`, with the server's time at which that key expires.

-- Reads digits. Returns nil for a number below `least`, or one that is not exact.
local function read_whole(digits, least)
  local number = tonumber(digits)
  if number >= least and number < EXACT then return number end
end

-- The most segments that a policy may have: the work of a call and the size of a state grow with them.
local MAX_SEGMENTS = 1000

-- Returns the expiry of an override, and its rate as a policy, or nil if it is unlimited. Without an expiry, it could not be read.
local function read_override(text)
  local expiry = string.match(text, '^o1 unlimited (%d+)$')
  if expiry then return read_whole(expiry, 0) end
  local strategy, limit, period_ms, burst, segments, ends = string.match(text, '^o1 (%S+) (%d+) (%d+) (%d+) (%d+) (%d+)$')
  if strategy == nil then return end
  local rate = {
    strategy = strategy,
    limit = read_whole(limit, 1),
    period_ms = read_whole(period_ms, 1),
    burst = read_whole(burst, 1),
    segments = read_whole(segments, 1),
  }
  if not (rate.limit and rate.period_ms and rate.burst and rate.segments) then return end
  if rate.segments <= MAX_SEGMENTS and rate.period_ms % rate.segments == 0 then return read_whole(ends, 0), rate end
end

-- Returns the expiry of the key with the shape of a separate budget; nil if that budget has another shape, and 0 if there is no key.
local function read_shape(key, policy)
  local text = redis_pcall('GET', key)
  if type(text) ~= 'string' then return 0 end
  local expires_ms, period_ms, segments = string.match(text, '^p1 (%d+) (%d+) (%d+)$')
  if tonumber(period_ms) == policy.period_ms and tonumber(segments) == policy.segments then return tonumber(expires_ms) end
end

-- Stores the shape of a separate budget for as long as its state is kept.
local function write_shape(key, policy, expires_ms, until_ms)
  if expires_ms >= until_ms then return end
  local ttl_ms = ceil((until_ms - server_ms) * 1.25)
  local text = 'p1 ' .. format('%.0f', server_ms + ttl_ms) .. ' ' .. format('%.0f', policy.period_ms)
  text = text .. ' ' .. format('%.0f', policy.segments)
  redis_call('SET', key, text, 'PX', format('%.0f', ttl_ms))
end

-- Replies as if there were no key: for a budget whose state has another shape.
local function read_nothing(command)
  return command == 'GETRANGE' and ''
end
