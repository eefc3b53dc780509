import { describe, expect, it } from '@jest/globals';
import { definePolicy, ThrottleConfigError } from '../../src/index.js';
import { BudgetClaims } from '../../src/planning/budget-claims.js';
import { compileLimit } from '../../src/planning/compiled-limit.js';
import { declareLimit } from '../../src/planning/declared-limits.js';
import { BUILT_IN_STRATEGIES } from '../../src/strategies/built-in-strategies.js';

const limit = (place: string, options: object) =>
  compileLimit(declareLimit({ scope: 'app', ...options }, 'module', place), null, BUILT_IN_STRATEGIES);

const conflict = (place: string, name: string, first: string) =>
  new ThrottleConfigError(
    'SLUICE_DUPLICATE_POLICY',
    `${place}: the name "${name}" is already used by a rate of ${first}. Rename one of the two limits.`,
  );

describe('BudgetClaims', () => {
  it.each([
    ['another limit', { rate: '9/min', cost: 2 }],
    ['another period', { rate: '5/h' }],
    ['another strategy', { rate: '5/min', strategy: 'fixed-window' }],
    ['other segments', { rate: '5/min', segments: 4 }],
    ['several rates', { rate: '5/s; 9/min' }],
  ])('allows limits with the same name, also of %s', (_, options) => {
    const claims = new BudgetClaims();
    claims.claim([limit('a', { rate: '5/min', name: 'api' })]);
    claims.claim([limit('b', { ...options, name: 'api' })]);
  });

  it.each([
    ['of the same period', { rate: '5/s' }],
    ['of another strategy', { rate: '5/s', strategy: 'fixed-window' }],
    ['of another period', { rate: '5/h' }],
  ])('rejects a limit whose policy has the name of another limit’s, %s', (_, options) => {
    const claims = new BudgetClaims();
    claims.claim([limit('a', { rate: '5/s; 9/min', name: 'api' })]);
    expect(() => claims.claim([limit('b', { ...options, name: 'api-1s' })])).toThrow(conflict('b', 'api-1s', 'a'));
  });

  it('rejects it in the other order as well', () => {
    const claims = new BudgetClaims();
    claims.claim([limit('a', { rate: '5/s', name: 'api-1s' })]);
    expect(() => claims.claim([limit('b', { rate: '5/s; 9/min', name: 'api' })])).toThrow(conflict('b', 'api-1s', 'a'));
  });

  it('allows such limits in different scopes', () => {
    const claims = new BudgetClaims();
    claims.claim([limit('a', { rate: '5/s; 9/min', name: 'api' })]);
    claims.claim([limit('b', { rate: '5/s', name: 'api-1s', scope: { group: 'g' } })]);
  });

  it('ignores the policies of a rate that is a function', () => {
    const claims = new BudgetClaims();
    claims.claim([limit('a', { rate: () => '5/s; 9/min', name: 'api' })]);
    claims.claim([limit('b', { rate: '5/s', name: 'api-1s' })]);
  });

  it('checks a policy without claiming its name', () => {
    const claims = new BudgetClaims();
    const check = () => claims.assertUnclaimed(definePolicy('api-1s', '5/min'), 'hit(policy "api-1s")');
    check();
    claims.claim([limit('a', { rate: '5/s; 9/min', name: 'api' })]);
    expect(check).toThrow(conflict('hit(policy "api-1s")', 'api-1s', 'a'));
    claims.assertUnclaimed(definePolicy('api', '5/h'), 'hit(policy "api")');
  });
});
