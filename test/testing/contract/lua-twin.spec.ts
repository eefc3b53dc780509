import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { defineStrategy, type Strategy } from 'nestjs-sluice';
import { strategyContract } from 'nestjs-sluice/testing';
import { anchoredWindow } from '../../support/custom-strategy.js';
import { startRedis, type TestRedis } from '../../support/redis/redis-shared.js';

/** The twin of `anchoredWindow`. */
const LUA = `
local MAX_COUNT = 3 * 2 ^ 51

return {
  fits = function(state) return #state == 2 end,

  step = function(state, now, policy, cost)
    local opened_at, stored = state[1] or now, state[2] or 0
    local is_over = stored == 0 or now >= opened_at + policy.period_ms or opened_at > now + policy.period_ms
    local opened = is_over and now or opened_at
    local used = is_over and 0 or stored
    local allowed = cost == 0 or used + cost <= policy.limit
    local after = allowed and used + cost or used
    local left_ms = opened + policy.period_ms - now
    return allowed and cost > 0 and { opened, after } or state, {
      allowed = allowed,
      limit = policy.limit,
      remaining = math.max(0, policy.limit - after),
      reset_ms = after == 0 and 0 or left_ms,
      retry_after_ms = allowed and 0 or cost > policy.limit and NEVER or left_ms,
      delay_ms = 0,
      window_ms = policy.period_ms,
    }
  end,

  amend = function(state, now, policy, at, from, to)
    local opened_at, used = state[1] or at, state[2] or 0
    local is_over = used == 0 or now >= opened_at + policy.period_ms or opened_at > now + policy.period_ms
    if to > from and is_over then
      return now < at + policy.period_ms and { at, math.min(to - from, MAX_COUNT) } or state
    end
    if to > from then return { opened_at, math.min(used + to - from, MAX_COUNT) } end
    if at < opened_at or at >= opened_at + policy.period_ms then return state end
    return { opened_at, math.max(0, used - (from - to)) }
  end,
}
`;

const withLua = (lua: string): Strategy => defineStrategy({ ...anchoredWindow, lua });

let redis: TestRedis;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis.stop());

/** Runs the case about the twin. */
async function compare(strategy: Strategy): Promise<void> {
  const cases = strategyContract({ strategy, traceless: false, redis: redis.client, runs: 150, seed: 1 });
  const [twin, ...others] = cases.filter(({ name }) => name.startsWith('decides in Redis as in memory'));
  expect(others).toEqual([]);
  await twin?.run();
}

describe('the contract of a strategy with a Lua twin', () => {
  it('is kept by a twin with exactly the same results, and leaves no keys', async () => {
    await compare(withLua(LUA));
    expect(await redis.client.keys('sluice-test:*')).toEqual([]);
  });

  it.each([
    ['decides another remaining', 'math.max(0, policy.limit - after)', 'policy.limit - used'],
    ['allows at the end of a window one millisecond late', 'now >= opened_at +', 'now > opened_at +'],
    ['keeps the state of a clock that was far ahead', 'or opened_at > now + policy.period_ms', ''],
    ['gives nothing back', 'math.max(0, used - (from - to))', 'used'],
    [
      'records up to the limit only',
      'math.min(used + to - from, MAX_COUNT)',
      'math.min(used + to - from, policy.limit)',
    ],
    ['records nothing in a new window', '{ at, math.min(to - from, MAX_COUNT) }', '{ at, 0 }'],
  ])('catches a twin that %s', async (_fault, right, wrong) => {
    expect(LUA).toContain(right);
    const failure = await compare(withLua(LUA.replace(right, wrong))).catch((error: Error) => error.message);
    expect(failure).toMatch(/^Random case \d+ of 50 fails; the seed is 1\.[\s\S]*Redis differs from memory/);
  });

  it('includes no case about Redis without a client', () => {
    const names = strategyContract({ strategy: withLua(LUA) }).map(({ name }) => name);
    expect(names.filter((name) => name.includes('Redis'))).toEqual([]);
  });
});
