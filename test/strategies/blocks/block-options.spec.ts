import { describe, expect, it } from '@jest/globals';
import { ThrottleConfigError } from '../../../src/core/errors.js';
import type { PolicyBlock } from '../../../src/core/policy.js';
import { definePolicy, type PolicySpec } from '../../../src/strategies/define-policy.js';
import { startContext } from '../../support/service-app.js';

const HOUR_MS = 3_600_000;

const define = (block: unknown, more: object = {}) =>
  Reflect.apply(definePolicy, undefined, ['login', { rate: '5/min', strategy: 'fixed-window', block, ...more }]);

describe('the option block', () => {
  it.each<readonly [block: PolicySpec['block'], expected: PolicyBlock]>([
    [{ for: '5m' }, { forMs: 300_000, after: 1, escalate: [1], forgetAfterMs: HOUR_MS }],
    [{ for: '2 hours' }, { forMs: 2 * HOUR_MS, after: 1, escalate: [1], forgetAfterMs: 4 * HOUR_MS }],
    [
      { for: '5min', after: 3, escalate: [1, 2, 4], forgetAfter: '1d' },
      { forMs: 300_000, after: 3, escalate: [1, 2, 4], forgetAfterMs: 24 * HOUR_MS },
    ],
    [
      { for: '1s', after: undefined, escalate: undefined, forgetAfter: undefined },
      { forMs: 1000, after: 1, escalate: [1], forgetAfterMs: HOUR_MS },
    ],
    [{ for: '366d' }, { forMs: 366 * 24 * HOUR_MS, after: 1, escalate: [1], forgetAfterMs: 366 * 24 * HOUR_MS }],
    [
      { for: '1h', forgetAfter: '5m' },
      { forMs: HOUR_MS, after: 1, escalate: [1], forgetAfterMs: 300_000 },
    ],
    [
      { for: '183d', escalate: [1, 2] },
      { forMs: 183 * 24 * HOUR_MS, after: 1, escalate: [1, 2], forgetAfterMs: 366 * 24 * HOUR_MS },
    ],
    [true, { forMs: 0, after: 1, escalate: [1], forgetAfterMs: 0 }],
  ])('%j is %j', (block, expected) => {
    const policy = define(block);
    expect(policy.block).toEqual(expected);
    expect(Object.isFrozen(policy.block)).toBe(true);
    expect(policy.id).toBe('login@app:f60000-b');
  });

  const PATH = 'policies.login.block';
  it.each<readonly [block: unknown, message: string]>([
    [undefined, `${PATH}: expected an object such as { for: "5m" }, or true for blocks by hand only, got undefined`],
    [false, `${PATH}: expected an object such as { for: "5m" }, or true for blocks by hand only, got false`],
    ['5m', `${PATH}: expected an object such as { for: "5m" }, or true for blocks by hand only, got "5m"`],
    [{}, `${PATH}.for: expected a duration such as "5m", got undefined`],
    [{ for: 5000 }, `${PATH}.for: expected a duration "<count><unit>" such as "5m" or "1h", got 5000 (number)`],
    [{ for: '5/min' }, `${PATH}.for: expected a duration "<count><unit>" such as "5m" or "1h", got "5/min"`],
    [
      { for: '0s' },
      `${PATH}.for: expected a duration "<count><unit>" such as "5m" or "1h", got "0s": durations are at least 1 ms`,
    ],
    [{ for: '367d' }, 'got "367d": longer than 366 days'],
    [{ for: '5m', after: 0 }, `${PATH}.after: expected a whole number of denials, from 1 to 1000, got 0`],
    [{ for: '5m', after: 1.5 }, `${PATH}.after: expected a whole number of denials`],
    [
      { for: '5m', escalate: [] },
      `${PATH}.escalate: expected a list of whole numbers of at least 1, none lower than the one before it, such as [1, 2, 4], got an empty list`,
    ],
    [{ for: '5m', escalate: [1, 0.5] }, `${PATH}.escalate: expected a list of whole numbers of at least 1`],
    [{ for: '10d', escalate: [1, 40] }, `${PATH}.escalate: expected blocks of at most 366 days`],
    [{ for: '5m', forgetAfter: '1' }, `${PATH}.forgetAfter: expected a duration`],
    ...[
      [4, 1],
      [1, 4, 2],
    ].map(
      (escalate) =>
        [
          { for: '5m', escalate },
          `none lower than the one before it, such as [1, 2, 4], got [${escalate.join(', ')}]`,
        ] as const,
    ),
    ...[
      [1, 2, 4],
      [4, 4],
      [1, 1, 4],
    ].map(
      (escalate) =>
        [
          { for: '5m', escalate, forgetAfter: '20m' },
          `${PATH}.forgetAfter: expected more than 1200000 ms, the longest block in \`escalate\`, got 1200000 ms`,
        ] as const,
    ),
    [{ for: '5m', forgetAfte: '1h' }, `${PATH}: there is no option "forgetAfte". Did you mean "forgetAfter"?`],
  ])('refuses %j', (block, message) => {
    expect(() => define(block)).toThrow(ThrottleConfigError);
    expect(() => define(block)).toThrow(message);
  });

  it('is not combined with a lease', () => {
    expect(() => define({ for: '5m' }, { lease: { batch: 2 } })).toThrow(
      'policies.login.block: cannot be combined with a lease, because leased units are spent without the backend, which knows who is blocked. Leave out `block` or `lease`',
    );
  });

  it('stops startup where it is undefined, and names it', async () => {
    const options = { policies: { login: { rate: '5/min', block: undefined } } };
    const starting = Reflect.apply(startContext, undefined, [options]);
    await expect(starting).rejects.toThrow(
      'policies.login.block: expected an object such as { for: "5m" }, or true for blocks by hand only, got undefined. Is an environment variable or a configuration value missing? Leave the option out to use its default: no blocks.',
    );
  });
});
