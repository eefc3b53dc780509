import { definePolicy } from '../../../../../src/strategies/define-policy.js';
import {
  allowed,
  KEY,
  kept,
  NOW,
  OTHER,
  put,
  settle,
  spend,
  spendOne,
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

/** A charge on a state of another strategy, which matters until `untilMs` then: on keys that expire about then. */
function aboutThen(
  strategy: string,
  letter: string,
  states: readonly (readonly number[])[],
  untilMs: number,
): ScriptCase {
  const policy = definePolicy('p', { rate: '10/s', strategy, ...(letter === 'w' && { segments: 2 }) });
  const [before = [], after = []] = states;
  const ttlMs = Math.ceil((untilMs - NOW) * 1.25);
  const resetMs = untilMs - NOW - 1000;
  const runs = [-1, 0, 1].flatMap((ms) => {
    const expiresMs = untilMs + ms;
    const line = [after.join(' '), ms < 0 ? `PX ${ttlMs}` : 'KEEPTTL'].join(' ');
    const writes = [`SET ${KEY} S2${letter} ${ms < 0 ? NOW + ttlMs : expiresMs} ${line}`];
    const reply = [...allowed(8).slice(0, 2), resetMs];
    return [
      put(before, { letter, expiresMs }),
      spend([[[KEY, policy, 1]]], [10, 1000, ...reply], writes),
      put(before, { letter, expiresMs }),
      spendOne(policy, [KEY], reply, writes),
    ];
  });
  return { name: `a key of ${strategy} that expires about when its state matters no longer`, runs };
}

const newest = NOW / 500;
/** Entries of a long log that have left the period but for one. */
const gone = Array.from({ length: 40 }, (_, i) => [NOW - 1000 - 40 + i, 1]).flat();

/** A window at its begin matters for a second more than it lasts: until NOW + 2000. */
export const expiries: readonly ScriptCase[] = [
  aboutThen(
    'sliding-window',
    'w',
    [
      [newest, 1, 0, 0],
      [newest, 2, 0, 0],
    ],
    NOW + 2500,
  ),
  aboutThen(
    'sliding-window',
    'w',
    [
      [newest - 1, 1, 0, 0],
      [newest, 1, 1, 0],
    ],
    NOW + 2500,
  ),
  aboutThen(
    'token-bucket',
    't',
    [
      [1000, NOW],
      [2000, NOW],
    ],
    NOW + 1200,
  ),
  aboutThen(
    'sliding-log',
    'l',
    [
      [NOW - 1, 1],
      [NOW - 1, 1, NOW, 1],
    ],
    NOW + 2000,
  ),
  aboutThen(
    'sliding-log',
    'l',
    [
      [...gone, NOW - 1, 1],
      [NOW - 1, 1, NOW, 1],
    ],
    NOW + 2000,
  ),
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
      stored(`S2f ${NOW + 2500} ${NOW} 2`),
    ],
  },
  {
    name: 'what was given back wholly, or dropped, leaves no expiry to keep',
    runs: [
      spend([[[KEY, log, 3]]], [10, 1000, ...allowed(7)], [`SET ${KEY} S2l ${NOW + 2500} ${NOW} 3 PX 2500`]),
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
      stored(`S2f ${expiresMs} ${NOW} 2`),
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
