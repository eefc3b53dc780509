import { describe, expect, it } from '@jest/globals';
import {
  assertKnownMembers,
  describeValue,
  invalidValue,
  suggest,
  ThrottleConfigError,
} from '../../src/core/errors.js';

class Limit {
  readonly rate = '5/s';
}

describe('an unexpected value in a message', () => {
  it.each([
    ['text', '"text"'],
    ['', '""'],
    ['x'.repeat(80), `"${'x'.repeat(80)}"`],
    ['x'.repeat(81), `"${'x'.repeat(77)}..."`],
    [5, '5 (number)'],
    [Number.NaN, 'NaN (number)'],
    [5n, '5n (bigint)'],
    [true, 'true'],
    [null, 'null'],
    [undefined, 'undefined'],
    [Symbol('exempt'), 'Symbol(exempt)'],
    [function charge() {}, 'the function charge'],
    [
      (
        () => () =>
          0
      )(),
      'a function',
    ],
    [[], 'an empty list'],
    [[1, 2], '[1, 2]'],
    [['free', 'pro'], '["free", "pro"]'],
    [[true, '1'], '[true, "1"]'],
    [['x'.repeat(80)], 'a list of 1'],
    [[{}, 1], 'a list of 2'],
    [{}, 'an object with no members'],
    [{ rate: 1, burst: 2 }, 'an object with rate, burst'],
    [Object.create(null), 'an object with no members'],
    [new Limit(), 'an instance of Limit'],
    [new Map(), 'an instance of Map'],
  ])('shows %p as %s', (value, shown) => expect(describeValue(value)).toBe(shown));

  it('is shown with its place and what was expected', () => {
    const error = invalidValue('policies.login.burst', 'a whole number', '7');
    expect(error).toBeInstanceOf(ThrottleConfigError);
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe('ThrottleConfigError');
    expect(error.problem).toBe('policies.login.burst: expected a whole number, got "7"');
  });

  it('says of which kind it is, and ends with the section to read', () => {
    const error = invalidValue('policies.login.rate', 'a rate such as "5/min"', 5, 'SLUICE_INVALID_RATE');
    expect(error.code).toBe('SLUICE_INVALID_RATE');
    expect(error.message).toBe(
      'policies.login.rate: expected a rate such as "5/min", got 5 (number) ' +
        '(SLUICE_INVALID_RATE, see nestjs-sluice/docs/errors.md#sluice_invalid_rate)',
    );
  });
});

describe('the suggestion of a known name', () => {
  const known = ['search', 'upload', 'login'];
  const list = ' Known: search, upload, login.';

  it.each([
    ['two letters swapped', 'serach', 'search'],
    ['a letter missing', 'serch', 'search'],
    ['a letter too many', 'searrch', 'search'],
    ['a wrong letter', 'seerch', 'search'],
    ['other capitals', 'LOGIN', 'login'],
    ['two mistakes', 'uplaods', 'upload'],
    ['a third of a long name wrong', 'searching', 'search'],
  ])('is the most similar one after %s', (_mistake, name, nearest) => {
    expect(suggest(name, known)).toBe(` Did you mean "${nearest}"?${list}`);
  });

  it.each(['purchase-orders', 'abcxyz', 'logout-all', 'lo'])('is only a list for %s', (name) => {
    expect(suggest(name, known)).toBe(list);
  });

  it('is the first of two that are equally similar', () => {
    expect(suggest('bat', ['cat', 'hat'])).toBe(' Did you mean "cat"? Known: cat, hat.');
  });

  it('says that no names are known', () => {
    expect(suggest('search', [])).toBe(' None are known.');
  });
});

describe('members of an options object', () => {
  it('may be any of those known, or missing', () => {
    expect(() => assertKnownMembers('here', { rate: '5/s' }, ['rate', 'burst'])).not.toThrow();
    expect(() => assertKnownMembers('here', {}, ['rate'])).not.toThrow();
  });

  it('may not be others: the error contains the place, the member and the most similar one', () => {
    expect(() => assertKnownMembers('policies.login', { rate: '5/s', brust: 5 }, ['rate', 'burst'])).toThrow(
      new ThrottleConfigError(
        'SLUICE_UNKNOWN_OPTION',
        'policies.login: there is no option "brust". Did you mean "burst"? Known: rate, burst.',
      ),
    );
  });

  it.each(['constructor', 'toString', 'hasOwnProperty'])('may not be inherited names such as %s', (member) => {
    expect(() => assertKnownMembers('here', { [member]: 1 }, ['rate'])).toThrow(
      new ThrottleConfigError('SLUICE_UNKNOWN_OPTION', `here: there is no option "${member}". Known: rate.`),
    );
  });
});
