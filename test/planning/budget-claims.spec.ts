import { describe, expect, it } from '@jest/globals';
import { definePolicy, ThrottleConfigError } from '../../src/index.js';
import { BudgetClaims } from '../../src/planning/budget-claims.js';
import { compileLimit } from '../../src/planning/compiled-limit.js';
import { declareLimit } from '../../src/planning/declared-limits.js';
import { BUILT_IN_STRATEGIES } from '../../src/strategies/built-in-strategies.js';

const limit = (place: string, options: object) =>
  compileLimit(declareLimit({ scope: 'app', ...options }, 'module', place), null, BUILT_IN_STRATEGIES);

const conflict = (place: string, budget: string, first: string) =>
  new ThrottleConfigError(
    `${place}: shares the budget "${budget}" with ${first}, and counts it differently, so that neither would limit. ` +
      'Give both the same strategy, period and segments, or one of them another name.',
  );

describe('BudgetClaims', () => {
  it('lets limits share a budget that they count alike', () => {
    const claims = new BudgetClaims();
    claims.claim([limit('a', { rate: '5/min', name: 'api' })]);
    claims.claim([limit('b', { rate: '9/min', name: 'api', cost: 2 })]);
    claims.claim([limit('c', { rate: '5/h', name: 'other' })]);
    claims.claim([limit('d', { rate: '5/h', name: 'api', scope: { group: 'g' } })]);
  });

  it.each([
    ['another period', { rate: '5/h' }],
    ['another strategy', { rate: '5/min', strategy: 'fixed-window' }],
    ['other segments', { rate: '5/min', segments: 4 }],
  ])('rejects %s', (_, options) => {
    const claims = new BudgetClaims();
    claims.claim([limit('a', { rate: '5/min', name: 'api' })]);
    expect(() => claims.claim([limit('b', { ...options, name: 'api' })])).toThrow(conflict('b', 'api', 'a'));
  });

  it('rejects a limit whose policy has the name of another limit’s', () => {
    const claims = new BudgetClaims();
    claims.claim([limit('a', { rate: '5/s; 9/min', name: 'api' })]);
    expect(() => claims.claim([limit('b', { rate: '5/s', name: 'api-1s' })])).toThrow(conflict('b', 'api-1s', 'a'));
  });

  it('does not know the budgets of a rate that is a function', () => {
    const claims = new BudgetClaims();
    claims.claim([limit('a', { rate: () => '5/min', name: 'api' })]);
    claims.claim([limit('b', { rate: '5/h', name: 'api' })]);
  });

  it('checks a policy without claiming its budget', () => {
    const claims = new BudgetClaims();
    claims.assertSameCounting(definePolicy('api', '5/min'), 'hit(policy "api")');
    claims.claim([limit('a', { rate: '5/h', name: 'api' })]);
    expect(() => claims.assertSameCounting(definePolicy('api', '5/min'), 'hit(policy "api")')).toThrow(
      conflict('hit(policy "api")', 'api', 'a'),
    );
  });
});
