import { policyArgs } from '../../../../../src/backends/redis/scripts/policy-args.js';
import type { Policy } from '../../../../../src/core/policy.js';
import { definePolicy } from '../../../../../src/strategies/define-policy.js';
import {
  allowed,
  DUE,
  denied,
  EXPIRES,
  fails,
  KEY,
  kept,
  list,
  NOW,
  put,
  set,
  spend,
  stored,
  TIME_US,
  WINDOW,
  window,
  written,
} from '../support/arguments.js';
import type { Run, ScriptCase } from '../support/script-run.js';
import { REFUSED } from '../support/scripts-under-test.js';
import { GARBAGE_TEXTS } from './foreign-strings.js';

const DECIDED = 1;
const LATE = 2;
const GARBAGE = 3;

const argsOf = (policy: Policy, wanted: number, due = DUE, instant = '') => [
  instant,
  due,
  ...policyArgs(policy),
  String(wanted),
];

/** A run of lua/scripts/lease.lua by the server's clock. */
function lease(
  wanted: number,
  reply: readonly (number | string)[],
  lines: readonly string[],
  { policy = window, due = DUE, instant = '' }: { policy?: Policy; due?: string; instant?: string } = {},
): Run {
  const now = instant === '' ? NOW : Number(instant);
  const args = argsOf(policy, wanted, due, instant);
  return {
    script: 'lease',
    keys: [KEY],
    args,
    timeUs: TIME_US,
    expected: { reply: [NOW, now, ...reply], written: lines },
  };
}

const granted = (units: number, left: number, endsInMs = 1000) => [DECIDED, units, left, endsInMs] as const;

const smaller = definePolicy('p', { rate: '5/s', strategy: 'fixed-window' });

/** Another instant than the server's. */
const TOLD = { instant: String(NOW - 2000 + 400) };

export const leases: readonly ScriptCase[] = [
  {
    name: 'units that are leased until there are none',
    runs: [
      lease(4, granted(4, 6), [written(4)]),
      lease(5, granted(5, 1), [kept(9)]),
      lease(5, granted(1, 0), [kept(10)]),
      lease(5, granted(0, 0), []),
      lease(0, granted(0, 0), []),
      stored(`S2f ${EXPIRES} ${NOW} 10`),
    ],
  },
  {
    name: 'units that are leased beside charges',
    runs: [
      spend([[[KEY, window, 7]]], [...WINDOW, ...allowed(3)], [written(7)]),
      lease(5, granted(3, 0), [kept(10)]),
      spend([[[KEY, window, 1]]], [...WINDOW, ...denied(0, 1000, 1000)], []),
    ],
  },
  {
    name: 'units of a limit that has been lowered, of which more are used',
    runs: [lease(8, granted(8, 2), [written(8)]), lease(1, granted(0, 0), [], { policy: smaller })],
  },
  {
    name: 'units of a limit, whatever the burst is',
    runs: [1, 20].map((burst, i) =>
      lease(4, granted(4, 6 - 4 * i), [i === 0 ? written(4) : kept(8)], { policy: { ...window, burst } }),
    ),
  },
  {
    name: 'units of another window',
    runs: [put([NOW - 1000, 10]), lease(3, granted(3, 7), [written(3)])],
  },
  {
    name: 'units of an instant that is told',
    runs: [
      lease(3, granted(3, 7, 600), [`SET ${KEY} S2f ${NOW + 4_500_750} ${NOW - 2000} 3 PX 4500750`], TOLD),
      lease(9, granted(7, 0, 600), [`SET ${KEY} S2f ${NOW + 4_500_750} ${NOW - 2000} 10 KEEPTTL`], TOLD),
      set("'hello'"),
      lease(3, [GARBAGE], [`DEL ${KEY}`], TOLD),
    ],
  },
  {
    name: 'units in the midst of a window of the server',
    runs: [
      {
        script: 'lease',
        keys: [KEY],
        args: argsOf(window, 4, String(NOW + 456)),
        timeUs: (NOW + 456) * 1000,
        expected: {
          reply: [NOW + 456, NOW + 456, ...granted(4, 6, 544)],
          written: [`SET ${KEY} S2f ${NOW + 456 + 1930} ${NOW} 4 PX 1930`],
        },
      },
    ],
  },
  {
    name: 'units under a key that expires late enough, or too soon',
    runs: [
      put([NOW, 4], { expiresMs: NOW + 2000 }),
      lease(3, granted(3, 3), [kept(7, { expiresMs: NOW + 2000 })]),
      put([NOW, 4], { expiresMs: NOW + 1999 }),
      lease(3, granted(3, 3), [written(7)]),
      put([NOW - 1000, 4], { expiresMs: NOW + 9999 }),
      lease(3, granted(3, 7), [kept(3, { expiresMs: NOW + 9999 })]),
    ],
  },
  {
    name: 'units that are asked for in time, and too late',
    runs: [
      lease(3, [LATE], [], { due: String(NOW - 1) }),
      lease(3, [LATE], [], { due: String(NOW - 1), instant: '5' }),
      stored(null),
      lease(3, granted(3, 7), [written(3)], { due: String(NOW) }),
      lease(3, granted(3, 4), [kept(6)], { due: String(NOW + 1) }),
    ],
  },
  {
    name: 'no units of a budget of which nothing is used',
    runs: [lease(0, granted(0, 10, 0), []), stored(null)],
  },
  ...GARBAGE_TEXTS.map((text) => ({
    name: `the text ${text} where units are leased`,
    runs: [set(text), lease(3, [GARBAGE], [`DEL ${KEY}`]), stored(null), lease(3, granted(3, 7), [written(3)])],
  })),
  {
    name: 'a list where units are leased',
    runs: [list(), lease(3, [GARBAGE], [`DEL ${KEY}`]), stored(null)],
  },
  {
    name: 'units that cannot be read, of a broken caller, or of no known strategy',
    runs: [
      fails('lease', argsOf(window, 3), 'NOPERM refused', [REFUSED]),
      ...[1, 3, 4, 5, 6, 7].flatMap((i) =>
        ['x', '-1', '1.5', ''].map((value) =>
          fails(
            'lease',
            argsOf(window, 3).map((arg, n) => (n === i ? value : arg)),
            `sluice: expected a whole number, got ${value}`,
          ),
        ),
      ),
      fails('lease', ['x', ...argsOf(window, 3).slice(1)], 'sluice: expected a whole number, got x'),
      fails('lease', argsOf({ ...window, strategy: 'none' }, 3), 'sluice: no strategy of the name none'),
    ],
  },
];
