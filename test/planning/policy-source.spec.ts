import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { type Call, definePolicy, type Policy, ThrottleConfigError } from '../../src/index.js';
import { fixedPolicies, policiesByRate } from '../../src/planning/policy-source.js';

const call: Call = { type: 'none', context: {} };

/** A `define` that counts its calls. */
function counted() {
  const defined: string[] = [];
  const define = (rate: string): readonly Policy[] => {
    defined.push(rate);
    return rate === 'unlimited' ? [] : [definePolicy('api', { rate })];
  };
  return { defined, define };
}

describe('fixedPolicies', () => {
  it('is the same for every call', () => {
    const policies = [definePolicy('api', '5/min')];
    const source = fixedPolicies(policies);
    expect(source.fixed).toBe(policies);
    expect(source.of(call)).toBe(policies);
  });
});

describe('policiesByRate', () => {
  it('defines the policies of a rate once', () => {
    const { defined, define } = counted();
    let rate = '5/min';
    const source = policiesByRate(() => rate, define, 'policies.api');
    expect(source.fixed).toBeUndefined();
    const first = source.of(call);
    expect(source.of(call)).toBe(first);
    rate = '9/min';
    expect(source.of(call)).toEqual([expect.objectContaining({ limit: 9 })]);
    rate = '5/min';
    expect(source.of(call)).toBe(first);
    expect(defined).toEqual(['5/min', '9/min']);
  });

  it('gives rates of one period one budget, and rates of different periods separate ones', async () => {
    const idOf = async (rate: string) => {
      const [policy] = await policiesByRate(() => rate, counted().define, 'policies.api').of(call);
      return policy?.id;
    };
    expect(await idOf('5/min')).toBe(await idOf('9/min'));
    expect(await idOf('5/min')).not.toBe(await idOf('5/h'));
    expect(await idOf('5/min')).toBe(definePolicy('api', '5/min').id);
  });

  it('awaits an asynchronous function', async () => {
    const source = policiesByRate(() => setImmediate('5/min'), counted().define, 'policies.api');
    expect(await source.of(call)).toEqual([expect.objectContaining({ limit: 5 })]);
  });

  it('limits nothing if the rate is unlimited', () => {
    expect(policiesByRate(() => 'unlimited', counted().define, 'policies.api').of(call)).toEqual([]);
  });

  it('bounds its cache', () => {
    const { defined, define } = counted();
    let rate = '1/min';
    const source = policiesByRate(() => rate, define, 'policies.api');
    for (let limit = 1; limit <= 1001; limit++) {
      rate = `${limit}/min`;
      source.of(call);
    }
    source.of(call);
    expect(defined).toHaveLength(1001);
    rate = '1/min';
    source.of(call);
    expect(defined).toHaveLength(1002);
  });

  it('rejects anything but a string', async () => {
    const untyped = (value: unknown) => () => value as never;
    const error = (shown: string) =>
      new ThrottleConfigError(
        'SLUICE_INVALID_RESULT',
        `policies.api.rate: expected the function to return a rate such as "5/min", got ${shown}`,
      );
    const source = (value: unknown) => policiesByRate(untyped(value), counted().define, 'policies.api');
    await expect(source(5).of(call)).rejects.toThrow(error('5 (number)'));
    await expect(source(undefined).of(call)).rejects.toThrow(error('undefined'));
  });
});
