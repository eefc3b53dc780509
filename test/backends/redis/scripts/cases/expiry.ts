import { definePolicy } from '../../../../../src/index.js';
import {
  allowed,
  KEY,
  kept,
  NOW,
  OTHER,
  put,
  settle,
  spend,
  stored,
  WINDOW,
  window,
  written,
} from '../support/arguments.js';
import type { Run, ScriptCase } from '../support/script-run.js';

const larger = definePolicy('p', { rate: '20/s', strategy: 'fixed-window' });
const log = definePolicy('p', { rate: '10/s', strategy: 'sliding-log' });
const one = (expected: 'kept' | 'told', expiresMs: number): readonly Run[] => [
  put([NOW, 4], { expiresMs }),
  spend([[[KEY, window, 1]]], [...WINDOW, ...allowed(5)], [expected === 'kept' ? kept(5, { expiresMs }) : written(5)]),
];

/** A window at its begin matters for a second more than it lasts: until NOW + 2000. */
export const expiries: readonly ScriptCase[] = [
  {
    name: 'a key that expires late enough keeps its expiry, which it is told again when it is too soon',
    runs: [
      ...[NOW + 2000, NOW + 2001, NOW + 2500, NOW + 1e9, 2 ** 53].flatMap((ms) => one('kept', ms)),
      ...[NOW + 1999, NOW + 1, NOW, 1, 0].flatMap((ms) => one('told', ms)),
    ],
  },
  {
    name: 'an expiry is kept by all writes until it is too soon, by a policy of another limit as well',
    runs: [
      spend([[[KEY, window, 1]]], [...WINDOW, ...allowed(9)], [written(1)]),
      spend([[[KEY, window, 2]]], [...WINDOW, ...allowed(7)], [kept(3)]),
      settle(KEY, window, [2, 0], [kept(1)]),
      spend([[[KEY, larger, 3]]], [20, 1000, ...allowed(16)], [kept(4)]),
      settle(KEY, larger, [3, 1], [kept(2)]),
      stored(`S1s ${NOW + 2500} ${NOW} 2`),
    ],
  },
  {
    name: 'what was given back wholly, or dropped, leaves no expiry to keep',
    runs: [
      spend([[[KEY, log, 3]]], [10, 1000, ...allowed(7)], [`SET ${KEY} S1s ${NOW + 2500} ${NOW} 3 PX 2500`]),
      settle(KEY, log, [3, 0], [`DEL ${KEY}`]),
      stored(null),
      spend([[[KEY, window, 1]]], [...WINDOW, ...allowed(9)], [written(1)]),
      { command: ['DEL', KEY] },
      settle(KEY, window, [1, 0], []),
      spend([[[KEY, window, 1]]], [...WINDOW, ...allowed(9)], [written(1)]),
    ],
  },
  {
    name: 'a key that is settled keeps its expiry, however soon that is',
    runs: [0, 1, NOW - 1].flatMap((expiresMs) => [
      put([NOW, 4], { expiresMs }),
      settle(KEY, window, [3, 1], [kept(2, { expiresMs })]),
      stored(`S1s ${expiresMs} ${NOW} 2`),
    ]),
  },
  {
    name: 'calls on keys that expire late enough, too soon, and not yet',
    runs: [
      put([NOW, 4], { expiresMs: NOW + 3000 }),
      put([NOW, 4], { key: OTHER, expiresMs: NOW + 1000 }),
      spend(
        [[[KEY, window, 1]], [[OTHER, window, 1]], [['sluice:{eve}:p@app:f1000', window, 1]], [[KEY, window, 1]]],
        [...WINDOW, ...allowed(5), ...allowed(5), ...allowed(9), ...allowed(4)],
        [kept(6, { expiresMs: NOW + 3000 }), written(5, OTHER), written(1, 'sluice:{eve}:p@app:f1000')],
      ),
    ],
  },
];
