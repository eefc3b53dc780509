import { describe, expect, it } from '@jest/globals';
import { ThrottleConfigError } from '../../../src/core/errors.js';
import { definePolicy } from '../../../src/strategies/define-policy.js';
import { defineBudget, defineConcurrency } from '../../../src/strategies/held/define-held-policy.js';

describe('a limit of concurrency', () => {
  it('has a limit, no window, and a separate id', () => {
    expect(defineConcurrency('export', 2)).toEqual({
      name: 'export',
      id: 'export@app:h',
      strategy: 'concurrency',
      limit: 2,
      periodMs: 0,
      burst: 2,
      segments: 1,
      unit: 'concurrent-requests',
      held: { onExpiry: 'release' },
    });
    const scoped = defineConcurrency('export', 5, { scope: 'class:a', unit: 'jobs', onError: 'deny', headers: false });
    expect(scoped).toMatchObject({ id: 'export@class:a:h', unit: 'jobs', onError: 'deny', headers: false });
    expect(Object.isFrozen(scoped)).toBe(true);
  });

  it.each([0, -1, 1.5, Number.NaN, '2', undefined, 1_000_000_001])('cannot have a limit of %p', (limit) => {
    expect(() => Reflect.apply(defineConcurrency, undefined, ['export', limit])).toThrow(
      /^policies\.export\.concurrency: expected a whole number from 1 to 1000000000, got /,
    );
  });

  it('refuses an invalid name and unknown options', () => {
    expect(() => defineConcurrency('1', 2)).toThrow(ThrottleConfigError);
    expect(() => Reflect.apply(defineConcurrency, undefined, ['export', 2, { rate: '1/s' }])).toThrow(
      'policies.export: there is no option "rate"',
    );
    expect(() => defineConcurrency('export', 2, { unit: '"' })).toThrow('policies.export.unit: expected');
  });
});

describe('a token budget', () => {
  it('has the windows of its strategy, and a separate id', () => {
    expect(defineBudget('llm', { budget: '100000/min' })).toEqual({
      ...definePolicy('llm', { rate: '100000/min', strategy: 'fixed-window' }),
      id: 'llm@app:hf60000',
      held: { onExpiry: 'charge' },
    });
    const monthly = defineBudget('llm', { budget: '5000/month', timeZone: 'Europe/Berlin', carryDebt: true });
    expect(monthly).toMatchObject({ strategy: 'calendar', held: { onExpiry: 'charge', carryDebt: true } });
    expect(monthly.id).toBe('llm@app:hcm/europe/berlin');
    const daily = defineBudget('llm', { budget: '5000/day', strategy: 'calendar', onExpiry: 'release', rollover: 100 });
    expect(daily).toMatchObject({ strategy: 'calendar', burst: 5100, held: { onExpiry: 'release' } });
  });

  it.each<readonly [spec: object, message: string]>([
    [{}, 'policies.llm.budget: expected'],
    [{ budget: '5/fortnight' }, 'policies.llm.budget: expected'],
    [{ budget: '5/s; 10/min' }, 'policies.llm.budget: expected one rate'],
    [{ budget: 'unlimited' }, 'policies.llm.budget: expected one rate'],
    [{ budget: '5/min', strategy: 'gcra' }, 'policies.llm.strategy: expected "fixed-window" or "calendar"'],
    [{ budget: '5/min', onExpiry: 'keep' }, 'policies.llm.onExpiry: expected "charge" or "release", got "keep"'],
    [{ budget: '5/min', carryDebt: 1 }, 'policies.llm.carryDebt: expected true or false, got 1 (number)'],
    [{ budget: '5/min', thresholds: [1] }, 'policies.llm: there is no option "thresholds"'],
    [{ budget: '5/min', timeZone: 'UTC' }, 'timeZone'],
  ])('refuses %j', (spec, message) => {
    expect(() => Reflect.apply(defineBudget, undefined, ['llm', spec])).toThrow(ThrottleConfigError);
    expect(() => Reflect.apply(defineBudget, undefined, ['llm', spec])).toThrow(message);
  });
});
