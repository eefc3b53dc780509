import { describe, expect, it } from '@jest/globals';
import { ThrottleConfigError } from '../../../src/index.js';
import { startContext } from '../../support/service-app.js';

/** Values that JavaScript lets anybody pass: some cannot even be written as a string. */
const values: readonly (readonly [what: string, value: unknown])[] = [
  ['null', null],
  ['an empty string', ''],
  ['NaN', Number.NaN],
  ['1e21', 1e21],
  ['-0', -0],
  ['a bigint', 1n],
  ['a symbol', Symbol('x')],
  ['an object', {}],
  ['an object without a prototype', Object.create(null)],
  ['an object that cannot be written', { toString: () => Promise.reject() }],
  ['a list', []],
];

describe.each(values)('methods that change limits, called with %s,', (_, value) => {
  it('report what they expected, and store nothing', async () => {
    await using context = await startContext({
      policies: { api: { rate: '10/min', overrides: true } },
      plans: { of: () => 'free', default: 'free', tiers: { free: {} } },
    });
    const { overrides, policies, plans } = context.throttle;
    const call = (target: object, method: string, ...args: readonly unknown[]): unknown =>
      Reflect.get(target, method).apply(target, args);
    const calls: readonly (() => unknown)[] = [
      () => call(overrides, 'set', value, 'user:1', '5/min'),
      () => call(overrides, 'set', 'api', value, '5/min'),
      () => call(overrides, 'set', 'api', 'user:1', value),
      () => call(overrides, 'set', 'api', 'user:1', { rate: value }),
      () => call(overrides, 'set', 'api', 'user:1', { rate: '5/min', burst: value }),
      () => call(overrides, 'set', 'api', 'user:1', '5/min', { expiresInMs: value }),
      () => call(overrides, 'get', value, 'user:1'),
      () => call(overrides, 'get', 'api', value),
      () => call(overrides, 'delete', value, 'user:1'),
      () => call(overrides, 'list', value),
      () => call(overrides, 'list', 'api', { limit: value }),
      () => call(policies, 'update', value, { rate: '5/min' }),
      () => call(policies, 'update', 'api', value),
      () => call(policies, 'update', 'api', { rate: value }),
      () => call(policies, 'update', 'api', { burst: value }),
      () => call(policies, 'update', 'api', { mode: value }),
      () => call(policies, 'reset', value),
      () => call(plans, 'forget', value),
      () => call(plans, 'of', value),
    ];
    for (const one of calls)
      await expect(new Promise((resolve) => resolve(one()))).rejects.toThrow(ThrottleConfigError);
    expect(await overrides.list()).toEqual({ entries: [] });
    expect(await policies.list()).toEqual([expect.not.objectContaining({ changedAt: expect.anything() })]);
  });
});
