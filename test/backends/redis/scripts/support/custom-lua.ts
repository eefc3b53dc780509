import { definitionOf } from '../../../../../src/backends/redis/scripts/script-set.js';

/**
 * Tells in its decision what it was given, and remembers one number, or under a burst of 1 nothing at all; under a burst of
 * 3 it allows whatever it is asked. `echo` tells what fits, `plain` does not.
 */
const echo = `
local function echo(state, now, policy, cost)
  local allowed = cost <= policy.limit or policy.burst == 3
  local after = policy.burst > 1 and { cost } or {}
  return allowed and cost > 0 and after or state, {
    allowed = allowed, limit = policy.limit, remaining = cost % 1000000, reset_ms = state[1] or 0,
    retry_after_ms = allowed and 0 or -1, delay_ms = #state, window_ms = policy.segments,
  }
end
`;

/** Its limit is another at each cost, and its window another by what it remembers. What it amends it writes anew. */
const varied = `
return {
  step = function(state, now, policy, cost)
    return cost > 0 and { cost } or state, {
      allowed = true, limit = policy.limit + cost, remaining = 5, reset_ms = 7,
      retry_after_ms = 0, delay_ms = 0, window_ms = 1000 + (state[1] or 0),
    }
  end,
  amend = function(state) return { unpack(state) } end,
}
`;

/** Changes the state that it is given, which no strategy should. */
const rude = `
return {
  step = function(state, now, policy, cost)
    if cost > 0 then state[1] = (state[1] or 0) + cost end
    return state, {
      allowed = true, limit = policy.limit, remaining = state[1] or 0, reset_ms = 7,
      retry_after_ms = 0, delay_ms = 0, window_ms = 1000,
    }
  end,
  amend = function(state) return state end,
}
`;

const LUA = {
  echo: `${echo}
return { step = echo, fits = function(state) return #state == 1 end, amend = function() return {} end }`,
  plain: `${echo}
return { step = echo, amend = function(state) return state end }`,
  varied,
  rude,
};

export type OwnName = keyof typeof LUA;

/** Strategies of a user's own, as the scripts take them in. */
export const ownLua: readonly string[] = Object.entries(LUA).map(([name, lua]) =>
  definitionOf([name], `strategies['${name}'] = (function()\n${lua}\nend)()`),
);
