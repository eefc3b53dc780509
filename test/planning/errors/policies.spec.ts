import { describe, expect, it } from '@jest/globals';
import { Controller, Get, type Type } from '@nestjs/common';
import { type PolicyOptions, Throttle, ThrottleModule } from '../../../src/index.js';
import { type StartupParts, startupError } from '../../support/application.js';

type What = PolicyOptions;

function limitedMethod(what: What): Type {
  @Controller('reports')
  class ReportsController {
    @Throttle(what) @Get() list() {}
  }
  return ReportsController;
}

function limitedClass(what: What): Type {
  @Throttle(what)
  @Controller('reports')
  class ReportsController {
    @Get() list() {}
  }
  return ReportsController;
}

/** The places where a policy's options are written, and what errors call an option there. */
const places: readonly (readonly [
  title: string,
  place: string,
  option: (name: string) => string,
  boot: (what: What) => StartupParts,
])[] = [
  ['policies', 'policies.login', (name) => `policies.login.${name}`, (login) => ({ options: { policies: { login } } })],
  ['default', 'default', (name) => `default.${name}`, (limit) => ({ options: { default: limit } })],
  [
    '@Throttle on a method',
    '@Throttle on ReportsController.list',
    (name) => `@Throttle on ReportsController.list, ${name}`,
    (what) => ({ options: {}, controllers: [limitedMethod(what)] }),
  ],
  [
    '@Throttle on a class',
    '@Throttle on ReportsController',
    (name) => `@Throttle on ReportsController, ${name}`,
    (what) => ({ options: {}, controllers: [limitedClass(what)] }),
  ],
  [
    'forFeature',
    'policies.login',
    (name) => `policies.login.${name}`,
    (login) => ({ options: {}, imports: [ThrottleModule.forFeature({ policies: { login } })] }),
  ],
];

const form = 'expected "<count>/<unit>" such as "5/min", "10 per 30 seconds", "10/s; 200/hour" or "unlimited"';
const aName =
  'expected a name of 1 to 64 letters, digits, "_", "." or "-" that begins with a letter and is not "unlimited"';
const reserved = 'is reserved for unnamed limits. Choose another name, or leave it out.';
const strategies = 'sliding-window, fixed-window, sliding-log, token-bucket, gcra, leaky-bucket, calendar';
const strategyName =
  'expected the name of a strategy such as "token-bucket" (add a custom strategy to the strategies of the module, and write its name here)';
const aCost = 'expected a whole number of at least 1, or a function of the call (a cost of 0 would never limit)';
const units = 'expected a whole number of units, at least 1';
const divisor = 'expected a whole number from 1 to 1000 that divides the period of 60000 ms';
const aScope = 'expected "handler", "class", "app" or { group: "a name" }';
const aText = 'expected a string, or a function that returns a string or an object';
const aMode = 'expected "on", "off", "monitor", or a function of the call that returns one of them';
const leased = { rate: '5/min', strategy: 'fixed-window', lease: { batch: 2 } };
const enforcedOnly = 'a lease needs the mode "on", but the mode here';
const leaveOut = 'Leave the lease out, or set the mode "on".';
const aUnit =
  'expected the name of the unit that is counted such as "content-bytes", 1 to 64 ASCII characters without quotes and backslashes';
const aContext = 'expected an object; its scope, if set, is a string';
const noBurst = 'has no burst. Leave it out, or use one of token-bucket, gcra, leaky-bucket.';
const known =
  'Known: rate, concurrency, name, scope, unit, onError, strategy, burst, segments, lease, block, overrides, timeZone, anchor, rollover, thresholds, cost, by, id, manual, phase, mode, chargeWhen, skip, headers, message, onDenied, context.';
const tooLarge = 'too large to be counted exactly.';

const step = () => ({ state: [], decision: {} });

describe.each(places)('%s stops startup', (_, place, option, boot) => {
  it.each<readonly [member: string | null, options: unknown, text: string]>([
    ['rate', {}, 'expected a rate such as "5/min", got none'],
    [
      'rate',
      { rate: 5 },
      'expected a rate such as "5/min", or a function of the call that returns one, got 5 (number)',
    ],
    ['rate', { rate: null }, 'expected a rate such as "5/min", or a function of the call that returns one, got null'],
    ['rate', { rate: '5/fortnight' }, `${form}, got "5/fortnight"`],
    ['rate', { rate: 'search' }, `${form}, got "search"`],
    ['rate', { rate: '' }, `${form}, got ""`],
    ['rate', { rate: '5/min;' }, `${form}, got "5/min;"`],
    ['rate', { rate: '0/min' }, `${form}, got "0/min": counts and periods are at least 1`],
    ['rate', { rate: '9007199254740992/s' }, `${form}, got "9007199254740992/s": larger than 2^53 - 1`],
    [
      'rate',
      { rate: '5/min; 9 per 60 s' },
      'expected each period once (of two rates with the same period, only the lower one could deny a call), got "5/min; 9 per 60 s"',
    ],
    ['rate', { rate: '5/2000000w' }, 'expected a period of at most 2^50 ms, got "5/2000000w"'],
    [null, { rate: '9007199254740991/min' }, `${tooLarge} Lower the limit, shorten the period, or raise the segments.`],
    [null, { rate: '9007199254740991/min', strategy: 'gcra' }, `${tooLarge} Lower the limit below 2^52.`],
    [null, { rate: '9007199254740991/min', strategy: 'fixed-window' }, `${tooLarge} Lower the limit below 2^52.`],
    [
      null,
      { rate: '5/min', strategy: 'token-bucket', burst: 2 ** 50 },
      `${tooLarge} Lower the burst or shorten the period.`,
    ],
    [
      null,
      { rate: '10001/min', strategy: 'sliding-log' },
      'strategy "sliding-log": expected a limit of at most 10000 (it remembers every charge; "sliding-window" has no such bound), got 10001 (number)',
    ],

    [
      'strategy',
      { rate: '5/min', strategy: 'token-buckt' },
      `expected a strategy's name, got "token-buckt". Did you mean "token-bucket"? Known: ${strategies}.`,
    ],
    ['name', { rate: '5/min', name: 'a b' }, `${aName}, got "a b"`],
    ['name', { rate: '5/min', name: '' }, `${aName}, got ""`],
    ['name', { rate: '5/min', name: 5 }, `${aName}, got 5 (number)`],
    ['name', { rate: '5/min', name: 'Unlimited' }, `${aName}, got "Unlimited"`],
    ['name', { rate: '5/min', name: 'default-1s' }, `"default-1s" ${reserved}`],
    ['strategy', { rate: '5/min', strategy: 5 }, `${strategyName}, got 5 (number)`],
    ['strategy', { rate: '5/min', strategy: null }, `${strategyName}, got null`],
    ['strategy', { rate: '5/min', strategy: { name: 'coin', step } }, `${strategyName}, got an object with name, step`],
    ['burst', { rate: '5/min', strategy: 'token-bucket', burst: 0 }, `${units}, got 0 (number)`],
    ['burst', { rate: '5/min', strategy: 'gcra', burst: 1.5 }, `${units}, got 1.5 (number)`],
    ['burst', { rate: '5/min', strategy: 'leaky-bucket', burst: '9' }, `${units}, got "9"`],
    ['burst', { rate: '5/min', burst: 9 }, `"sliding-window" ${noBurst}`],
    ['burst', { rate: () => '5/min', burst: 9 }, `"sliding-window" ${noBurst}`],
    ['burst', { rate: '5/min', strategy: 'fixed-window', burst: 9 }, `"fixed-window" ${noBurst}`],
    ['segments', { rate: '5/min', segments: 7 }, `${divisor}, got 7 (number)`],
    ['segments', { rate: '5/min', segments: 0 }, `${divisor}, got 0 (number)`],
    ['segments', { rate: '5/min', segments: '6' }, `${divisor}, got "6"`],
    [
      'segments',
      { rate: '5/min', strategy: 'gcra', segments: 6 },
      '"gcra" has no segments. Leave it out, or use "sliding-window".',
    ],

    ['cost', { rate: '5/min', cost: 0 }, `${aCost}, got 0 (number)`],
    ['cost', { rate: () => '5/min', cost: 0 }, `${aCost}, got 0 (number)`],
    ['cost', { rate: '5/min', cost: -1 }, `${aCost}, got -1 (number)`],
    ['cost', { rate: '5/min', cost: 1.5 }, `${aCost}, got 1.5 (number)`],
    ['cost', { rate: '5/min', cost: '2' }, `${aCost}, got "2"`],
    [
      'cost',
      { rate: '5/min', cost: 6 },
      'a cost of 6 can never pass, because the limit grants at most 5 at once. Lower the cost, or raise the rate.',
    ],
    [
      'cost',
      { rate: '9/min; 5/s', cost: 6 },
      'a cost of 6 can never pass, because the limit grants at most 5 at once. Lower the cost, or raise the rate.',
    ],
    [
      'cost',
      { rate: '5/min', strategy: 'gcra', cost: 2 },
      'a cost of 2 can never pass, because the limit grants at most 1 at once ("gcra" has a burst of 1 by default). Lower the cost, or raise the rate.',
    ],
    [
      'cost',
      { rate: '5/min', strategy: 'token-bucket', burst: 8, cost: 9 },
      'a cost of 9 can never pass, because the limit grants at most 8 at once. Lower the cost, or raise the rate.',
    ],
    ['by', { rate: '5/min', by: 'ip' }, 'expected a function such as by.ip() or by.user(), got "ip"'],
    ['scope', { rate: '5/min', scope: 'global' }, `${aScope}, got "global"`],
    ['scope', { rate: '5/min', scope: {} }, `${aScope}, got an object with no members`],
    ['scope', { rate: '5/min', scope: { group: '' } }, `${aScope}, got an object with group`],
    ['scope', { rate: '5/min', scope: { group: 'a', by: 'b' } }, `${aScope}, got an object with group, by`],
    ['manual', { rate: '5/min', manual: 'yes' }, 'expected true or false, got "yes"'],
    ['mode', { rate: '5/min', mode: 'watch' }, `${aMode}, got "watch"`],
    ['mode', { rate: '5/min', mode: true }, `${aMode}, got true`],
    ['mode', { rate: '5/min', mode: null }, `${aMode}, got null`],
    ['lease', { ...leased, mode: 'monitor' }, `${enforcedOnly} is "monitor". ${leaveOut}`],
    ['lease', { ...leased, mode: 'off' }, `${enforcedOnly} is "off". ${leaveOut}`],
    ['lease', { ...leased, mode: () => 'on' }, `${enforcedOnly} is a function. ${leaveOut}`],
    ['unit', { rate: '5/min', unit: '' }, `${aUnit}, got ""`],
    ['unit', { rate: '5/min', unit: 'a "b"' }, `${aUnit}, got "a "b""`],
    ['unit', { rate: '5/min', unit: 'caf\u00e9' }, `${aUnit}, got "caf\u00e9"`],
    ['unit', { rate: '5/min', unit: 5 }, `${aUnit}, got 5 (number)`],
    ['headers', { rate: '5/min', headers: 'none' }, 'expected true or false, got "none"'],
    ['skip', { rate: '5/min', skip: true }, 'expected a function of the call, got true'],
    [
      'onError',
      { rate: '5/min', onError: { local: { share: 0 } } },
      'expected "local", "allow" or "deny", or { local: { share } } with a share above 0 and at most 1, got 0 (number)',
    ],
    [
      'onError',
      { rate: '5/min', onError: 'open' },
      'expected "local", "allow" or "deny", or { local: { share } } with a share above 0 and at most 1, got "open"',
    ],
    ['message', { rate: '5/min', message: '' }, `${aText}, got ""`],
    ['message', { rate: '5/min', message: { code: 'X' } }, `${aText}, got an object with code`],
    ['onDenied', { rate: '5/min', onDenied: 'log' }, 'expected a function of the call and its outcome, got "log"'],
    ['context', { rate: '5/min', context: 'acme' }, `${aContext}, got "acme"`],
    ['context', { rate: '5/min', context: { scope: 5 } }, `${aContext}, got an object with scope`],

    [null, { rate: '5/min', brust: 9 }, `there is no option "brust". Did you mean "burst"? ${known}`],
  ])('for the %s of %j', async (member, options, text) => {
    const expected = `${member === null ? place : option(member)}: ${text}`;
    expect(await startupError(() => boot(options as PolicyOptions))).toBe(expected);
  });
});

describe('a named policy stops startup', () => {
  const named = places.filter(([, place]) => place === 'policies.login');

  it.each<readonly [limit: unknown, shown: string]>([
    [undefined, 'undefined. Is an environment variable or a configuration value missing?'],
    [null, 'null'],
    [Number.NaN, 'NaN (number)'],
    [Promise.resolve('5/min'), 'an instance of Promise'],
    [new Map([['rate', '5/min']]), 'an instance of Map'],
    [5, '5 (number)'],
    [['5/min'], '["5/min"]'],
  ])('for %j', async (limit, shown) => {
    for (const [, place, , boot] of named) {
      expect(await startupError(() => boot(limit as PolicyOptions))).toBe(
        `${place}: expected a rate such as "5/min", or an object with a rate, got ${shown}`,
      );
    }
  });
});
