import { policyArgs } from '../../../../../src/backends/redis/scripts/policy-args.js';
import { DUE, fails, KEY, NOW, put, spendArgs, spendBy, UNTOLD, window } from '../support/arguments.js';
import type { ScriptCase } from '../support/script-run.js';

const bad = (args: readonly string[], i: number, value: string) => args.map((arg, n) => (n === i ? value : arg));
const SPEND = spendArgs([[[KEY, window, 1]]]);
const SETTLE = ['', DUE, DUE, ...policyArgs(window), '5', '0'];

/** Arguments of a faulty caller are reported: a string that is not a number is not read as one. */
const numbers: readonly ScriptCase[] = ['x', '-1', '1.5', 'nan', '9007199254740992', ''].map((value) => {
  const error = `sluice: expected a whole number, got ${value}`;
  const places = (args: readonly string[], name: number) =>
    args.map((_, i) => i).filter((i) => i !== name && (value !== '' || i > 0));
  return {
    name: `${JSON.stringify(value)} instead of a number`,
    runs: [
      ...places(SPEND, 2).map((i) => fails('spend', bad(SPEND, i, value), error)),
      // No instant gives units back whenever they were taken.
      ...places(SETTLE, 3)
        .filter((i) => value !== '' || i !== 2)
        .map((i) => fails('settle', bad(SETTLE, i, value), error)),
      // Also for a late call: equal calls get equal replies.
      fails('spend', bad(bad(SPEND, 8, String(NOW - 1)), 11, value), error),
    ],
  };
});

const short: ScriptCase = {
  name: 'a call that is cut off',
  runs: [
    ...[1, 4, 6, 8, 9, 10, 11].map((length) =>
      fails('spend', SPEND.slice(0, length), 'sluice: expected a whole number, got nil'),
    ),
    spendBy(SPEND.slice(0, 7), [KEY], [...UNTOLD], []),
    spendBy(['', '0'], [KEY], [], []),
  ],
};

const unknown: ScriptCase = {
  name: 'a strategy that is not known',
  runs: [
    fails('spend', bad(SPEND, 2, 'none'), 'sluice: no strategy of the name none'),
    put([NOW, 5]),
    fails('settle', bad(SETTLE, 3, 'none'), 'sluice: no strategy of the name none'),
  ],
};

export const invalidArguments: readonly ScriptCase[] = [...numbers, short, unknown];
