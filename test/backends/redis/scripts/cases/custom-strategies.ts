import { policyArgs } from '../../../../../src/backends/redis/scripts/policy-args.js';
import type { Policy } from '../../../../../src/core/policy.js';
import { definePolicy } from '../../../../../src/strategies/define-policy.js';
import {
  allowed,
  DUE,
  KEY,
  kept,
  NOT_RECORDED,
  NOW,
  OTHER,
  put,
  settle,
  spend,
  spendBy,
  stored,
  UNTOLD,
  WINDOW,
  window,
  written,
} from '../support/arguments.js';
import type { CustomName } from '../support/custom-lua.js';
import type { Run, ScriptCase } from '../support/script-run.js';

const MOST = Number.MAX_SAFE_INTEGER;
/** The state is one of a custom strategy. */
const OWN = { letter: 'x' } as const;

/** A policy of one of the custom strategies of the scripts under test. */
function ownPolicy(strategy: CustomName, burst: number): Policy {
  return { ...definePolicy('p', '10/s'), strategy, burst, segments: 1 };
}

const echo = ownPolicy('echo', 2);
const boundless = ownPolicy('echo', 3);
const forgetful = ownPolicy('echo', 1);
const plain = ownPolicy('plain', 2);
const varied = ownPolicy('varied', 2);
const ledger = ownPolicy('ledger', 2);
const rude = ownPolicy('rude', 2);

/** Settles a charge by ledger of 400 ms of a second, at 700 ms by the server and unless said otherwise, with more arguments. */
function settleLedger(
  [from, to]: readonly [number, number],
  written: readonly string[],
  more: readonly string[],
  instant = '',
): Run {
  const args = [
    instant,
    String(NOW + 700),
    String(NOW + 400),
    ...more,
    ...policyArgs(ledger),
    String(from),
    String(to),
  ];
  return {
    script: 'settle',
    keys: [KEY],
    args,
    timeUs: (NOW + 700) * 1000,
    expected: { reply: [NOW + 700, 1], written },
  };
}

/** How long the state of a settled ledger is kept: its reset is 705 ms, at 700 ms of a second. */
const LEDGER_TTL = Math.ceil(1705 * 1.25);
/** The same at 100 ms of a caller's clock, with an hour more. */
const TOLD_TTL = Math.ceil((105 + 3_600_000) * 1.25);

/** The limit and window of echo in a reply; its window is the number of segments. */
const ECHO = [10, 1] as const;

/** The reply of echo: the last digits of the cost, the number in its state, and the length of its state. */
function told(cost: number, remembered: number, numbers: number) {
  const [allowed, wait] = cost <= 10 ? [1, 0] : [0, -1];
  const left = cost % 1_000_000;
  if (numbers > 0) return [3, allowed, 10, left, remembered, wait, numbers, 1] as const;
  return allowed === 1 ? ([1, left, remembered] as const) : ([2, left, remembered, wait] as const);
}

/** The write of echo: with an expiry one second and 25 % later than its reset. */
function echoed(number: number, resetMs: number, key = KEY): string {
  const ttlMs = Math.ceil((NOW + resetMs + 1000 - NOW) * 1.25);
  return `SET ${key} S2x ${NOW + ttlMs} ${number} PX ${ttlMs}`;
}

/** Numbers at which MessagePack changes its format, and the largest exact ones. */
const EDGES = [1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 52 + 1, MOST - 1, MOST];

export const customStrategies: readonly ScriptCase[] = [
  {
    name: 'a strategy that remembers one number',
    runs: [
      spend([[[KEY, echo, 7]]], [...ECHO, ...told(7, 0, 0)], [echoed(7, 0)]),
      spend([[[KEY, echo, 12]]], [...ECHO, ...told(12, 7, 1)], []),
      spend([[[KEY, echo, 3]]], [...ECHO, ...told(3, 7, 1)], [`SET ${KEY} S2x ${NOW + 1250} 3 KEEPTTL`]),
    ],
  },
  ...EDGES.map((number) => ({
    name: `the number ${number}, written and read`,
    runs: [
      spend([[[KEY, boundless, number]]], [...ECHO, 1, number % 1_000_000, 0], [echoed(number, 0)]),
      put([number, 5, number], OWN),
      settle(KEY, varied, [1, 0], [`SET ${KEY} S2x 0 ${number} 5 ${number} KEEPTTL`]),
    ],
  })),
  {
    name: 'numbers that are remembered for long',
    runs: [2 ** 31, 2 ** 50, 2 ** 52].flatMap((number) => [
      put([number], OWN),
      spend([[[KEY, echo, 5]]], [...ECHO, ...told(5, number, 1)], [echoed(5, number)]),
    ]),
  },
  {
    name: 'a strategy that remembers nothing',
    runs: [
      put([5], OWN),
      spend(
        [[[KEY, forgetful, 7]], [[KEY, forgetful, 0]], [[KEY, forgetful, 6]]],
        [...ECHO, ...told(7, 5, 1), ...told(0, 0, 0), ...told(6, 0, 0)],
        [`DEL ${KEY}`, `DEL ${KEY}`],
      ),
      stored(null),
      settle(KEY, echo, [1, 0], []),
      spend(
        [[[KEY, forgetful, 7]], [[KEY, window, 1]]],
        [...ECHO, ...WINDOW, ...told(7, 0, 0), ...allowed(9)],
        [`DEL ${KEY}`, written(1)],
      ),
      put([5], OWN),
      settle(KEY, echo, [1, 0], [`DEL ${KEY}`]),
      put([5], { ...OWN, expiresMs: NOW + 9999 }),
      spend([[[KEY, forgetful, 7]]], [...ECHO, ...told(7, 5, 1)], [`DEL ${KEY}`]),
      spend([[[KEY, echo, 7]]], [...ECHO, ...told(7, 0, 0)], [echoed(7, 0)]),
    ],
  },
  {
    name: 'a strategy that does not tell what fits',
    runs: [
      put([5, 6, 7], OWN),
      settle(KEY, plain, [1, 0], []),
      spend([[[KEY, plain, 3]]], [...ECHO, ...told(3, 5, 3)], [`SET ${KEY} S2x ${NOW + 1257} 3 PX 1257`]),
    ],
  },
  {
    name: 'a strategy whose decisions have other limits and windows',
    runs: [
      spend(
        [[[KEY, varied, 0]], [[KEY, varied, 3]], [[KEY, varied, 0]], [[KEY, varied, 4]], [[OTHER, varied, 0]]],
        [
          10, 1000, 1, 5, 7, 3, 1, 13, 5, 7, 0, 0, 1000, 3, 1, 10, 5, 7, 0, 0, 1003, 3, 1, 14, 5, 7, 0, 0, 1003, 1, 5,
          7,
        ],
        [`SET ${KEY} S2x ${NOW + 1259} 4 PX 1259`],
      ),
      // The reply has the limit and the window of the first decision of each policy.
      spend(
        [[[KEY, varied, 2]], [[OTHER, { ...varied }, 0]], [[KEY, varied, 2]], [[OTHER, varied, 0]]],
        [12, 1004, 10, 1000, 1, 5, 7, 1, 5, 7, 3, 1, 12, 5, 7, 0, 0, 1002, 3, 1, 10, 5, 7, 0, 0, 1000],
        [`SET ${KEY} S2x ${NOW + 1259} 2 KEEPTTL`],
      ),
    ],
  },
  {
    name: 'a strategy that changes the state it is given, on keys without any and on one that has one',
    runs: [
      put([5], OWN),
      spend(
        [[[OTHER, rude, 2]], [[KEY, rude, 3]], [['sluice:{ada}:r@app:x-rude-1000', rude, 4]]],
        [10, 1000, 1, 2, 7, 1, 8, 7, 1, 4, 7],
        [
          `SET ${KEY} S2x ${NOW + 1259} 8 PX 1259`,
          `SET ${OTHER} S2x ${NOW + 1259} 2 PX 1259`,
          `SET sluice:{ada}:r@app:x-rude-1000 S2x ${NOW + 1259} 4 PX 1259`,
        ],
      ),
    ],
  },
  {
    name: 'a strategy that remembers how it was called, settled down and up, on keys that exist and that do not',
    runs: [
      settleLedger([4, 2], [], []),
      settleLedger([4, 4], [], []),
      settleLedger([2, 3], [`SET ${KEY} S2x ${NOW + 700 + LEDGER_TTL} 700 400 2 3 0 PX ${LEDGER_TTL}`], []),
      settleLedger([4, 1], [`SET ${KEY} S2x ${NOW + 700 + LEDGER_TTL} 700 400 4 1 9 KEEPTTL`], ['+', '2', '9', '8']),
      put([5], { ...OWN, expiresMs: NOW + 700 + 1704 }),
      settleLedger(
        [1, 2],
        [`SET ${KEY} S2x ${NOW + 700 + LEDGER_TTL} 700 400 1 2 9 PX ${LEDGER_TTL}`],
        ['+', '1', '9'],
      ),
      put([5], { ...OWN, expiresMs: NOW + 700 + 1705 }),
      settleLedger([1, 9], [`SET ${KEY} S2x ${NOW + 700 + 1705} 700 400 1 9 0 KEEPTTL`], []),
      put([5], { ...OWN, expiresMs: 3 }),
      settleLedger([9, 1], [`SET ${KEY} S2x 3 700 400 9 1 0 KEEPTTL`], []),
      settleLedger([1, 2], [`SET ${KEY} S2x ${NOW + 700 + TOLD_TTL} 100 400 1 2 0 PX ${TOLD_TTL}`], [], `${NOW + 100}`),
    ],
  },
  {
    name: 'charges with arguments, of which the second is recorded, and the third is on the key of the first',
    runs: [
      spendBy(
        [
          ...['', '1', ...policyArgs(ledger), '1', DUE, '3'],
          ...['+', '1', '9', '1', '3'],
          ...['record', '+', '2', '7', '8', '1', '2'],
          ...['+', '1', '5', '1', '4'],
        ],
        [KEY, OTHER, KEY],
        [10, 1000, 1, 9, 3, 1, 7, 5, 1, 5, 5],
        [`SET ${KEY} S2x ${NOW + 1257} 4 PX 1257`, `SET ${OTHER} S2x ${NOW + 1257} 0 0 0 2 7 PX 1257`],
      ),
    ],
  },
  {
    name: 'a charge, and one on its key that is recorded, of an instant that is told',
    runs: [
      {
        script: 'spend',
        keys: [KEY, KEY],
        args: [`${NOW + 100}`, '1', ...policyArgs(ledger), '1', DUE, '2', '1', '3', 'record', '1', '2'],
        timeUs: NOW * 1000,
        expected: {
          reply: [NOW, NOW + 100, 10, 1000, 1, 0, 103, 1, 0, 105],
          written: [`SET ${KEY} S2x ${NOW + TOLD_TTL} 100 100 0 2 0 PX ${TOLD_TTL}`],
        },
      },
    ],
  },
  ...[1, 2, 3, 4, 5, 6].map((member) => ({
    name: `a strategy that leaves out member ${member} of its decision: the reply ends there`,
    runs: [spend([[[KEY, ownPolicy('partial', member), 1]], [[OTHER, window, 1]]], [...UNTOLD, ...UNTOLD], [])],
  })),
  {
    name: 'a charge of 1 that is recorded, by a state of one number',
    runs: [
      put([5], OWN),
      spendBy(
        ['', '1', ...policyArgs(varied), '1', DUE, '1', 'record', '1', '1'],
        [KEY],
        [10, 1005, 1, 5, 7],
        [`SET ${KEY} S2x ${NOW + 1259} 5 PX 1259`],
      ),
    ],
  },
  {
    name: 'a charge, and one of 0 that is recorded',
    runs: [
      spendBy(
        ['', '1', ...policyArgs(plain), '1', DUE, '2', '1', '1', 'record', '1', '0'],
        [KEY, KEY],
        [...ECHO, ...told(1, 0, 0), ...told(0, 1, 1)],
        [echoed(1, 0)],
      ),
    ],
  },
  ...[echo, plain].map((policy) => ({
    name: `a charge that ${policy.strategy} does not record, of a call that takes nothing, and a call after it`,
    runs: [
      spendBy(
        [
          '',
          '2',
          ...policyArgs(policy),
          ...policyArgs(window),
          '1',
          DUE,
          '2',
          '2',
          '1',
          'record',
          '1',
          '3',
          '1',
          DUE,
          '1',
          '2',
          '4',
        ],
        [OTHER, KEY, OTHER],
        [...UNTOLD, ...WINDOW, NOT_RECORDED, ...allowed(6)],
        [written(4, OTHER)],
      ),
    ],
  })),
  {
    name: 'a window that is settled up, on a key that does not exist',
    runs: [
      settle(KEY, window, [3, 3], []),
      settle(KEY, window, [3, 2], []),
      settle(KEY, window, [3, 4], [written(1)]),
      settle(KEY, window, [0, 12], [kept(13)]),
    ],
  },
  {
    name: 'charges on one key whose sum is more than can be counted',
    runs: [
      spend(
        [
          [
            [KEY, echo, 5],
            [KEY, echo, MOST],
          ],
          [
            [KEY, echo, MOST - 8],
            [KEY, echo, 5],
            [KEY, echo, 6],
          ],
        ],
        [
          ...ECHO,
          ...told(0, 0, 0),
          ...told(MOST, 0, 0),
          ...told(MOST - 8, 0, 0),
          ...told(MOST - 3, 0, 0),
          ...told(MOST, 0, 0),
        ],
        [],
      ),
    ],
  },
];
