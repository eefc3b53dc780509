/** Lua that tells what is packed in a text: numbers in all their digits, whatever else there is by its type. */
export const TOLD_LUA = `
local function told(text)
  local values, offset = {}, 0
  repeat
    local found = { cmsgpack.unpack_limit(text, 500, offset) }
    offset = found[1]
    for i = 2, #found do
      local value = found[i]
      if type(value) == 'number' then value = string.format('%.17g', value)
      elseif type(value) ~= 'string' or #values > 0 then value = type(value) .. ' ' .. tostring(value) end
      values[#values + 1] = value
    end
  until offset < 0
  return table.concat(values, ' ')
end
`;

/** Puts a state under a key: number by number, since a call holds only so many. */
export const PUT_LUA = `
local texts = { cmsgpack.pack('S1s', tonumber(ARGV[1])) }
for i = 2, #ARGV do texts[#texts + 1] = cmsgpack.pack(tonumber(ARGV[i])) end
redis.call('SET', KEYS[1], table.concat(texts))
`;

/** What is under a key, told; nothing where nothing is. */
export const STORED_LUA = `${TOLD_LUA}
local text = redis.call('GET', KEYS[1])
return text and told(text)
`;
