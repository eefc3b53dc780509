import type { Policy } from '../../../../../src/core/policy.js';
import { definePolicy } from '../../../../../src/strategies/define-policy.js';
import {
  allowed,
  DUE,
  denied,
  holds,
  KEY,
  kept,
  list,
  NOW,
  OTHER,
  put,
  set,
  spendSeveral,
  spendSeveralBy,
  stored,
  UNDECIDED,
  window,
  written,
} from '../support/arguments.js';
import type { ScriptCase } from '../support/script-run.js';
import { REFUSED } from '../support/scripts-under-test.js';
import { packed } from './foreign-strings.js';

const SOON = String(NOW - 1);
const THIRD = 'sluice:{ada}:r@app:f1000';
const FAR = NOW + 9999;

const smaller = definePolicy('q', { rate: '5/s', strategy: 'fixed-window' });
const queue = definePolicy('b', { rate: '10/s', strategy: 'leaky-bucket', burst: 4 });
const bucket = definePolicy('g', { rate: '10/s', strategy: 'gcra', burst: 4 });
const segmented: Policy = { ...definePolicy('w', { rate: '10/s' }), segments: 4 };

/** A sliding window whose counters are garbage, which a charge in its newest segment does not read. */
const BROKEN = `${packed('w', FAR, Math.floor(NOW / 250), 1, 1, 0)} .. cmsgpack.pack(0, 'x', 0)`;

/** Calls of several plain charges: what spend-several.lua decides by itself, and what it leaves to the general script. */
export const severalCharges: readonly ScriptCase[] = [
  {
    name: 'calls of two charges, of which each takes both, or neither where the second is too much, or the first, or both',
    runs: [
      spendSeveral(
        [
          [
            [KEY, window, 3],
            [OTHER, smaller, 2],
          ],
        ],
        [...allowed(7), ...allowed(3)],
        [written(3), written(2, OTHER)],
      ),
      spendSeveral(
        [
          [
            [KEY, window, 1],
            [OTHER, smaller, 4],
          ],
        ],
        [...allowed(7), ...denied(3, 1000, 1000)],
        [],
      ),
      spendSeveral(
        [
          [
            [KEY, window, 8],
            [OTHER, smaller, 1],
          ],
        ],
        [...denied(7, 1000, 1000), ...allowed(3)],
        [],
      ),
      spendSeveral(
        [
          [
            [KEY, window, 8],
            [OTHER, smaller, 6],
          ],
        ],
        [...denied(7, 1000, 1000), ...denied(3, 1000, -1)],
        [],
      ),
      stored(`S2f ${NOW + 2500} ${NOW} 3`),
      spendSeveral(
        [
          [
            [KEY, window, 7],
            [OTHER, smaller, 3],
          ],
        ],
        [...allowed(0), ...allowed(0)],
        [kept(10), kept(5, { key: OTHER })],
      ),
    ],
  },
  {
    name: 'calls of three charges in a row, each on what those before it leave: a denied one leaves nothing',
    runs: [
      put([NOW, 4], { key: THIRD, expiresMs: FAR }),
      spendSeveral(
        [
          [
            [KEY, window, 2],
            [OTHER, smaller, 1],
            [THIRD, window, 4],
          ],
          [
            [KEY, window, 2],
            [OTHER, smaller, 1],
            [THIRD, window, 4],
          ],
          [
            [THIRD, window, 2],
            [KEY, window, 1],
            [OTHER, smaller, 4],
          ],
          [
            [THIRD, window, 1],
            [KEY, window, 1],
            [OTHER, smaller, 1],
          ],
        ],
        [
          ...[...allowed(8), ...allowed(4), ...allowed(2)],
          ...[...allowed(8), ...allowed(4), ...denied(2, 1000, 1000)],
          ...[...allowed(0), ...allowed(7), ...allowed(0)],
          ...[...denied(0, 1000, 1000), ...allowed(7), ...denied(0, 1000, 1000)],
        ],
        [written(3), written(5, OTHER), kept(10, { key: THIRD, expiresMs: FAR })],
      ),
    ],
  },
  {
    name: 'charges of nothing, which write nothing',
    runs: [
      spendSeveral(
        [
          [
            [KEY, window, 0],
            [OTHER, window, 2],
          ],
        ],
        [1, 10, 0, ...allowed(8)],
        [written(2, OTHER)],
      ),
      spendSeveral(
        [
          [
            [OTHER, window, 0],
            [KEY, window, 0],
          ],
        ],
        [...allowed(8), 1, 10, 0],
        [],
      ),
      stored(null),
    ],
  },
  {
    name: 'arguments word for word: policies, and groups of calls of another number of charges, policy or cost',
    runs: [
      spendSeveralBy(
        [
          ...['', DUE, '2', 'fixed-window', '10', '1000', '10', '1', 'fixed-window', '5', '1000', '5', '1'],
          ...['2', '2', '1', '1', '2', '2'],
          ...['1', '1', '2', '1'],
          ...['1', '3', '1', '1', '2', '0', '1', '3'],
          ...['0', '1', '1', '1'],
          ...['2', '1', '1', '1'],
        ],
        [KEY, OTHER, KEY, OTHER, OTHER, KEY, OTHER, THIRD, KEY, THIRD],
        [
          ...[...allowed(9), ...allowed(3), ...allowed(8), ...allowed(1)],
          ...allowed(0),
          ...[...allowed(7), ...allowed(0), ...allowed(7)],
          ...[...allowed(6), ...allowed(6)],
        ],
        [written(4), written(5, OTHER), written(4, THIRD)],
      ),
    ],
  },
  {
    name: 'an instant that is told, and the deadline of the server',
    runs: [
      {
        script: 'spend-several',
        keys: [KEY, OTHER],
        args: ['5000', DUE, '1', 'fixed-window', '10', '1000', '10', '1', '1', '2', '1', '1', '1', '2'],
        timeUs: NOW * 1000,
        expected: {
          reply: [NOW, 5000, ...allowed(9), ...allowed(8)],
          written: [
            `SET ${KEY} S2f ${NOW + 4_501_250} 5000 1 PX 4501250`,
            `SET ${OTHER} S2f ${NOW + 4_501_250} 5000 2 PX 4501250`,
          ],
        },
      },
    ],
  },
  {
    name: 'calls of several charges that are late, of which nothing is read',
    runs: [
      spendSeveral(
        [
          [
            [REFUSED, window, 1],
            [KEY, window, 1],
          ],
        ],
        [],
        [],
        SOON,
      ),
      stored(null),
      spendSeveral(
        [
          [
            [OTHER, window, 1],
            [KEY, window, 1],
          ],
        ],
        [...allowed(9), ...allowed(9)],
        [written(1), written(1, OTHER)],
      ),
    ],
  },
  {
    name: 'garbage under one key of a call, and what cannot be read: the call is left as it is, and those beside it are decided',
    runs: [
      set("'hello'", OTHER),
      spendSeveral(
        [
          [
            [KEY, window, 1],
            [OTHER, window, 1],
          ],
          [
            [OTHER, window, 1],
            [KEY, window, 1],
          ],
          [
            [KEY, window, 11],
            [OTHER, window, 1],
          ],
          [
            [THIRD, window, 1],
            [REFUSED, window, 1],
            [KEY, window, 1],
          ],
          [
            [KEY, window, 1],
            [THIRD, window, 2],
          ],
        ],
        [UNDECIDED, UNDECIDED, UNDECIDED, UNDECIDED, ...allowed(9), ...allowed(8)],
        [written(1), written(2, THIRD)],
      ),
      holds("'hello'", OTHER),
      spendSeveral(
        [
          [
            [KEY, window, 1],
            [THIRD, window, 1],
          ],
          [
            [KEY, window, 1],
            [OTHER, window, 1],
          ],
        ],
        [...allowed(8), ...allowed(7), UNDECIDED],
        [kept(2), kept(3, { key: THIRD })],
      ),
    ],
  },
  {
    name: 'the largest count that a state holds, which is a state of ours',
    runs: [
      put([NOW, 2 ** 53 - 1], { key: OTHER }),
      spendSeveral(
        [
          [
            [KEY, window, 1],
            [OTHER, window, 1],
          ],
        ],
        [1, 10, 0, ...denied(0, 1000, 1000)],
        [],
      ),
    ],
  },
  {
    name: 'another type under a key of a call',
    runs: [
      list(OTHER),
      spendSeveral(
        [
          [
            [KEY, window, 1],
            [OTHER, window, 1],
          ],
        ],
        [UNDECIDED],
        [],
      ),
      { command: ['TYPE', OTHER], expected: 'list' },
    ],
  },
  {
    name: 'counters that are garbage, found by a charge of nothing, and when another charge is denied: nothing is written',
    runs: [
      set(BROKEN, OTHER),
      spendSeveral(
        [
          [
            [KEY, window, 1],
            [OTHER, segmented, 0],
          ],
        ],
        [UNDECIDED],
        [],
      ),
      spendSeveral(
        [
          [
            [OTHER, segmented, 0],
            [KEY, window, 1],
          ],
        ],
        [UNDECIDED],
        [],
      ),
      spendSeveral(
        [
          [
            [OTHER, segmented, 1],
            [KEY, window, 11],
          ],
        ],
        [UNDECIDED],
        [],
      ),
      holds(BROKEN, OTHER),
      stored(null),
    ],
  },
  {
    name: 'a queue and another bucket in one call: what waits is told in full, and what is denied as it would be at no cost',
    runs: [
      spendSeveral(
        [
          [
            [KEY, queue, 1],
            [OTHER, bucket, 1],
          ],
          [
            [KEY, queue, 1],
            [OTHER, bucket, 2],
          ],
          [
            [KEY, queue, 1],
            [OTHER, bucket, 2],
          ],
          [
            [KEY, queue, 3],
            [OTHER, bucket, 1],
          ],
        ],
        [
          ...[1, 3, 100, 1, 3, 100],
          ...[3, 1, 4, 2, 200, 0, 100, 400, 1, 1, 300],
          ...[1, 2, 200, 2, 1, 300, 100],
          ...[2, 2, 200, 100, 1, 1, 300],
        ],
        [`SET ${KEY} S2b ${NOW + 1375} 2000 ${NOW} PX 1375`, `SET ${OTHER} S2g ${NOW + 1375} 3000 ${NOW} PX 1375`],
      ),
    ],
  },
];
