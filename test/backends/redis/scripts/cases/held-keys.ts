import type { HoldRequest } from '../../../../../src/backends/hold-store.js';
import { changeArgs, type HoldVerb, TakeRequest } from '../../../../../src/backends/redis/scripts/hold-codec.js';
import type { Policy } from '../../../../../src/core/policy.js';
import { definePolicy } from '../../../../../src/strategies/define-policy.js';
import { defineBudget, defineConcurrency } from '../../../../../src/strategies/held/define-held-policy.js';
import { NOW, put, set, TIME_US } from '../support/arguments.js';
import { HoldRecorder } from '../support/hold-recorder.js';
import type { Run, ScriptCase } from '../support/script-run.js';
import { REFUSED } from '../support/scripts-under-test.js';

const budget = defineBudget('p', { budget: '10/s' });
const KEY = `sluice:{ada}:${budget.id}`;
const KEYS = [KEY, `${KEY}!h`, `${KEY}!u`] as const;
const FOREIGN = 5;
const NOT_HELD = 0;

const hold = (id: number, units = 1, policy: Policy = budget): HoldRequest => ({
  policy,
  subject: 'ada',
  id,
  units,
  ttlMs: 1000,
});
const takeArgs = (one: HoldRequest) =>
  new TakeRequest([{ policy: one.policy, subject: '', cost: one.units, hold: one }], 'spend', '', NOW).args;

type Expected = { readonly reply: readonly number[]; readonly written: readonly string[] } | { readonly error: string };
const run = (script: 'take' | 'hold', expected: Expected, keys: readonly string[], args: readonly string[]): Run => ({
  script,
  keys,
  args,
  timeUs: TIME_US,
  expected: 'error' in expected ? expected : { ...expected, reply: [NOW, NOW, ...expected.reply] },
});
const take = (expected: Expected, keys: readonly string[] = KEYS, args = takeArgs(hold(7))) =>
  run('take', expected, keys, args);
const change = (verb: HoldVerb, expected: Expected, keys: readonly string[] = KEYS) =>
  run('hold', expected, keys, changeArgs('', NOW, verb, [hold(7, 0)], 1000));

const deleted: Expected = { reply: [FOREIGN], written: [`DEL ${KEYS.join(' ')}`] };
const zset = (...scores: readonly (readonly [score: number, id: number])[]): Run => ({
  command: ['ZADD', KEYS[1], ...scores.flat().map(String)],
});
const hash = (...fields: readonly string[]): Run => ({ command: ['HSET', KEYS[2], ...fields] });
const gone: Run = { command: ['EXISTS', ...KEYS], expected: 0 };

/** Foreign values under a key of a budget. */
const FOREIGN_VALUES: Readonly<Record<string, readonly Run[]>> = {
  'a text in place of its expiries': [set("'hello'", KEYS[1])],
  'a list in place of its expiries': [{ command: ['RPUSH', KEYS[1], 'x'] }],
  'a text in place of its units': [set("'hello'", KEYS[2])],
  'a text in place of its charges': [set("'hello'", KEYS[0])],
  'a list in place of its charges': [{ command: ['RPUSH', KEYS[0], 'x'] }],
  'a state of another strategy': [put([NOW, 3], { key: KEY, letter: 'l' })],
  'no sum of its units': [zset([NOW + 5, 1]), hash('1', '1')],
  ...Object.fromEntries(
    ['x', '-1', '1.5', '9007199254740992', 'nan', 'inf', ''].map((sum) => [
      `the sum ${JSON.stringify(sum)}`,
      [zset([NOW + 5, 1]), hash('1', '1', '', sum)],
    ]),
  ),
  ...Object.fromEntries(
    ['x', '-1', '1.5', '9007199254740992', '3'].map((units) => [
      `the units ${JSON.stringify(units)} of an expired hold, of 2 in all`,
      [zset([NOW, 1], [NOW + 5, 2]), hash('1', units, '2', '1', '', '2')],
    ]),
  ),
  'an expired hold without units': [zset([NOW, 1], [NOW + 5, 2]), hash('2', '1', '', '1')],
};

const foreign: readonly ScriptCase[] = Object.entries(FOREIGN_VALUES).map(([name, runs]) => ({
  name: `a budget of holds with ${name}`,
  runs: [
    ...[take(deleted), ...(['extend', 'grow', 'end'] as const).map((verb) => change(verb, deleted))].flatMap((one) => [
      ...runs,
      one,
      gone,
    ]),
    // The foreign value is replaced by a new budget.
    change('end', { reply: [NOT_HELD], written: [] }),
  ],
}));

/** The sum of no holds is not read, nor is that of holds that have expired without an error; open holds without units have none. */
const harmless: ScriptCase = {
  name: 'a budget of holds with units that do not matter',
  runs: [
    hash('', 'x'),
    change('end', { reply: [NOT_HELD], written: [] }),
    { command: ['DEL', KEYS[2]] },
    zset([NOW + 5, 7]),
    hash('', '0'),
    change('end', { reply: [1], written: [`DEL ${KEYS[2]}`, `HDEL ${KEYS[2]} 7`, `ZREM ${KEYS[1]} 7`] }),
    zset([NOW + 5, 7], [NOW + 6, 8]),
    hash('7', '4', '8', '1', '', '3'),
    // The units of one are more than those of all.
    change('end', { reply: [1], written: [`HDEL ${KEYS[2]} 7`, `HSET ${KEYS[2]}  0`, `ZREM ${KEYS[1]} 7`] }),
  ],
};

const other = defineConcurrency('q', 5);
const OTHER = `sluice:{ada}:${other.id}`;
const OTHERS = [OTHER, `${OTHER}!h`, `${OTHER}!u`] as const;

/** A hold without units frees none: when it expires, so the wait is that for the next one, and when it ends. */
const unitless: ScriptCase = {
  name: 'a limit of concurrency with a hold without units',
  runs: [
    { command: ['ZADD', OTHERS[1], String(NOW + 5), '7', String(NOW + 6), '9'] },
    { command: ['HSET', OTHERS[2], '9', '5', '', '5'] },
    run('take', { reply: [3, 0, 5, 0, 6, 6, 0, 0, 1], written: [] }, OTHERS, takeArgs(hold(8, 1, other))),
    run(
      'hold',
      { reply: [1], written: [`HDEL ${OTHERS[2]} 7`, `HSET ${OTHERS[2]}  5`, `ZREM ${OTHERS[1]} 7`] },
      OTHERS,
      changeArgs('', NOW, 'end', [hold(7, 0, other)], 1000),
    ),
  ],
};

const unread: ScriptCase = {
  name: 'a budget of holds of which Redis refuses to read a key',
  runs: KEYS.flatMap((_, i) => {
    const keys = KEYS.map((key, at) => (at === i ? REFUSED : key));
    return [take({ error: 'NOPERM refused' }, keys), change('end', { error: 'NOPERM refused' }, keys)];
  }),
};

const CUT = 'sluice: expected a whole number, got nil';
const args = takeArgs(hold(7));
const bad = (words: readonly string[], i: number, value: string) => words.map((word, at) => (at === i ? value : word));
const changed = changeArgs('', NOW, 'extend', [hold(7)], 1000);
const invalid: ScriptCase = {
  name: 'a hold whose numbers are none',
  runs: ['x', '-1', '1.5', 'nan', '9007199254740992', ''].flatMap((value) => {
    const error = `sluice: expected a whole number, got ${value}`;
    // Limit, period, burst and segments of the policy; behind its rule id, units and time to live.
    const numbers = (words: readonly string[]) => [-4, -3, -2, -1, 1, 2, 3].map((i) => words.indexOf('charge') + i);
    return [
      ...numbers(args).map((i) => take({ error }, KEYS, bad(args, i, value))),
      ...numbers(changed).map((i) => run('hold', { error }, KEYS, bad(changed, i, value))),
    ];
  }),
};

const cut: ScriptCase = {
  name: 'a hold that is cut off',
  runs: [
    ...Array.from({ length: 8 }, (_, i) => run('hold', { error: CUT }, KEYS, changed.slice(0, 4 + i))),
    ...Array.from({ length: 7 }, (_, i) =>
      take({ error: CUT }, KEYS, [...args.slice(0, -1), ...args.slice(-10, -9 + i), String(10 + i)]),
    ),
  ],
};

/** The holds before the foreign value are changed, and the reply reports only the foreign value. */
const several: ScriptCase = {
  name: 'several holds, of which one is of a budget that holds a foreign value',
  runs: (['extend', 'end'] as const).flatMap((verb) => {
    const holds = [hold(7, 0, other), hold(8, 0, other), hold(9, 0, other), hold(7, 0)];
    const sound = [0, 1, 2];
    const id = (i: number) => holds[i]?.id ?? 0;
    return [
      { command: ['DEL', ...KEYS, ...OTHERS] },
      {
        command: [
          'ZADD',
          OTHERS[1],
          String(NOW + 5),
          '7',
          String(NOW + 6),
          '8',
          String(NOW + 7),
          '9',
          String(NOW + 8),
          '10',
        ],
      },
      { command: ['HSET', OTHERS[2], '7', '1', '8', '1', '9', '1', '10', '1', '', '4'] },
      set("'hello'", KEYS[1]),
      run(
        'hold',
        {
          reply: [FOREIGN],
          written: [
            `DEL ${KEYS.join(' ')}`,
            ...sound.flatMap((i) =>
              verb === 'extend'
                ? [`ZADD ${OTHERS[1]} XX ${NOW + 1000} ${id(i)}`]
                : [`HDEL ${OTHERS[2]} ${id(i)}`, `HSET ${OTHERS[2]}  ${3 - i}`, `ZREM ${OTHERS[1]} ${id(i)}`],
            ),
            ...(verb === 'extend' ? [`PEXPIRE ${OTHERS[1]} 2000`, `PEXPIRE ${OTHERS[2]} 2000`] : []),
          ].toSorted(),
        },
        holds.flatMap(({ policy }) => (policy === other ? OTHERS : KEYS)),
        changeArgs('', NOW, verb, holds, 1000),
      ),
    ];
  }),
};

const unheld: ScriptCase = {
  name: 'holds by a strategy that holds nothing',
  runs: [
    take(
      { error: 'sluice: cannot hold units of the strategy sliding-window' },
      KEYS,
      bad(args, args.indexOf('fixed-window'), 'sliding-window'),
    ),
    run(
      'hold',
      { error: 'sluice: cannot hold units of the strategy sliding-window' },
      KEYS,
      bad(changed, 3, 'sliding-window'),
    ),
  ],
};

/** Holds at the instant at which one expires: its id is free again, and its units are charged, or free. */
function atExpiry(name: string, policy: Policy): ScriptCase {
  const recorder = new HoldRecorder();
  const request = (id: number, units: number): HoldRequest => hold(id, units, policy);
  const [before, at] = [{ now: NOW + 500 }, { now: NOW + 1500 }];
  const runs = [
    recorder.take([request(1, 3), request(2, 1)], before),
    recorder.take([request(1, 2)], at, { isPeek: true }),
    recorder.take([request(1, 2)], at),
    recorder.extend([request(1, 0), request(2, 0)], 5000, at),
    recorder.end([request(2, 1), request(1, 1)], at),
  ];
  recorder.close();
  return { name: `holds at the instant of an expiry under ${name}`, runs };
}

/** A call is charged unless all of its holds are open: then it was charged before. */
function repeated(): ScriptCase {
  const recorder = new HoldRecorder();
  const rate = definePolicy('api', { rate: '10/s', strategy: 'fixed-window' });
  const take = (...ids: readonly number[]) =>
    recorder.take(
      ids.map((id) => hold(id)),
      { now: NOW + 500 },
      { charges: [{ policy: rate, subject: 'ada', cost: 1 }] },
    );
  const runs = [take(1), take(1), take(2, 1), take(1, 3), take(1, 2), take(3, 2, 1), take(4, 4)];
  recorder.close();
  return { name: 'holds of calls that were taken before, in part or as a whole', runs };
}

/** The most holders that there may be, whose expiries are read by the hundred. */
function manyHolders(name: string, policy: Policy): ScriptCase {
  const recorder = new HoldRecorder();
  const at = { now: NOW + 60_000 };
  const request = (id: number, units = 1, ttlMs = 1000 + id): HoldRequest => ({ ...hold(id, units, policy), ttlMs });
  const runs: Run[] = [];
  for (let first = 1; first < 999; first += 100) {
    const holds = Array.from({ length: Math.min(100, 999 - first) }, (_, i) => request(first + i));
    runs.push(recorder.take(holds, at));
  }
  // 998 holders.
  runs.push(recorder.take([request(2001), request(2002), request(2003)], at));
  for (const units of [1100, 1101, 1201, 1999, 5000, 6000]) runs.push(recorder.take([request(2001, units)], at));
  runs.push(recorder.take([request(999), request(1000)], at, { isPeek: true }));
  runs.push(recorder.take([request(999), request(1000)], at));
  runs.push(recorder.take([request(2001)], at), recorder.take([request(2001, 0)], at));
  runs.push(recorder.take([request(2001, 1050)], at), recorder.take([request(2001), request(2002)], at));
  runs.push(
    recorder.grow(request(1), 500, at),
    recorder.grow(request(1), 1200, at),
    recorder.grow(request(900), 3, at),
  );
  runs.push(recorder.end([request(5), request(6)], at), recorder.take([request(2001), request(2002)], at));
  runs.push(recorder.take([request(2003)], { now: at.now + 1600 }));
  recorder.close();
  return { name: `1000 holders of ${name}`, runs };
}

export const heldKeys: readonly ScriptCase[] = [
  ...foreign,
  harmless,
  unitless,
  unread,
  invalid,
  cut,
  several,
  unheld,
  repeated(),
  atExpiry('a limit of concurrency', defineConcurrency('p', 5)),
  atExpiry('a budget', budget),
  manyHolders('a limit of concurrency', defineConcurrency('p', 2000)),
  manyHolders('a budget', defineBudget('p', { budget: '2000/min' })),
  manyHolders('a budget whose units are free again', defineBudget('p', { budget: '2000/min', onExpiry: 'release' })),
  manyHolders('a budget that carries debts', defineBudget('p', { budget: '2000/s', carryDebt: true })),
];
