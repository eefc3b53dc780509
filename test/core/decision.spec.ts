import { describe, expect, it } from '@jest/globals';
import { assertCost, bindingOf, type Decision, NOTHING_TO_CHARGE, unlimitedDecision } from '../../src/core/decision.js';
import { definePolicy } from '../../src/strategies/define-policy.js';

function decision(policy: string, more: Partial<Decision> = {}): Decision {
  return {
    policy,
    allowed: true,
    limit: 10,
    remaining: 5,
    resetMs: 1000,
    retryAfterMs: 0,
    delayMs: 0,
    windowMs: 1000,
    ...more,
  };
}

const left = (policy: string, remaining: number, limit: number, more: Partial<Decision> = {}) =>
  decision(policy, { remaining, limit, ...more });
const UNLIMITED: Partial<Decision> = { resetMs: 0, windowMs: 60_000, unlimited: true };
const denied = (policy: string, retryAfterMs: number | null, more: Partial<Decision> = {}) =>
  decision(policy, { allowed: false, retryAfterMs, ...more });

describe('the binding decision', () => {
  it('is null if nothing was charged', () => {
    expect(bindingOf([])).toBeNull();
    expect(NOTHING_TO_CHARGE).toEqual({ allowed: true, decisions: [], binding: null });
    expect(Object.isFrozen(NOTHING_TO_CHARGE) && Object.isFrozen(NOTHING_TO_CHARGE.decisions)).toBe(true);
  });

  it.each<readonly [rule: string, decisions: readonly Decision[], binding: string]>([
    ['the only one', [left('a', 10, 10)], 'a'],
    ['of those allowed the one with the least share left', [left('a', 5, 10), left('b', 40, 100)], 'b'],
    ['not the one with the fewest units left', [left('a', 3, 4), left('b', 50, 100)], 'b'],
    ['of equal shares the first', [left('a', 1, 3), left('b', 2, 6), left('c', 333, 999)], 'a'],
    ['of two that are empty the first', [left('a', 1, 2), left('b', 0, 5), left('c', 0, 9)], 'b'],
    ['a denial rather than an allowed one with less left', [left('a', 0, 10), denied('b', 1, { remaining: 9 })], 'b'],
    ['a denial that comes before an allowed one', [denied('a', 1, { remaining: 9 }), left('b', 0, 10)], 'a'],
    ['of the denials the one with the longest wait', [denied('a', 10), denied('b', 30), denied('c', 20)], 'b'],
    ['of equal waits the first', [denied('a', 10), denied('b', 30), denied('c', 30)], 'b'],
    ['the one that can never pass before any wait', [denied('a', 2 ** 52), denied('b', null), denied('c', 9)], 'b'],
    ['of those that can never pass the first', [denied('a', 5), denied('b', null), denied('c', null)], 'b'],
    ['not the denial with less left', [denied('a', 10, { remaining: 0 }), denied('b', 20, { remaining: 9 })], 'b'],
  ])('is %s', (_rule, decisions, binding) => {
    expect(bindingOf(decisions)?.policy).toBe(binding);
  });

  it('is never an unlimited one', () => {
    const unlimited = unlimitedDecision(definePolicy('a', '10/min'));
    expect(unlimited).toEqual(left('a', Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, UNLIMITED));
    expect(bindingOf([unlimited])).toBeNull();
    expect(bindingOf([unlimited, left('b', 10, 10)])?.policy).toBe('b');
  });

  it('is one of the given objects', () => {
    const decisions = [left('a', 5, 10), left('b', 4, 10)];
    expect(bindingOf(decisions)).toBe(decisions[1]);
  });
});

describe('a cost', () => {
  it.each([0, 1, 5, Number.MAX_SAFE_INTEGER])('may be %i', (cost) => {
    expect(() => assertCost(cost, 'here')).not.toThrow();
  });

  it.each([
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
    [Number.NEGATIVE_INFINITY, '-Infinity'],
    [-1, '-1'],
    [1.5, '1.5'],
    [2 ** 53, '9007199254740992'],
    ['5', '"5" (string)'],
    ['', '"" (string)'],
    [5n, '5'],
    [true, 'true'],
    [null, 'null'],
    [undefined, 'undefined'],
    [[5], '5'],
    [{}, '[object Object]'],
  ])('may not be %p: the RangeError contains the place and the value', (cost, shown) => {
    expect(() => assertCost(cost, 'throttle.hit')).toThrow(
      new RangeError(`throttle.hit: expected a cost that is a safe integer of at least 0, got ${shown}`),
    );
    expect(() => assertCost(cost, 'throttle.hit')).toThrow(RangeError);
  });
});
