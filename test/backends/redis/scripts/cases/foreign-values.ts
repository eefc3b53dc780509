import { policyArgs } from '../../../../../src/backends/redis/scripts/policy-args.js';
import type { Policy } from '../../../../../src/core/policy.js';
import { definePolicy } from '../../../../../src/strategies/define-policy.js';
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
  spendOne,
  stored,
  UNDECIDED,
  UNTOLD,
  WINDOW,
  window,
  written,
} from '../support/arguments.js';
import { STRATEGIES } from '../support/lua-files.js';
import type { ScriptCase } from '../support/script-run.js';
import { REFUSED } from '../support/scripts-under-test.js';
import { GARBAGE_OF, GARBAGE_TEXTS, packed } from './foreign-strings.js';

/** States that count as empty: none, another window, one in the far future. */
const FRESH = [
  [0, 10],
  [Number.MAX_SAFE_INTEGER, 10],
] as const;

/** A policy by a strategy; of the windows, one of three segments. */
function policyOf(strategy: string): Policy {
  const policy = definePolicy('p', '10/s');
  return { ...policy, strategy, segments: strategy === 'sliding-window' ? 4 : 1 };
}

const oneSegment: Policy = { ...policyOf('sliding-window'), segments: 1 };

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
  ...GARBAGE_OF.flatMap(({ strategy, texts }) => {
    const policy = policyOf(strategy);
    return texts.map((text) => ({
      name: `the text ${text} under a key of ${strategy}`,
      runs: [
        set(text),
        settle(KEY, policy, [5, 0], [], 1),
        holds(text),
        ...(strategy in STRATEGIES ? [spendOne(policy, [KEY], [UNDECIDED], [])] : []),
        holds(text),
        spend([[[KEY, policy, 1]]], [...UNTOLD, GARBAGE], [`DEL ${KEY}`]),
        stored(null),
      ],
    }));
  }),
  ...FRESH.map((numbers) => ({
    name: `a window of ${numbers.join(' ')} under a key`,
    runs: [put(numbers), take(1, 9), put(numbers), spendOne(window, [KEY], allowed(9), [written(1)])],
  })),
  {
    name: 'a sliding window of one segment, with a value behind it that counts as none',
    runs: [
      set(`${packed('w', 5, 1, 2, 2, 3)} .. cmsgpack.pack(nil)`),
      spend([[[KEY, oneSegment, 1]]], [...UNTOLD, GARBAGE], [`DEL ${KEY}`]),
    ],
  },
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
      set(packed('f', NOW + 9999, NOW, 2 ** 53)),
      spend([[[KEY, window, 1]], [[KEY, window, 1]]], [...WINDOW, GARBAGE, ...allowed(9)], [`DEL ${KEY}`, written(1)]),
    ],
  },
  {
    name: 'an error that says nothing about the key',
    runs: [
      fails('spend', spendArgs([[[REFUSED, window, 1]]]), 'NOPERM refused', [REFUSED]),
      fails('spend', spendArgs([[[REFUSED, policyOf('sliding-log'), 1]]]), 'NOPERM refused', [REFUSED]),
      fails('spend', spendArgs([[[REFUSED, policyOf('plain'), 1]]]), 'NOPERM refused', [REFUSED]),
      spendOne(window, [REFUSED, KEY], [UNDECIDED, ...allowed(9)], [written(1)]),
      fails('settle', ['', DUE, DUE, ...policyArgs(window), '5', '0'], 'NOPERM refused', [REFUSED]),
    ],
  },
];

export const foreignValues: readonly ScriptCase[] = garbage;
