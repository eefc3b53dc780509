-- Short names, which are faster than fields of globals. A script gets the lines whose names it uses.

local redis_call = redis.call
local redis_pcall = redis.pcall
local pack = struct.pack
local unpack_text = struct.unpack
local floor = math.floor
local ceil = math.ceil
local max = math.max
local min = math.min
local format = string.format
local byte = string.byte
local sub = string.sub
local rep = string.rep
