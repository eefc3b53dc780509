import { policyArgs } from '../../../../../src/backends/redis/scripts/policy-args.js';
import { definePolicy } from '../../../../../src/strategies/define-policy.js';
import {
  allowed,
  DUE,
  denied,
  KEY,
  kept,
  LATE,
  NOW,
  OTHER,
  put,
  spend,
  spendArgs,
  spendBy,
  stored,
  UNTOLD,
  WINDOW,
  window,
  written,
} from '../support/arguments.js';
import type { ScriptCase } from '../support/script-run.js';
import { REFUSED } from '../support/scripts-under-test.js';

const smaller = definePolicy('p', { rate: '5/s', strategy: 'fixed-window' });
const SOON = String(NOW - 1);

/** Arguments of calls as they are told, of a window and, of a smaller one, in second place. */
const told = (...calls: readonly (readonly (string | number)[])[]) => [
  '',
  '2',
  ...policyArgs(window),
  ...policyArgs(smaller),
  ...calls.flat().map(String),
];

/** Calls that are alike are told once; each is decided by itself, on what those before it leave. */
export const equalCalls: readonly ScriptCase[] = [
  {
    name: 'calls that are alike, on one key and on another',
    runs: [
      spendBy(
        told([5, DUE, 1, 1, 3]),
        [KEY, OTHER, KEY, KEY, KEY],
        [...WINDOW, ...UNTOLD, ...allowed(7), ...allowed(7), ...allowed(4), ...allowed(1), ...denied(1, 1000, 1000)],
        [written(9), written(3, OTHER)],
      ),
      stored(`S2f ${NOW + 2500} ${NOW} 9`),
    ],
  },
  {
    name: 'calls in a row of another cost, policy, deadline, number of charges, and such that only look',
    runs: [
      spendBy(
        told(
          [2, DUE, 1, 1, 1],
          [1, DUE, 1, 1, 2],
          [1, DUE, 1, 2, 1],
          [2, SOON, 1, 2, 1],
          [1, String(NOW + 1), 2, 2, 0, 1, 1],
          [2, 'peek', 1, 1, 4],
          [2, 'peek', 1, 1, 5],
          [1, DUE, 1, 1, 4],
        ),
        [KEY, KEY, KEY, KEY, KEY, KEY, KEY, OTHER, KEY, OTHER, KEY, OTHER, KEY],
        [
          ...[...WINDOW, 5, 1000],
          ...[...allowed(9), ...allowed(8)],
          ...allowed(6),
          ...allowed(0),
          ...[LATE, LATE],
          ...[...allowed(0), ...[1, 9, 1000]],
          ...[...allowed(1), ...[1, 5, 1000]],
          ...[...allowed(0), ...[1, 4, 1000]],
          ...allowed(1),
        ],
        [written(9), written(1, OTHER)],
      ),
    ],
  },
  {
    name: 'calls of no charge, and no call, between others',
    runs: [
      spendBy(
        told([1, DUE, 1, 1, 1], [3, DUE, 0], [0, DUE, 1, 1, 1], [2, DUE, 1, 1, 1]),
        [KEY, KEY, OTHER],
        [...WINDOW, ...UNTOLD, ...allowed(9), ...allowed(8), ...allowed(9)],
        [written(2), written(1, OTHER)],
      ),
    ],
  },
  {
    name: 'calls that are alike, of several charges on one key each, the last of them too much',
    runs: [
      put([NOW, 2], { expiresMs: NOW + 9999 }),
      spendBy(
        told([3, DUE, 2, 1, 2, 1, 1]),
        [KEY, KEY, OTHER, KEY, KEY, KEY],
        [
          ...[...WINDOW, ...UNTOLD],
          ...[...allowed(6), ...allowed(5)],
          ...[...allowed(8), ...allowed(4)],
          ...[...allowed(2), ...allowed(1)],
        ],
        [kept(9, { expiresMs: NOW + 9999 }), written(2, OTHER)],
      ),
      spendBy(
        told([2, DUE, 2, 1, 1, 1, 1]),
        [KEY, KEY, OTHER, OTHER],
        [...WINDOW, ...UNTOLD, ...allowed(1), ...denied(1, 1000, 1000), ...allowed(7), ...allowed(6)],
        [kept(4, { key: OTHER })],
      ),
    ],
  },
  {
    name: 'calls that are alike, and all late, of which nothing is read',
    runs: [
      spendBy(told([3, SOON, 1, 1, 1]), [REFUSED, KEY, KEY], [...UNTOLD, ...UNTOLD, LATE, LATE, LATE], []),
      spend([[[KEY, window, 1]]], [...WINDOW, ...allowed(9)], [written(1)], String(NOW)),
      spend([[[KEY, window, 1]]], [...UNTOLD, LATE], [], SOON),
    ],
  },
  {
    name: 'a policy that is told and not asked for',
    runs: [
      spendBy([...spendArgs([[[KEY, window, 1]]]).slice(0, 7)], [KEY], [...UNTOLD], []),
      spendBy(told([1, DUE, 1, 2, 1]), [KEY], [...UNTOLD, 5, 1000, 1, 4, 1000], [written(1)]),
    ],
  },
];
