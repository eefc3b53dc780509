import { definePolicy, type Policy } from '../../../src/index.js';
import { DECIDED, DUE, KEY, NOW, set, settle, spend, stored, window } from './pieces.js';
import type { Scene } from './run.js';

const MOST = Number.MAX_SAFE_INTEGER;

/** A policy of a strategy of a user's own, of those that the watched scripts know. */
function ownPolicy(strategy: 'echo' | 'plain', burst: number): Policy {
  return { ...definePolicy('p', '10/s'), strategy, burst, segments: 1, shape: `${strategy} 1000 1` };
}

const echo = ownPolicy('echo', 2);
const forgetful = ownPolicy('echo', 1);
const plain = ownPolicy('plain', 2);

/** What echo answers: the last digits of the cost that it was given, what it remembered, and how many numbers. */
const told = (cost: number, remembered: number, numbers: number, leftBehind: string | 0 = 0) =>
  [cost <= 10 ? 1 : 0, 10, cost % 1_000_000, remembered, cost <= 10 ? 0 : -1, numbers, 1, leftBehind] as const;

export const ownStrategies: readonly Scene[] = [
  {
    name: 'a strategy that remembers one number',
    runs: [
      spend([[[KEY, echo, 7]]], [DECIDED, ...told(7, 0, 0)], [`SET ${KEY} echo 1000 1 7 PX 1000`]),
      spend([[[KEY, echo, 3]]], [DECIDED, ...told(3, 7, 1)], [`SET ${KEY} echo 1000 1 3 PX 1007`]),
      spend(
        [[[KEY, window, 1]]],
        [DECIDED, 1, 10, 9, 1000, 0, 0, 1000, 'echo 1000 1'],
        [`SET ${KEY} fixed-window 1000 1 ${NOW} 1 PX 2000`],
      ),
    ],
  },
  {
    name: 'a strategy that remembers nothing',
    runs: [
      set('echo 1000 1 5'),
      spend(
        [[[KEY, forgetful, 7]], [[KEY, forgetful, 0]], [[KEY, forgetful, 6]]],
        [DECIDED, ...told(7, 5, 1), DECIDED, ...told(0, 0, 0), DECIDED, ...told(6, 0, 0)],
        [`DEL ${KEY}`],
      ),
      stored(null),
      spend(
        [[[KEY, forgetful, 7]], [[KEY, window, 1]]],
        [DECIDED, ...told(7, 0, 0), DECIDED, 1, 10, 9, 1000, 0, 0, 1000, 0],
        [`SET ${KEY} fixed-window 1000 1 ${NOW} 1 PX 2000`],
      ),
      set('echo 1000 1 5'),
      settle(KEY, echo, [1, 0], [`DEL ${KEY}`]),
    ],
  },
  {
    name: 'a strategy that does not tell what fits',
    runs: [
      set('plain 1000 1 5 6 7'),
      settle(KEY, plain, [1, 0], []),
      spend([[[KEY, plain, 3]]], [DECIDED, ...told(3, 5, 3)], [`SET ${KEY} plain 1000 1 3 PX 1005`]),
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
          DECIDED,
          ...told(0, 0, 0),
          ...told(MOST, 0, 0),
          DECIDED,
          ...told(MOST - 8, 0, 0),
          ...told(MOST - 3, 0, 0),
          ...told(MOST, 0, 0),
        ],
        [],
      ),
    ],
  },
  {
    name: 'a call that is late between others',
    runs: [
      {
        script: 'spend',
        keys: [KEY, KEY, KEY],
        args: [
          '',
          '1',
          'echo',
          '10',
          '1000',
          '2',
          '1',
          ...[DUE, String(NOW - 1), DUE].flatMap((due) => [due, '1', '1', '4']),
        ],
        timeUs: NOW * 1000 + 999,
        expected: {
          reply: [NOW, NOW, DECIDED, ...told(4, 0, 0), 2, DECIDED, ...told(4, 4, 1)],
          written: [`SET ${KEY} echo 1000 1 4 PX 1004`],
        },
      },
    ],
  },
];
