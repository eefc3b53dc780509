import { policyArgs } from '../../../../../src/backends/redis/scripts/policy-args.js';
import { definePolicy } from '../../../../../src/index.js';
import {
  allowed,
  DUE,
  fails,
  GARBAGE,
  holds,
  KEY,
  kept,
  list,
  NOW,
  OTHER,
  put,
  set,
  settle,
  spend,
  spendArgs,
  stored,
  UNTOLD,
  WINDOW,
  window,
  written,
} from '../support/arguments.js';
import type { ScriptCase } from '../support/script-run.js';
import { REFUSED } from '../support/scripts-under-test.js';
import { GARBAGE_LOG_TEXTS, GARBAGE_TEXTS, SOUND_TEXTS } from './foreign-strings.js';

/** What counts as no charge yet: nothing, another window, one of the far future. */
const FRESH = [
  [0, 10],
  [Number.MAX_SAFE_INTEGER, 10],
] as const;

const log = definePolicy('p', { rate: '10/s', strategy: 'sliding-log' });

const take = (cost: number, left: number, key = KEY) =>
  spend([[[key, window, cost]]], [...WINDOW, ...allowed(left)], [written(10 - left, key)]);

const garbage: readonly ScriptCase[] = [
  ...GARBAGE_TEXTS.map((text) => ({
    name: `the text ${text} under a key`,
    runs: [
      set(text),
      settle(KEY, window, [5, 0], []),
      holds(text),
      spend([[[KEY, window, 1]]], [...UNTOLD, GARBAGE], [`DEL ${KEY}`]),
      stored(null),
      take(1, 9),
      set(text),
      spend([[[KEY, window, 0]]], [...UNTOLD, GARBAGE], [`DEL ${KEY}`], 'peek'),
      stored(null),
    ],
  })),
  ...GARBAGE_LOG_TEXTS.map((text) => ({
    name: `the text ${text} under the key of a log`,
    runs: [
      set(text),
      settle(KEY, log, [5, 0], [], 1),
      holds(text),
      spend([[[KEY, log, 1]]], [...UNTOLD, GARBAGE], [`DEL ${KEY}`]),
      stored(null),
    ],
  })),
  ...SOUND_TEXTS.map((text) => ({
    name: `the text ${text} under a key`,
    runs: [set(text), take(1, 4), set(text), holds(text)],
  })),
  ...FRESH.map((numbers) => ({
    name: `a window of ${numbers.join(' ')} under a key`,
    runs: [put(numbers), take(1, 9)],
  })),
  {
    name: 'another type under a key',
    runs: [
      list(),
      settle(KEY, window, [5, 0], []),
      { command: ['TYPE', KEY], expected: 'list' },
      spend([[[KEY, window, 1]]], [...UNTOLD, GARBAGE], [`DEL ${KEY}`]),
      take(1, 9),
    ],
  },
  {
    name: 'garbage under one key of a call, of which others have more to ask',
    runs: [
      put([NOW, 4], { key: OTHER }),
      list(),
      spend(
        [
          [
            [OTHER, window, 1],
            [KEY, window, 1],
          ],
          [
            [KEY, window, 2],
            [OTHER, window, 2],
          ],
          [[KEY, window, 3]],
        ],
        [...WINDOW, GARBAGE, ...allowed(8), ...allowed(4), ...allowed(5)],
        [`DEL ${KEY}`, written(5), written(6, OTHER)],
      ),
    ],
  },
  {
    name: 'garbage under a key of the first of calls that are alike, and of the last',
    runs: [
      list(),
      spend(
        [[[KEY, window, 1]], [[KEY, window, 1]], [[KEY, window, 1]]],
        [...WINDOW, GARBAGE, ...allowed(9), ...allowed(8)],
        [`DEL ${KEY}`, written(2)],
      ),
      set("'hello'", OTHER),
      spend(
        [[[KEY, window, 1]], [[KEY, window, 1]], [[OTHER, window, 1]], [[OTHER, window, 1]]],
        [...WINDOW, ...allowed(7), ...allowed(6), GARBAGE, ...allowed(9)],
        [`DEL ${OTHER}`, kept(4), written(1, OTHER)],
      ),
    ],
  },
  {
    name: 'garbage under all keys of a call',
    runs: [
      list(),
      set("'hello'", OTHER),
      spend(
        [
          [
            [KEY, window, 1],
            [OTHER, window, 1],
            [KEY, window, 1],
          ],
        ],
        [...UNTOLD, GARBAGE],
        [`DEL ${KEY}`, `DEL ${OTHER}`],
      ),
      stored(null),
      stored(null, OTHER),
    ],
  },
  {
    name: 'a text that expires late, and is garbage: its expiry is nothing to keep',
    runs: [
      set(`cmsgpack.pack('S1s', ${NOW + 9999}, ${NOW}, 1.5)`),
      spend([[[KEY, window, 1]], [[KEY, window, 1]]], [...WINDOW, GARBAGE, ...allowed(9)], [`DEL ${KEY}`, written(1)]),
    ],
  },
  {
    name: 'an error that says nothing about the key',
    runs: [
      fails('spend', spendArgs([[[REFUSED, window, 1]]]), 'NOPERM refused', [REFUSED]),
      fails('settle', ['', DUE, DUE, ...policyArgs(window), '5', '0'], 'NOPERM refused', [REFUSED]),
    ],
  },
];

/** States of too few and too many numbers, a strategy each. */
const misfits: readonly ScriptCase[] = (
  [
    ['fixed-window', [1, 3]],
    ['sliding-window', [3, 5]],
    ['sliding-log', [1, 3]],
    ['token-bucket', [1, 3]],
    ['gcra', [1, 3]],
    ['leaky-bucket', [1, 3]],
  ] as const
).flatMap(([strategy, counts]) =>
  counts.map((count) => {
    const policy = definePolicy('p', { rate: '10/s', strategy, ...(strategy === 'sliding-window' && { segments: 2 }) });
    const numbers = Array.from({ length: count }, () => 5);
    return {
      name: `${count} numbers of ${strategy}`,
      runs: [
        put(numbers),
        settle(KEY, policy, [1, 0], [], 5),
        stored(['S1s', 0, ...numbers].join(' ')),
        spend([[[KEY, policy, 0]]], [...UNTOLD, GARBAGE], [`DEL ${KEY}`], 'peek'),
      ],
    };
  }),
);

export const foreignValues: readonly ScriptCase[] = [...garbage, ...misfits];
