import { defineStrategy } from '../../src/strategies/strategy.js';

/** A window whose start and end are the arguments of the charge. */
export const givenWindow = defineStrategy({
  name: 'given-window',
  argumentCount: 2,
  step(state, now, { name, limit }, cost, [begin = Number.NaN, end = Number.NaN] = []) {
    const used = state[0] === begin ? (state[1] ?? 0) : 0;
    const allowed = cost === 0 || cost <= limit - used;
    const after = allowed ? used + cost : used;
    return {
      state: allowed && cost > 0 ? [begin, after] : state,
      decision: {
        policy: name,
        allowed,
        limit,
        remaining: Math.max(0, limit - after),
        resetMs: after === 0 ? 0 : end - now,
        retryAfterMs: allowed ? 0 : cost > limit ? null : end - now,
        delayMs: 0,
        windowMs: end - begin,
      },
    };
  },
  amend(state, now, _policy, _at, from, to, [begin = Number.NaN, end = Number.NaN] = []) {
    if (now >= end || (state.length > 0 && state[0] !== begin)) return state;
    return [begin, Math.max(0, (state[1] ?? 0) + to - from)];
  },
  lua: `return {
    step = function(state, now, policy, cost, args)
      local used = state[1] == args[1] and state[2] or 0
      local allowed = cost == 0 or cost <= policy.limit - used
      local after = allowed and used + cost or used
      return allowed and cost > 0 and { args[1], after } or state, {
        allowed = allowed, limit = policy.limit, remaining = math.max(0, policy.limit - after),
        reset_ms = after == 0 and 0 or args[2] - now,
        retry_after_ms = allowed and 0 or cost > policy.limit and NEVER or args[2] - now,
        delay_ms = 0, window_ms = args[2] - args[1],
      }
    end,
    amend = function(state, now, policy, at, from, to, args)
      if now >= args[2] or (#state > 0 and state[1] ~= args[1]) then return state end
      return { args[1], math.max(0, (state[2] or 0) + to - from) }
    end,
  }`,
});
