import { policyArgs, spendArgs } from '../../../src/backends/redis-wire.js';
import { definePolicy } from '../../../src/index.js';
import {
  allowed,
  DECIDED,
  DUE,
  fails,
  GARBAGE,
  KEY,
  list,
  NOW,
  OTHER,
  set,
  settle,
  spend,
  stored,
  window,
  written,
} from './pieces.js';
import type { Scene } from './run.js';
import { REFUSED } from './watched.js';

const GARBAGE_TEXTS = [
  '',
  'hello',
  'fixed-window',
  'fixed-window 1000',
  'fixed-window 1000 ',
  'Fixed-window 1000 1 0 0',
  'fixed-window -1000 1 0 0',
  ' fixed-window 1000 1 0 0',
  'fixed-window 1000 1x',
  'fixed-window 1000 1',
  'fixed-window 1000 1 ',
  'fixed-window 2000 1',
  ...['0x10', '1e3', '5\u0000', '+5', 'nan', 'inf', '-1', '1.5', 'x', '9007199254740992', '1e300'].map(
    (n) => `fixed-window 1000 1 ${NOW} ${n}`,
  ),
  `fixed-window 1000 1 nan 5`,
  'fixed-window 1000 1 5',
  `fixed-window 1000 1 ${NOW} 5 5`,
];

/** What counts as no charge yet: nothing, another window, one of the far future. */
const FRESH_TEXTS = ['fixed-window 1000 1 0 10', 'fixed-window 1000 1 9007199254740991 10'];

const garbage: readonly Scene[] = [
  ...GARBAGE_TEXTS.map((text) => ({
    name: `the text ${JSON.stringify(text)} under a key`,
    runs: [
      set(text),
      settle(KEY, window, [5, 0], []),
      stored(text),
      spend([[[KEY, window, 1]]], [GARBAGE], [`DEL ${KEY}`]),
      stored(null),
      spend([[[KEY, window, 1]]], [DECIDED, ...allowed(9)], [written(1)]),
      set(text),
      spend([[[KEY, window, 0]]], [GARBAGE], [`DEL ${KEY}`], 'peek'),
    ],
  })),
  ...FRESH_TEXTS.map((text) => ({
    name: `the text ${JSON.stringify(text)} under a key`,
    runs: [set(text), spend([[[KEY, window, 1]]], [DECIDED, ...allowed(9)], [written(1)])],
  })),
  {
    name: 'another type under a key',
    runs: [
      list(),
      settle(KEY, window, [5, 0], []),
      { command: ['TYPE', KEY], expected: 'list' },
      spend([[[KEY, window, 1]]], [GARBAGE], [`DEL ${KEY}`]),
      spend([[[KEY, window, 1]]], [DECIDED, ...allowed(9)], [written(1)]),
    ],
  },
  {
    name: 'garbage under one key of a call, of which others have more to ask',
    runs: [
      set(`fixed-window 1000 1 ${NOW} 4`, OTHER),
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
        [GARBAGE, DECIDED, ...allowed(8), ...allowed(4), DECIDED, ...allowed(5)],
        [`DEL ${KEY}`, written(5), written(6, OTHER)],
      ),
    ],
  },
  {
    name: 'garbage under all keys of a call',
    runs: [
      list(),
      set('hello', OTHER),
      spend(
        [
          [
            [KEY, window, 1],
            [OTHER, window, 1],
            [KEY, window, 1],
          ],
        ],
        [GARBAGE],
        [`DEL ${KEY}`, `DEL ${KEY}`, `DEL ${OTHER}`],
      ),
      stored(null),
      stored(null, OTHER),
    ],
  },
  {
    name: 'too many numbers, of another shape',
    runs: [
      set('fixed-window 2000 1 1 2 3'),
      settle(KEY, window, [5, 0], []),
      spend([[[KEY, window, 11]]], [DECIDED, 0, 10, 10, 0, -1, 0, 1000, 0], []),
      spend([[[KEY, window, 0]]], [DECIDED, 1, 10, 10, 0, 0, 0, 1000, 0], []),
      spend([[[KEY, window, 1]]], [DECIDED, ...allowed(9, 'fixed-window 2000 1')], [written(1)]),
    ],
  },
  {
    name: 'an error that says nothing about the key',
    runs: [
      fails(
        'spend',
        spendArgs('', [{ charges: [{ policy: window, subject: '', cost: 1 }], deadline: DUE }]),
        'NOPERM refused',
        [REFUSED],
      ),
      fails('settle', ['', DUE, DUE, ...policyArgs(window), '5', '0'], 'NOPERM refused', [REFUSED]),
    ],
  },
];

/** States of too few and too many numbers, a strategy each. */
const misfits: readonly Scene[] = (
  [
    ['sliding-window', ' 2', [3, 5]],
    ['sliding-log', ' 1', [1, 3]],
    ['token-bucket', ' 1', [1, 3]],
    ['gcra', ' 1', [1, 3]],
    ['leaky-bucket', ' 1', [1, 3]],
  ] as const
).flatMap(([strategy, segments, counts]) =>
  counts.map((count) => {
    const policy = definePolicy('p', { rate: '10/s', strategy, ...(strategy === 'sliding-window' && { segments: 2 }) });
    const text = `${strategy} 1000${segments} ${Array.from({ length: count }, () => 5).join(' ')}`;
    return {
      name: `${count} numbers of ${strategy}`,
      runs: [
        set(text),
        settle(KEY, policy, [1, 0], [], 5),
        spend([[[KEY, policy, 0]]], [GARBAGE], [`DEL ${KEY}`], 'peek'),
      ],
    };
  }),
);

export const garbageScenes: readonly Scene[] = [...garbage, ...misfits];
