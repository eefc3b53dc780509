import type { Redis } from 'ioredis';
import { definitionOf } from '../../../../../src/backends/redis/scripts/script-set.js';
import { customLua } from './custom-lua.js';
import { LUA_FILES, type LuaFiles, type LuaPart, strategiesIn } from './lua-files.js';
import { TOLD_LUA } from './state-decoder.js';

/** A key that Redis refuses to read: any error but that of another type. */
export const REFUSED = 'sluice:{refused}:p@app:f1000';

/**
 * Runs a script at a chosen server time and returns its reply and all of its writes, with states decoded. The last argument is
 * the time: seconds and microseconds. Keys expire in a day, because the instants here are not those of Redis. KEEPTTL fails for a
 * key that does not exist.
 */
const before = `
local pinned = table.remove(ARGV)
local written = {}
local real = redis
${TOLD_LUA}
local function read(key)
  if key == '${REFUSED}' then return { err = 'NOPERM refused' } end
  return real.pcall('GET', key)
end
local function write(key, text, ...)
  written[#written + 1] = table.concat({ 'SET', key, told(text), ... }, ' ')
  if ... == 'KEEPTTL' and real.call('EXISTS', key) == 0 then error('sluice: there is no time to live to keep') end
  return real.call('SET', key, text, 'PX', '86400000')
end
local redis = {
  call = function(command, key, ...)
    if command == 'TIME' then return { string.match(pinned, '^(%d+) (%d+)$') } end
    if command == 'GET' then
      local text = read(key)
      if type(text) == 'table' then error(text.err) end
      return text
    end
    if command == 'SET' then return write(key, ...) end
    written[#written + 1] = table.concat({ command, key, ... }, ' ')
    return real.call(command, key, ...)
  end,
  pcall = function(_, key) return read(key) end,
}
local function main()
`;

/**
 * Checks what holds for all strategies: a denial and a cost of 0 return the given state, an allowed charge has no wait (which the
 * reply does not contain), and a strategy is defined once, when a policy first names it.
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
        strategy.step = function(state, now, policy, cost)
          local after, decision = step(state, now, policy, cost)
          if (cost == 0 or not decision.allowed) and after ~= state then error('sluice: a state was made of nothing') end
          if (decision.allowed and decision.retry_after_ms ~= 0) then error('sluice: a wait for what is allowed') end
          return after, decision
        end
      end
    end
  end
end
`;
const after = `
end
local reply = main()
return { reply, written }
`;

export type ScriptName = 'spend' | 'settle' | 'lease';

/** Puts the scripts together as the build does, each between `before` and `after`. */
export function instrumented(files: LuaFiles): Readonly<Record<ScriptName, string>> {
  const textsOf = (part: LuaPart) => LUA_FILES[part].map((file) => files[file] ?? '');
  const definitions = textsOf('strategies').map((lua) => definitionOf(strategiesIn(lua), lua));
  const begin = [before, ...textsOf('policies'), ...definitions, ...customLua, guarded, ...textsOf('states')];
  const whole = (script: ScriptName) => [...begin, ...textsOf(script), after].join('\n');
  return { spend: whole('spend'), settle: whole('settle'), lease: whole('lease') };
}

/** Loads the scripts and returns their hashes. Rejects if they do not compile. */
export async function load(client: Redis, files: LuaFiles): Promise<Readonly<Record<ScriptName, string>>> {
  const { spend, settle, lease } = instrumented(files);
  const [a, b, c] = await Promise.all([spend, settle, lease].map((script) => client.script('LOAD', script)));
  return { spend: String(a), settle: String(b), lease: String(c) };
}
