import { definitionOf } from '../../../../../src/backends/redis/scripts/script-set.js';

/**
 * Returns its arguments in its decision. Its state is one number, or empty if the burst is 1; if the burst is 3 it allows every
 * cost. `echo` has `fits`, `plain` does not.
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

/** Its limit depends on the cost, and its window on the state. `amend` returns a copy. */
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

/** Modifies the given state, which no strategy should. */
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

/** Its state is what amend was last called with. Its reset is the cost and the number of its arguments. */
const ledger = `
return {
  step = function(state, now, policy, cost, args)
    return cost > 0 and { cost } or state, {
      allowed = true, limit = policy.limit, remaining = args and args[1] or 0, reset_ms = cost + now % 1000 + #state,
      retry_after_ms = 0, delay_ms = 0, window_ms = 1000,
    }
  end,
  amend = function(state, now, policy, at, from, to, args)
    return { now % 1000, at % 1000, from, to, args and args[1] or 0 }
  end,
}
`;

/** Its state is what credit was last called with. */
const giver = `
return {
  step = function(state, now, policy, cost)
    return cost > 0 and { cost } or state, {
      allowed = true, limit = policy.limit, remaining = 0, reset_ms = 7, retry_after_ms = 0, delay_ms = 0, window_ms = 1000,
    }
  end,
  amend = function() return { 1 } end,
  credit = function(state, now, policy, units, args)
    return units < 100 and { now % 1000, state[1], policy.limit, units, args and args[1] or 0 } or state
  end,
}
`;

/** Leaves out a member of its decision: the one of the number that is its burst. */
const partial = `
local MEMBERS = { 'limit', 'remaining', 'reset_ms', 'retry_after_ms', 'delay_ms', 'window_ms' }
return {
  step = function(state, now, policy, cost)
    local decision = { allowed = false }
    for i, member in ipairs(MEMBERS) do decision[member] = i ~= policy.burst and 1000 or nil end
    return state, decision
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
  ledger,
  giver,
  partial,
};

export type CustomName = keyof typeof LUA;

/** Custom strategies as they are embedded in the scripts. */
export const customLua: readonly string[] = Object.entries(LUA).map(([name, lua]) => definitionOf(name, lua));
