import { describe, expect, it } from '@jest/globals';
import { definePolicy } from '../../src/strategies/define-policy.js';
import { thrownProblem } from '../support/config-error.js';

const FORM = 'expected "<count>/<unit>" such as "5/min", "10 per 30 seconds", "10/s; 200/hour" or "unlimited"';
const NAMES = 'sliding-window, fixed-window, sliding-log, token-bucket, gcra, leaky-bucket, calendar';

/** The problem with a policy, as written in JavaScript, where no type keeps a wrong option out. */
function problemOf(spec: unknown): string {
  return thrownProblem(() => Reflect.apply(definePolicy, undefined, ['x', spec]));
}

describe('an invalid policy', () => {
  it.each<readonly [what: string, spec: unknown, message: string]>([
    ['no rate', {}, `policies.x.rate: ${FORM}, got undefined`],
    ['a bad rate', '5/fortnight', `policies.x.rate: ${FORM}, got "5/fortnight"`],
    ['a rate that is a number', { rate: 5 }, `policies.x.rate: ${FORM}, got 5 (number)`],
    ['null', null, 'policies.x: expected a rate or an object with a rate, got null'],
    ['a number', 5, 'policies.x: expected a rate or an object with a rate, got 5 (number)'],
    [
      'nothing',
      undefined,
      'policies.x: expected a rate or an object with a rate, got undefined. Is an environment variable or a configuration value missing?',
    ],
    [
      'a misspelt option',
      { rate: '5/s', brust: 5 },
      'policies.x: there is no option "brust". Did you mean "burst"? Known: rate, strategy, burst, segments, scope, unit, headers, onError, lease, block, timeZone, anchor, rollover, thresholds.',
    ],
    [
      'a misspelt strategy',
      { rate: '5/s', strategy: 'tokenbucket' },
      `policies.x.strategy: expected a strategy's name, got "tokenbucket". Did you mean "token-bucket"? Known: ${NAMES}.`,
    ],
    [
      'an unknown strategy',
      { rate: '5/s', strategy: 'best-effort-please' },
      `policies.x.strategy: expected a strategy's name, got "best-effort-please". Known: ${NAMES}.`,
    ],
    [
      'a name that every object inherits',
      { rate: '5/s', strategy: 'constructor' },
      `policies.x.strategy: expected a strategy's name, got "constructor". Known: ${NAMES}.`,
    ],
    [
      'a strategy that is null',
      { rate: '5/s', strategy: null },
      `policies.x.strategy: expected a strategy's name, got null. Known: ${NAMES}.`,
    ],
    [
      'a burst without a bucket',
      { rate: '5/s', burst: 5 },
      'policies.x.burst: "sliding-window" has no burst. Leave it out, or use one of token-bucket, gcra, leaky-bucket.',
    ],
    [
      'segments of a bucket',
      { rate: '5/s', strategy: 'token-bucket', segments: 5 },
      'policies.x.segments: "token-bucket" has no segments. Leave it out, or use "sliding-window".',
    ],
    [
      'segments of a fixed window',
      { rate: '5/s', strategy: 'fixed-window', segments: 1 },
      'policies.x.segments: "fixed-window" has no segments. Leave it out, or use "sliding-window".',
    ],
    [
      'an unknown answer to failures',
      { rate: '5/s', onError: 'pass' },
      'policies.x.onError: expected "local", "allow" or "deny", or { local: { share } } with a share above 0 and at most 1, got "pass"',
    ],
    ['a scope that is not a string', { rate: '5/s', scope: 7 }, 'policies.x.scope: expected a string, got 7 (number)'],
    [
      'a log of too many',
      { rate: '10001/s', strategy: 'sliding-log' },
      'policies.x: strategy "sliding-log": expected a limit of at most 10000 (it remembers every charge; "sliding-window" has no such bound), got 10001 (number)',
    ],
    [
      'a period too long',
      '5/1125899906842625ms',
      'policies.x.rate: expected a period of at most 2^50 ms, got "5/1125899906842625ms"',
    ],
    [
      'a burst too large for its period',
      { rate: '5/s', strategy: 'token-bucket', burst: 4_503_599_627_371 },
      'policies.x: too large to be counted exactly. Lower the burst or shorten the period.',
    ],
    [
      'a bucket filled too fast',
      { rate: '4503599627370496/ms', strategy: 'gcra' },
      'policies.x: too large to be counted exactly. Lower the limit below 2^52.',
    ],
    [
      'a fixed window of too many',
      { rate: '4503599627370496/s', strategy: 'fixed-window' },
      'policies.x: too large to be counted exactly. Lower the limit below 2^52.',
    ],
    [
      'a sliding window of too many',
      { rate: '22517998136853/s', segments: 10 },
      'policies.x: too large to be counted exactly. Lower the limit, shorten the period, or raise the segments.',
    ],
  ])('with %s is rejected', (_what, spec, message) => {
    expect(problemOf(spec)).toBe(message);
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('may not have a burst of %p', (burst) => {
    expect(problemOf({ rate: '5/s', strategy: 'gcra', burst })).toBe(
      `policies.x.burst: expected a whole number of units, at least 1, got ${burst} (number)`,
    );
  });

  it.each(['5', null, 5n, [5]])('may not have the burst %p, which is not a number', (burst) => {
    expect(problemOf({ rate: '5/s', strategy: 'gcra', burst })).toMatch(
      /^policies\.x\.burst: expected a whole number of units, at least 1, got /,
    );
  });

  it.each([0, -1, 1.5, 7, 1001, Number.NaN])('may not divide a second into %p segments', (segments) => {
    expect(problemOf({ rate: '5/s', segments })).toBe(
      `policies.x.segments: expected a whole number from 1 to 1000 that divides the period of 1000 ms, got ${segments} (number)`,
    );
  });
});

describe('the largest policy that still counts exactly', () => {
  it.each([
    ['a log of 10 000', { rate: '10000/s', strategy: 'sliding-log' }],
    ['a period of 2^50 ms', { rate: '5/1125899906842624ms', strategy: 'fixed-window' }],
    ['a full bucket', { rate: '5/s', strategy: 'token-bucket', burst: 4_503_599_627_370 }],
    ['a fixed window', { rate: '4503599627370495/s', strategy: 'fixed-window' }],
    ['a sliding window', { rate: '22517998136852/s', segments: 10 }],
  ])('is accepted: %s', (_what, spec) => {
    expect(Reflect.apply(definePolicy, undefined, ['x', spec])).toMatchObject({ name: 'x' });
  });
});
