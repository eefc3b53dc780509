import { describe, expect, it } from '@jest/globals';
import { ThrottleConfigError } from '../../src/core/errors.js';
import { looksLikeRate, parseRate, periodLabel } from '../../src/core/rate.js';

const FORM = 'expected "<count>/<unit>" such as "5/min", "10 per 30 seconds", "10/s; 200/hour" or "unlimited"';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;

const units: readonly (readonly [unit: string, periodMs: number])[] = [
  ['ms', 1],
  ...['s', 'sec', 'secs', 'second', 'seconds'].map((unit) => [unit, SECOND] as const),
  ...['m', 'min', 'mins', 'minute', 'minutes'].map((unit) => [unit, MINUTE] as const),
  ...['h', 'hr', 'hrs', 'hour', 'hours'].map((unit) => [unit, HOUR] as const),
  ...['d', 'day', 'days'].map((unit) => [unit, DAY] as const),
  ...['w', 'week', 'weeks'].map((unit) => [unit, WEEK] as const),
];

describe('the unit of a rate', () => {
  it.each(units)('reads 5/%s as a period of %i ms', (unit, periodMs) => {
    expect(parseRate(`5/${unit}`)).toEqual([{ limit: 5, periodMs }]);
    expect(parseRate(`5/3${unit}`)).toEqual([{ limit: 5, periodMs: 3 * periodMs }]);
    expect(parseRate(`5 per ${unit}`)).toEqual([{ limit: 5, periodMs }]);
    expect(parseRate(`5 per 3 ${unit}`)).toEqual([{ limit: 5, periodMs: 3 * periodMs }]);
  });

  it.each(units)('reads %s in capitals', (unit, periodMs) => {
    expect(parseRate(`5/${unit.toUpperCase()}`)).toEqual([{ limit: 5, periodMs }]);
    expect(parseRate(`5 PER 3${unit.toUpperCase()}`)).toEqual([{ limit: 5, periodMs: 3 * periodMs }]);
  });
});

describe('a rate that is accepted', () => {
  it.each([
    ['1/s', 1, SECOND],
    ['10/30s', 10, 30 * SECOND],
    ['100 / min', 100, MINUTE],
    ['100/ 2 min', 100, 2 * MINUTE],
    ['  100/min\t', 100, MINUTE],
    ['\n100\n/\nmin\n', 100, MINUTE],
    ['100\tper\tmin', 100, MINUTE],
    ['100  per  2  hours', 100, 2 * HOUR],
    ['10 Per 30 Seconds', 10, 30 * SECOND],
    ['5/M', 5, MINUTE],
    ['5/MS', 5, 1],
    ['007/s', 7, SECOND],
    ['5/007s', 5, 7 * SECOND],
    ['1/52w', 1, 52 * WEEK],
    ['9007199254740991/ms', Number.MAX_SAFE_INTEGER, 1],
    ['1/9007199254740991ms', 1, Number.MAX_SAFE_INTEGER],
    ['1/104249991d', 1, 104_249_991 * DAY],
  ])('reads %j', (text, limit, periodMs) => {
    expect(parseRate(text)).toEqual([{ limit, periodMs }]);
  });

  it('reads several, in order', () => {
    expect(parseRate('10/s; 200/hour ;1000 per 2 days')).toEqual([
      { limit: 10, periodMs: SECOND },
      { limit: 200, periodMs: HOUR },
      { limit: 1000, periodMs: 2 * DAY },
    ]);
    expect(parseRate('1/s;2/m')).toEqual([
      { limit: 1, periodMs: SECOND },
      { limit: 2, periodMs: MINUTE },
    ]);
  });

  it.each(['unlimited', 'Unlimited', 'UNLIMITED', ' \tunlimited\n'])('reads %j as no limit', (text) => {
    expect(parseRate(text)).toEqual([]);
  });
});

describe('a rate that is rejected', () => {
  it.each([
    ['nothing', ''],
    ['only space', '   '],
    ['no unit', '5'],
    ['no unit after the slash', '5/'],
    ['a period without unit', '5/10'],
    ['no count', '/min'],
    ['no count before per', 'per min'],
    ['an unknown unit', '5/fortnight'],
    ['an abbreviated month', '5/mth'],
    ['a year', '5/y'],
    ['a microsecond', '5/us'],
    ['millis', '5/millis'],
    ['a wrong plural', '5/mss'],
    ['a plural of a letter', '5/hs'],
    ['per without spaces', '5per30s'],
    ['per without a space behind', '5 per30s'],
    ['both slash and per', '5 / per s'],
    ['every', '5 every 30s'],
    ['a minus', '-5/min'],
    ['a minus in the period', '5/-1s'],
    ['a plus', '+5/min'],
    ['a decimal count', '1.5/s'],
    ['a decimal period', '1/1.5s'],
    ['a decimal comma', '1,5/s'],
    ['thousands apart', '1 000/s'],
    ['thousands underscored', '1_000/s'],
    ['an exponent', '1e3/s'],
    ['an exponent in the period', '1/1e3s'],
    ['Infinity', 'Infinity/s'],
    ['NaN', 'NaN/s'],
    ['two slashes', '5//s'],
    ['two units', '5/s/s'],
    ['words behind', '5/min please'],
    ['words before', 'about 5/min'],
    ['Arabic digits', '\u0665/min'],
    ['Arabic digits in the period', '5/\u0663\u0660s'],
    ['full-width digits', '\uff15/min'],
    ['Devanagari digits', '\u096b/min'],
    ['a long s', '5/\u017f'],
    ['a Kelvin sign', '5/wee\u212as'],
    ['an empty last part', '5/min;'],
    ['an empty first part', ';5/min'],
    ['an empty middle part', '5/s;;5/min'],
    ['a blank part', '5/s; ;5/min'],
    ['only separators', ';'],
    ['a bad part among good ones', '5/s; 6/lightyear'],
    ['unlimited among rates', 'unlimited; 5/s'],
    ['rates and unlimited', '5/s; unlimited'],
    ['unlimited twice', 'unlimited;unlimited'],
    ['unlimited with a unit', 'unlimited/s'],
    ['a comma between rates', '5/s, 6/min'],
    ['a NUL', '5/s\u0000'],
    ["a policy's name", 'search'],
  ])('rejects %s with the string and the expected form', (_what, text) => {
    expect(() => parseRate(text)).toThrow(new ThrottleConfigError('SLUICE_INVALID_RATE', `${FORM}, got "${text}"`));
  });

  it.each(['0/s', '5/0s', '0/0ms', '00/min', '5/s; 0/min'])('rejects the zero in %j', (text) => {
    expect(() => parseRate(text)).toThrow(
      new ThrottleConfigError('SLUICE_INVALID_RATE', `${FORM}, got "${text}": counts and periods are at least 1`),
    );
  });

  it.each([
    ['5/month', { limit: 5, periodMs: 2_629_746_000, unit: 'month' }],
    ['5 per 1 Months', { limit: 5, periodMs: 2_629_746_000, unit: 'month' }],
    ['1000/year', { limit: 1000, periodMs: 31_556_952_000, unit: 'year' }],
  ])('reads %j with the mean length', (text, rate) => {
    expect(parseRate(text)).toEqual([rate]);
  });

  it.each([
    ['5/2 months', 'month'],
    ['5/10years', 'year'],
  ])('rejects %j: a quota has a single unit', (text, unit) => {
    expect(() => parseRate(text)).toThrow(
      new ThrottleConfigError(
        'SLUICE_INVALID_RATE',
        `${FORM}, got "${text}": a quota is of one ${unit}; use days for another period`,
      ),
    );
  });

  it.each([
    '9007199254740992/s',
    '9007199254740993/s',
    '1/9007199254740992ms',
    '1/104249992d',
    `1/${'9'.repeat(30)}w`,
    `${'9'.repeat(40)}/s`,
  ])('rejects the value that is too large in %j', (text) => {
    expect(() => parseRate(text)).toThrow(
      new ThrottleConfigError('SLUICE_INVALID_RATE', `${FORM}, got "${text}": larger than 2^53 - 1`),
    );
  });

  it.each([
    [5, '5 (number)'],
    [5n, '5n (bigint)'],
    [null, 'null'],
    [undefined, 'undefined'],
    [true, 'true'],
    [['5/s'], '["5/s"]'],
    [{ limit: 5 }, 'an object with limit'],
    [new String('5/s'), 'an instance of String'],
  ])('rejects %p, which is not a string', (value, shown) => {
    expect(() => Reflect.apply(parseRate, undefined, [value])).toThrow(
      new ThrottleConfigError('SLUICE_INVALID_RATE', `${FORM}, got ${shown}`),
    );
  });

  it.each(['5', '5 per', '5/', '5/3', '5/s'])(
    'rejects %j and a megabyte of spaces in one pass, and shortens it',
    (start) => {
      const text = `${start}${' '.repeat(1_000_000)}!`;
      expect(() => parseRate(text)).toThrow(
        new ThrottleConfigError('SLUICE_INVALID_RATE', `${FORM}, got "${text.slice(0, 77)}..."`),
      );
    },
  );
});

describe('a string that is a rate or a name', () => {
  it.each(['5/min', ' 5', '5nonsense', 'unlimited', ' UNLIMITED '])('is a rate if it is %j', (text) => {
    expect(looksLikeRate(text)).toBe(true);
  });

  it.each(['search', 'x5/min', '', '-5/min', '\u0665/min', 'unlimited5'])('is a name if it is %j', (text) => {
    expect(looksLikeRate(text)).toBe(false);
  });
});

describe('the label of a period', () => {
  it.each([
    [1, '1ms'],
    [1500, '1500ms'],
    [SECOND, '1s'],
    [90 * SECOND, '90s'],
    [2 * MINUTE, '2m'],
    [HOUR, '1h'],
    [36 * HOUR, '36h'],
    [DAY, '1d'],
    [2 * WEEK, '2w'],
  ])('writes %i ms as %s', (periodMs, label) => expect(periodLabel(periodMs)).toBe(label));
});
