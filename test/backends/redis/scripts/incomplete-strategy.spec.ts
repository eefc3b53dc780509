import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RedisBackend } from '../../../../src/backends/redis/redis.backend.js';
import type { Policy } from '../../../../src/core/policy.js';
import { BUILT_IN_STRATEGIES } from '../../../../src/strategies/built-in-strategies.js';
import { definePolicies } from '../../../../src/strategies/define-policy.js';
import { defineStrategy } from '../../../../src/strategies/strategy.js';
import { freshPrefix, startRedis, type TestRedis } from '../../../support/redis/redis-shared.js';

const decision =
  'allowed = true, limit = policy.limit, remaining = 1, reset_ms = 1000, retry_after_ms = 0, window_ms = 1000';
const broken = defineStrategy({
  name: 'broken',
  step: (state, now, policy, cost) => {
    const [window] = BUILT_IN_STRATEGIES.filter(({ name }) => name === 'fixed-window');
    if (window === undefined) throw new Error('there is no fixed window');
    return window.step(state, now, policy, cost);
  },
  amend: (state) => state,
  lua: `return { step = function(state, now, policy, cost) return { 1 }, { ${decision} } end,
    amend = function(state) return state end }`,
});

describe('a twin that omits a member of its decisions', () => {
  let redis: TestRedis;

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(() => redis.stop());

  it('fails its own call and later ones of the batch; earlier ones are decided', async () => {
    const backend = new RedisBackend(redis.client, { prefix: freshPrefix(), timeoutMs: 30_000 });
    backend.use([broken]);
    const policies = definePolicies(
      'p',
      'p',
      { rate: '5/s', strategy: 'broken' },
      { strategies: [...BUILT_IN_STRATEGIES, broken] },
    );
    const [policy] = policies;
    const [plain] = definePolicies('policies.q', 'q', { rate: '5/s', strategy: 'fixed-window' });
    if (policy === undefined || plain === undefined) throw new Error('there is no policy');
    const ask = async (one: Policy) => backend.spend([{ policy: one, subject: 'ada', cost: 1 }]);
    // Alone at first: then the server's time is known, and the others go together.
    expect((await ask(plain)).allowed).toBe(true);
    const [, ...together] = await Promise.allSettled([plain, plain, policy, plain].map(ask));
    expect(together.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
  });
});
