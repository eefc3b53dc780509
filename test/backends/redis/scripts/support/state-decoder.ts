import { TOLD_LUA } from '../../../../support/redis/state-decoder.js';

export { TOLD_LUA };

/**
 * Puts a state under a key: the letter of its strategy, its expiry, and the numbers as the strategies of TypeScript have them.
 * Numbers of any strategy that are too few or too many for it are put one after the other.
 */
export const PUT_LUA = `
local letter = ARGV[1]
local texts = { '\\163S2' .. letter, struct.pack('<I7', tonumber(ARGV[2])) }
local function put(number) texts[#texts + 1] = struct.pack('<I7', number) end
if letter == 'x' then
  for i = 3, #ARGV do texts[#texts + 1] = cmsgpack.pack(tonumber(ARGV[i])) end
elseif letter == 'w' and #ARGV > 4 then
  local full = 0
  for i = 4, #ARGV - 1 do full = full + ARGV[i] end
  for _, number in ipairs({ ARGV[3], ARGV[4], full, ARGV[#ARGV] }) do put(tonumber(number)) end
  for i = 5, #ARGV - 1 do texts[#texts + 1] = cmsgpack.pack(tonumber(ARGV[i])) end
elseif letter == 'l' and #ARGV % 2 == 0 and #ARGV > 3 then
  local sum = 0
  for _, number in ipairs({ (#ARGV - 2) / 2, 0, 0 }) do put(number) end
  for i = 3, #ARGV, 2 do
    sum = sum + ARGV[i + 1]
    put(tonumber(ARGV[i]))
    put(sum)
  end
else
  for i = 3, #ARGV do put(tonumber(ARGV[i])) end
end
redis.call('SET', KEYS[1], table.concat(texts))
`;

/** Decodes the value of a key; nothing if there is no key. */
export const STORED_LUA = `${TOLD_LUA}
local text = redis.call('GET', KEYS[1])
return text and told(text)
`;
