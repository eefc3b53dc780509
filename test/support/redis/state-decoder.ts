import type { Cluster, Redis } from 'ioredis';

/** The value of a key: the marker of a state, the server's ms at which the key expires, and the numbers. */
export interface StoredState {
  readonly marker: string;
  readonly expiresMs: number;
  readonly numbers: readonly number[];
}

/**
 * Lua that decodes a stored value: the marker, the expiry, and the numbers of the state as in TypeScript, with all
 * digits, because a client need not read numbers above 2^32 exactly. The state follows the record of blocks.
 */
export const TOLD_LUA = `
local told_values
function told_values(text)
  local letter, values = string.sub(text, 4, 4), { string.sub(text, 2, 4) }
  local function tell(number)
    values[#values + 1] = type(number) == 'number' and string.format('%.17g', number) or type(number) .. ' ' .. tostring(number)
  end
  local function number_at(at) return (struct.unpack('<I7', text, at)) end
  if string.sub(text, 1, 3) ~= '\\163S2' or #text < 11 then return { 'not ours' } end
  tell(number_at(5))
  if letter == 'k' then
    for at = 12, 40, 7 do tell(number_at(at)) end
    if #text > 46 then
      for _, value in ipairs(told_values(string.sub(text, 47))) do values[#values + 1] = value end
    end
  elseif letter == 'x' or letter == 'w' then
    local between, offset = {}, letter == 'x' and 11 or 39
    while offset >= 0 and offset < #text do
      local found = { cmsgpack.unpack_limit(text, 500, offset) }
      offset = found[1]
      for i = 2, #found do between[#between + 1] = found[i] end
    end
    local full = 0
    if letter == 'w' then
      tell(number_at(12))
      tell(number_at(19))
      full = number_at(19)
    end
    for i = 1, #between do
      tell(between[i])
      full = full + (letter == 'w' and between[i] or 0)
    end
    if letter == 'w' then
      tell(number_at(33))
      if number_at(26) ~= full then values[#values + 1] = 'full ' .. number_at(26) end
    end
  elseif letter == 'l' then
    local count, gone, sum = number_at(12), number_at(19), number_at(26)
    for i = gone, count - 1 do
      tell(number_at(33 + 14 * i))
      tell(number_at(40 + 14 * i) - sum)
      sum = number_at(40 + 14 * i)
    end
    if #text ~= 32 + 14 * count then values[#values + 1] = 'bytes ' .. #text end
  else
    for at = 12, #text - 6, 7 do tell(number_at(at)) end
    if #text % 7 ~= 4 then values[#values + 1] = 'bytes ' .. #text end
  end
  return values
end
local function told(text) return table.concat(told_values(text), ' ') end
`;

const READ_LUA = `${TOLD_LUA}
local text = redis.call('GET', KEYS[1])
if not text then return nil end
return told_values(text)
`;

/** Reads a stored state; returns null if there is no key. */
export async function stateUnder(client: Pick<Redis | Cluster, 'eval'>, key: string): Promise<StoredState | null> {
  const values = (await client.eval(READ_LUA, 1, key)) as readonly string[] | null;
  if (values === null) return null;
  const [marker = '', expires, ...numbers] = values;
  return { marker, expiresMs: Number(expires), numbers: numbers.map(Number) };
}
