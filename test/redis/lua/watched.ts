import type { Redis } from 'ioredis';

/** The parts of the scripts, as files: mutants change one of them. */
export interface LuaFiles {
  readonly state: string;
  readonly strategies: readonly string[];
  readonly spend: string;
  readonly settle: string;
  readonly lease: string;
}

/** A key that Redis refuses to read: any error but that of another type. */
export const REFUSED = 'sluice:{refused}:p@app';

/**
 * Runs a script with the time of our choice, and answers with all that it writes beside its reply. The last argument is
 * the time, seconds and microseconds. What it writes lives for a day, since the instants here are not those of Redis.
 */
const before = `
local pinned = table.remove(ARGV)
local written = {}
local real = redis
local function read(key)
  if key == '${REFUSED}' then return { err = 'NOPERM refused' } end
  return real.pcall('GET', key)
end
local redis = {
  call = function(command, key, ...)
    if command == 'TIME' then return { string.match(pinned, '^(%d+) (%d+)$') } end
    if command == 'GET' then
      local text = read(key)
      if type(text) == 'table' then error(text.err) end
      return text
    end
    written[#written + 1] = table.concat({ command, key, ... }, ' ')
    if command ~= 'SET' then return real.call(command, key, ...) end
    return real.call(command, key, (...), 'PX', '86400000')
  end,
  pcall = function(_, key) return read(key) end,
}
local function main()
`;

/**
 * Strategies of a user's own: one tells in its decision what it was given, and remembers one number, or under a burst of 1
 * nothing at all; the other does not tell what fits. And what all strategies keep to: a denial and a cost of 0 return the
 * state they were given.
 */
const own = `
local function echo(state, now, policy, cost)
  local allowed = cost <= policy.limit
  local after = policy.burst > 1 and { cost } or {}
  return allowed and cost > 0 and after or state, {
    allowed = allowed, limit = policy.limit, remaining = cost % 1000000, reset_ms = state[1] or 0,
    retry_after_ms = allowed and 0 or -1, delay_ms = #state, window_ms = policy.segments,
  }
end
strategies['echo'] = { step = echo, fits = function(state) return #state == 1 end, amend = function() return {} end }
strategies['plain'] = { step = echo, amend = function(state) return state end }
for _, strategy in pairs(strategies) do
  local step = strategy.step
  strategy.step = function(state, now, policy, cost)
    local after, decision = step(state, now, policy, cost)
    if (cost == 0 or not decision.allowed) and after ~= state then error('sluice: a state was made of nothing') end
    return after, decision
  end
end
`;
const after = `
end
local reply = main()
return { reply, written }
`;

export type ScriptName = 'spend' | 'settle' | 'lease';

export function watched({ state, strategies, ...entries }: LuaFiles): Readonly<Record<ScriptName, string>> {
  const begin = [before, state, ...strategies, own].join('\n');
  const whole = (entry: string) => [begin, entry, after].join('\n');
  return { spend: whole(entries.spend), settle: whole(entries.settle), lease: whole(entries.lease) };
}

/** Loads scripts, and gives their hashes. Rejects where they are no Lua. */
export async function load(client: Redis, files: LuaFiles): Promise<Readonly<Record<ScriptName, string>>> {
  const { spend, settle, lease } = watched(files);
  const [a, b, c] = await Promise.all([spend, settle, lease].map((script) => client.script('LOAD', script)));
  return { spend: String(a), settle: String(b), lease: String(c) };
}
