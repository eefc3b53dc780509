import { policyArgs } from '../../../../../src/backends/redis/scripts/policy-args.js';
import type { Policy } from '../../../../../src/core/policy.js';
import { BUILT_IN_STRATEGIES } from '../../../../../src/strategies/built-in-strategies.js';
import { definePolicy } from '../../../../../src/strategies/define-policy.js';
import { credited, type State } from '../../../../../src/strategies/strategy.js';
import { type StrategyName, strategies } from '../../../../parity/random-trace.js';
import { KEY, NOW, put, stored, TIME_US } from '../support/arguments.js';
import { STRATEGIES } from '../support/lua-files.js';
import type { Run, ScriptCase } from '../support/script-run.js';

const AT = NOW + 300;

/** Units that are given back at the instant AT, whenever they were taken. */
function credit(policy: Policy, units: number, lines: readonly string[], args: readonly string[] = []): Run {
  return {
    script: 'settle',
    keys: [KEY],
    args: [String(AT), String(NOW), '', ...args, ...policyArgs(policy), String(units), '0'],
    timeUs: TIME_US,
    expected: { reply: [NOW, 1], written: lines },
  };
}

/** States around AT, of a limit of 10 a second in two segments: what is used of this period, of the one before, of none. */
const STATES: Readonly<Record<StrategyName, readonly State[]>> = {
  'fixed-window': [NOW - 2000, NOW - 1000, NOW, NOW + 1000, NOW + 2000].map((start) => [start, 6]),
  'sliding-window': [-6, -3, -2, -1, 0, 1, 2, 3, 4].flatMap((n) => [
    [NOW / 500 + n, 2, 3, 4],
    [NOW / 500 + n, 0, 3, 4],
    [NOW / 500 + n, 0, 0, 4],
    [NOW / 500 + n, 0, 0, 0],
  ]),
  'sliding-log': [-2000, -1000, -701, -700, -699, 0, 1000, 1001].map((ms) => [
    AT + ms - 5,
    1,
    AT + ms - 3,
    3,
    AT + ms,
    2,
  ]),
  'token-bucket': buckets(),
  gcra: buckets(),
  'leaky-bucket': buckets(),
};

function buckets(): readonly State[] {
  return [-1001, -1000, -501, -500, -1, 0, 1, 1000, 1001].flatMap((ms) => [
    [5000, AT + ms],
    [1, AT + ms],
    [0, AT + ms],
  ]);
}

function creditsOf(strategy: StrategyName): ScriptCase {
  const twin = BUILT_IN_STRATEGIES.find(({ name }) => name === strategy);
  const letter = STRATEGIES[strategy]?.letter ?? '';
  const policy = definePolicy('p', {
    rate: '10/s',
    strategy,
    ...(strategy === 'sliding-window' && { segments: 2 }),
    ...(strategy === 'gcra' && { burst: 10 }),
  });
  if (twin === undefined) throw new Error(`there is no strategy ${strategy}`);
  const runs = STATES[strategy].flatMap((state) =>
    [1, 2, 3, 4, 5, 6, 7, 9, 10, Number.MAX_SAFE_INTEGER].flatMap((units) => {
      const after = credited(twin, state, AT, policy, units);
      const line = after.length === 0 ? `DEL ${KEY}` : `SET ${KEY} S2${letter} 5 ${after.join(' ')} KEEPTTL`;
      return [put(state, { letter, expiresMs: 5 }), credit(policy, units, after === state ? [] : [line])];
    }),
  );
  const nothing = [{ command: ['DEL', KEY] }, credit(policy, 3, []), stored(null)];
  return { name: `units of ${strategy} that are given back whenever they were taken`, runs: [...runs, ...nothing] };
}

const giver: Policy = { ...definePolicy('p', '10/s'), strategy: 'giver', segments: 1 };
const ledger: Policy = { ...giver, strategy: 'ledger' };

const custom: ScriptCase = {
  name: 'units of strategies of users that are given back whenever they were taken',
  runs: [
    put([8], { letter: 'x', expiresMs: 5 }),
    credit(giver, 3, [`SET ${KEY} S2x 5 300 8 10 3 0 KEEPTTL`]),
    credit(giver, 100, []),
    credit(giver, 4, [`SET ${KEY} S2x 5 300 300 10 4 9 KEEPTTL`], ['+', '1', '9']),
    // Without a part of its own for that, it is as if they had been taken now.
    credit(ledger, 3, [`SET ${KEY} S2x 5 300 300 3 0 0 KEEPTTL`]),
    { command: ['DEL', KEY] },
    credit(giver, 3, []),
    credit(ledger, 3, []),
  ],
};

export const credits: readonly ScriptCase[] = [...strategies.map(creditsOf), custom];
