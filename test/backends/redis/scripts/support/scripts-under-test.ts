import type { Redis } from 'ioredis';
import { customLua } from './custom-lua.js';
import { assemble, type LuaFiles } from './lua-files.js';
import { TOLD_LUA } from './state-decoder.js';

/** A key that Redis refuses to read: any error but that of another type. */
export const REFUSED = 'sluice:{refused}:p@app:f1000';

/**
 * Runs a script at a chosen server time and returns its reply, decoded, and what it writes: a line for each key that it deletes,
 * and then one for each key that it leaves another state under, which is told, with its last expiry in this run or with KEEPTTL.
 * The last argument is the time: seconds and microseconds. Keys expire in a day, because the instants here are not those of
 * Redis. A write that keeps the expiry fails for a key that does not exist.
 */
const before = `
local pinned = table.remove(ARGV)
local written = {}
local expiries = {}
local real = redis
${TOLD_LUA}
local function read(command, key, ...)
  if key == '${REFUSED}' then return { err = 'NOPERM refused' } end
  return real.pcall(command, key, ...)
end
local is_read = { HGET = true, HMGET = true, ZRANGE = true, ZCARD = true, ZSCORE = true }
local function write(command, key, ...)
  local words = { ... }
  for _, word in ipairs(words) do if type(word) ~= 'string' then error('sluice: a number as an argument') end end
  local keeps = command == 'SETRANGE' or words[2] == 'KEEPTTL'
  if keeps and real.call('EXISTS', key) == 0 then error('sluice: there is no time to live to keep') end
  expiries[key] = keeps and (expiries[key] or 'KEEPTTL') or words[2] .. ' ' .. words[3]
  if command == 'SETRANGE' then return real.call(command, key, ...) end
  return real.call('SET', key, words[1], 'PX', '86400000')
end
local redis = {
  call = function(command, key, ...)
    if command == 'TIME' then return { string.match(pinned, '^(%d+) (%d+)$') } end
    if command == 'GET' or command == 'GETRANGE' then
      local text = read(command, key, ...)
      if type(text) == 'table' then error(text.err) end
      return text
    end
    if is_read[command] then return real.call(command, key, ...) end
    if command == 'SET' or command == 'SETRANGE' then return write(command, key, ...) end
    written[#written + 1] = table.concat({ command, key, ... }, ' ')
    expiries[key] = nil
    if command == 'PEXPIRE' then return real.call(command, key, '86400000') end
    return real.call(command, key, ...)
  end,
  pcall = read,
}
local function main()
`;

/**
 * Checks what holds for custom strategies: a denial and a cost of 0 return the given state, an allowed charge has no wait (which
 * the reply does not contain), and a strategy is defined once, when a policy first names it.
 */
const guarded = `
local is_guarded = {}
for name, define in pairs(definitions) do
  definitions[name] = function()
    if strategies[name] ~= nil then error('sluice: defined once more') end
    define()
    for _, strategy in pairs(strategies) do
      local step = strategy.step
      if not is_guarded[strategy] then
        is_guarded[strategy] = true
        strategy.step = function(state, now, policy, cost, args)
          local after, decision = step(state, now, policy, cost, args)
          if (cost == 0 or not decision.allowed) and after ~= state then error('sluice: a state was made of nothing') end
          if (decision.allowed and decision.retry_after_ms ~= 0) then error('sluice: a wait for what is allowed') end
          return after, decision
        end
      end
    end
  end
end
`;

/** How many holds a run takes, by its keys. */
const HOLD_COUNT = `select(2, string.gsub(table.concat(KEYS, ' ') .. ' ', '!h ', ''))`;

/**
 * Returns Lua that ends a script. A reply of bytes is decoded: numbers of the policies, then statuses, each with its numbers.
 *
 * @param bare how many bytes at the end of the reply are only bytes
 */
const after = (policies: string, bare = '0') => `
end
local reply = main()
if type(reply) == 'table' and reply.err then return reply end
for key, expiry in pairs(expiries) do
  local text = real.call('GET', key)
  written[#written + 1] = table.concat({ 'SET', key, string.match(text, '^p1 .*') or told(text), expiry }, ' ')
end
if type(reply) == 'string' then
  local numbers, at = {}, 1
  local function take(layout)
    local number
    number, at = struct.unpack(layout, reply, at)
    -- Redis would cut off a fraction.
    numbers[#numbers + 1] = number % 1 == 0 and number or tostring(number)
    return number
  end
  for _ = 1, 2 + 2 * ${policies} do take('<d') end
  local bare = ${bare}
  while at <= #reply - bare do
    local status = take('<B')
    if status == 3 or status == 10 or status == 11 then take('<B') end
    for _ = 1, ({ [0] = 0, 2, 3, 6, 0, 0, 0, 0, 4, 0, 0, 9, 2 })[status] do take('<d') end
  end
  while at <= #reply do take('<B') end
  reply = numbers
end
return { reply, written }
`;

/** The scripts by name; those for calls of one charge by that of their strategy. */
export type ScriptName =
  | 'spend'
  | 'spend-several'
  | 'settle'
  | 'block'
  | 'lease'
  | 'write'
  | 'take'
  | 'hold'
  | `spend-one ${string}`;

/** Puts the scripts together as the build does, each between `before` and `after`. */
export function instrumented(files: LuaFiles): ReadonlyMap<ScriptName, string> {
  const { policies, spend, settle, block, lease, write, take, hold, spendOne, spendSeveral } = assemble(files);
  const general = (script: string) => [before, policies, ...customLua, guarded, script, after('ARGV[2]')].join('\n');
  const heldBy = (script: string, told: string, bare: string) =>
    [before, policies, script, after(told, bare)].join('\n');
  const plain = (script: string) => [before, script, after('0')].join('\n');
  const ones = Object.entries(spendOne).map(([strategy, script]) => [`spend-one ${strategy}`, plain(script)] as const);
  return new Map<ScriptName, string>([
    ['spend', general(spend)],
    ['spend-several', plain(spendSeveral)],
    ['settle', general(settle)],
    ['block', general(block)],
    ['lease', general(lease)],
    ['write', general(write)],
    ['take', heldBy(take, 'ARGV[2]', HOLD_COUNT)],
    ['hold', heldBy(hold, '0', "ARGV[3] == 'grow' and 0 or #reply - 16")],
    ...ones,
  ]);
}

/** Loads the scripts and returns their hashes. Rejects if they do not compile. */
export async function load(client: Redis, files: LuaFiles): Promise<ReadonlyMap<ScriptName, string>> {
  const scripts = [...instrumented(files)];
  const shas = await Promise.all(scripts.map(([, script]) => client.script('LOAD', script)));
  return new Map(scripts.map(([name], i) => [name, String(shas[i])]));
}
