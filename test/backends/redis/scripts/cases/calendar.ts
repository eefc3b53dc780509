import { policyArgs } from '../../../../../src/backends/redis/scripts/policy-args.js';
import { SpendRequest } from '../../../../../src/backends/redis/scripts/spend-codec.js';
import type { Charge, Decision } from '../../../../../src/core/decision.js';
import type { Policy } from '../../../../../src/core/policy.js';
import { calendar } from '../../../../../src/strategies/calendar/calendar.js';
import { definePolicy } from '../../../../../src/strategies/define-policy.js';
import { record } from '../../../../../src/strategies/record.js';
import { credited, MAX_COUNT, type State } from '../../../../../src/strategies/strategy.js';
import { type Random, randomFrom } from '../../../../parity/random-trace.js';
import { scaled } from '../../../../support/scale.js';
import { GARBAGE, NOW, put, set, UNTOLD } from '../support/arguments.js';
import type { Run, ScriptCase } from '../support/script-run.js';
import { packed } from './foreign-strings.js';

const CASES = scaled(10, 30);
const TRIALS = 300;
const MOST = Number.MAX_SAFE_INTEGER;
/** Begins of windows of a few milliseconds: near the epoch, where instants are as small as costs, and far from it. */
const BASES = [0, 20, 60, NOW];

/** The charge, its instant and windows, and the value of the key before. */
interface Trial {
  readonly key: string;
  readonly policy: Policy;
  readonly args: readonly number[];
  readonly state: State;
  readonly now: number;
  readonly serverMs: number;
  readonly isTold: boolean;
  readonly random: Random;
}

/** The result of a charge, and the usage up to which thresholds were reported before it. */
interface Told {
  readonly decision: Decision;
  readonly before: number;
}

const one = <Item>(items: readonly Item[], random: Random): Item => items[random(items.length)] as Item;

function randomTrial(random: Random, n: number): Trial {
  const limit = 1 + random(10);
  const burst = one([limit, limit + random(limit + 1), limit + random(30), Math.max(1, limit - random(limit))], random);
  const policy: Policy = { ...definePolicy('p', `${limit}/month`), burst };
  const args = [one(BASES, random) + random(4)];
  while (args.length < 6) args.push((args.at(-1) ?? 0) + (random(8) === 0 ? 0 : 1 + random(9)));
  const first = args[0] ?? 0;
  const around = () => Math.max(0, first - 25 + random(80));
  const edge = () => Math.max(0, (args[random(6)] ?? 0) - random(2));
  const instant = () => (random(2) === 0 ? around() : edge());
  const count = () => one([0, 1, limit, random(limit + 1), random(2 * burst + 2), random(20)], random);
  const rare = () => one([MAX_COUNT, MAX_COUNT - 4 * random(3)], random);
  const state =
    random(5) === 0
      ? []
      : [one([edge(), around(), random(30) === 0 ? MOST : 0, edge()], random), count(), random(20), count()].map(
          (number, i) => (i > 0 && random(40) === 0 ? rare() : number),
        );
  const now = instant();
  const isTold = now !== 0 && random(4) > 0;
  return {
    key: `sluice:{${n}}:p@app:cm`,
    policy,
    args: [one([0, 0, edge(), around(), around() + 40], random), ...args],
    state,
    now,
    serverMs: isTold ? NOW + random(100) : now,
    isTold,
    random,
  };
}

/** The state under the key, which expires too soon, just in time, or late enough for what is written after it. */
function stateBefore({ key, state, random }: Trial, untilMs: number): readonly [expiresMs: number, runs: Run[]] {
  if (state.length === 0) return [0, []];
  const expiresMs = one([0, Math.max(0, untilMs - 1), untilMs, untilMs + 999], random);
  return [expiresMs, [put(state, { key, expiresMs, letter: 'c' })]];
}

const marginOf = ({ isTold }: Trial) => (isTold ? 3_600_000 : 1000);

function lineOf({ key, serverMs }: Trial, state: State, expiresMs: number, untilMs: number): string {
  const ttlMs = Math.ceil((untilMs - serverMs) * 1.25);
  const isKept = expiresMs >= untilMs;
  return `SET ${key} S2c ${isKept ? expiresMs : serverMs + ttlMs} ${state.join(' ')} ${isKept ? 'KEEPTTL' : `PX ${ttlMs}`}`;
}

/** Decides enforced charges on one key, or a single one of another mode, as `Strategy` describes it. */
function decide(trial: Trial, charges: readonly Charge[]) {
  const { policy, args, now, state: found } = trial;
  const read = (): Told => {
    const { decision } = calendar.step(found, now, policy, 0, args);
    return { decision, before: decision.window?.used ?? 0 };
  };
  const told: Told[] = [];
  let [state, total, isDenied, resetMs] = [found, 0, false, 0];
  for (const { cost, mode } of charges) {
    const isFirst = total === 0;
    total = Math.min(total + cost, MOST);
    let result =
      mode === 'record'
        ? record(calendar, state, now, policy, cost, args)
        : calendar.step(state, now, policy, cost, args);
    isDenied ||= !result.decision.allowed;
    if (isDenied && !isFirst && cost > 0) result = calendar.step(found, now, policy, total, args);
    const { decision } = result;
    const isTaken = decision.allowed && cost > 0;
    const peak = state[0] === result.state[0] ? (state[3] ?? 0) : 0;
    told.push({ decision, before: isTaken ? peak : (decision.window?.used ?? 0) });
    if (isTaken) [state, resetMs] = [result.state, decision.resetMs];
  }
  const isRefused = isDenied && charges.every(({ mode }) => mode !== 'monitor');
  return {
    told: isRefused ? told.map((one) => (one.decision.allowed ? read() : one)) : told,
    state: isRefused ? found : state,
    resetMs,
  };
}

function spendTrial(trial: Trial): readonly Run[] {
  const { key, policy, args, now, serverMs, isTold, random } = trial;
  const { limit, burst } = policy;
  const costs = [0, 1, 1, limit, burst, burst + 1, random(limit + 2), random(2 * limit + 2)];
  const mode = one([undefined, undefined, undefined, 'record', 'monitor'] as const, random);
  const isHuge = mode === 'record' && random(4) === 0;
  const costOf = () => (isHuge ? one([MOST, MAX_COUNT, MAX_COUNT - 8], random) : one(costs, random));
  const charges = Array.from({ length: mode === undefined && random(3) === 0 ? 2 : 1 }, (): Charge => {
    return { policy, subject: '', cost: costOf(), arguments: args, ...(mode && { mode }) };
  });
  const isPeek = random(8) === 0;
  const { told, state, resetMs } = decide(trial, charges);
  const isWritten = !isPeek && state !== trial.state;
  const untilMs = serverMs + resetMs + marginOf(trial);
  const [expiresMs, before] = stateBefore(trial, untilMs);
  const [first] = told;
  const call = { charges, mode: isPeek ? 'peek' : 'spend', deadlineMs: serverMs } as const;
  return [
    ...before,
    {
      script: 'spend',
      keys: charges.map(() => key),
      args: new SpendRequest(isTold ? String(now) : '', [call]).args,
      timeUs: serverMs * 1000,
      expected: {
        reply: [
          ...[serverMs, now, first?.decision.limit, first?.decision.windowMs],
          ...told.flatMap((each) => valuesOf(each)),
        ],
        written: isWritten ? [lineOf(trial, state, expiresMs, untilMs)] : [],
      },
    },
  ];
}

function valuesOf({ decision, before }: Told): readonly unknown[] {
  const { allowed, limit, remaining, resetMs, retryAfterMs, windowMs, window } = decision;
  const wait = retryAfterMs ?? -1;
  return [11, allowed ? 1 : 0, limit, remaining, resetMs, wait, 0, windowMs, window?.startMs, window?.used, before];
}

function settleTrial(trial: Trial): readonly Run[] {
  const { key, policy, args, state, now, serverMs, isTold, random } = trial;
  const [start = now] = state;
  const at = one(
    [now, Math.max(0, now - random(12)), start, args[1 + random(6)] ?? 0, Math.min(MOST, start + random(9))],
    random,
  );
  const from = random(12);
  const to = one([0, random(12), from + 1 + random(12), random(20) === 0 ? MOST : from + 1], random);
  const after = calendar.amend(state, now, policy, at, from, to, args);
  const isAmended = after !== state && from !== to && (state.length > 0 || to > from);
  const { resetMs } = calendar.step(after, now, policy, 0, args).decision;
  const untilMs = to > from ? serverMs + resetMs + marginOf(trial) : 0;
  const [expiresMs, before] = stateBefore(trial, untilMs);
  const given = ['+', `${args.length}`, ...args.map(String), ...policyArgs(policy), `${from}`, `${to}`];
  return [
    ...before,
    {
      script: 'settle',
      keys: [key],
      args: [isTold ? String(now) : '', String(serverMs), String(at), ...given],
      timeUs: serverMs * 1000,
      expected: { reply: [serverMs, 1], written: isAmended ? [lineOf(trial, after, expiresMs, untilMs)] : [] },
    },
  ];
}

/** Units that are given back whenever they were taken. */
function creditTrial(trial: Trial): readonly Run[] {
  const { key, policy, args, state, now, serverMs, isTold, random } = trial;
  const units = one([0, 1, random(12), random(12), state[1] ?? 0, MOST], random);
  const after = state.length === 0 || units === 0 ? state : credited(calendar, state, now, policy, units, args);
  const [expiresMs, before] = stateBefore(trial, 0);
  const given = ['+', `${args.length}`, ...args.map(String), ...policyArgs(policy), `${units}`, '0'];
  return [
    ...before,
    {
      script: 'settle',
      keys: [key],
      args: [isTold ? String(now) : '', String(serverMs), '', ...given],
      timeUs: serverMs * 1000,
      expected: { reply: [serverMs, 1], written: after === state ? [] : [lineOf(trial, after, expiresMs, 0)] },
    },
  ];
}

const month = definePolicy('p', '10/month');
const MONTH_ARGS = [0, 1, 2, 3, 4, 5, 6].map((n) => n * 1000);
const KEY = 'sluice:{ada}:p@app:cm';
const EXACT = MOST + 1;

const garbage: readonly ScriptCase[] = [
  ...[
    [EXACT, 1, 1, 1],
    [0, EXACT, 1, 1],
    [0, 1, EXACT, 1],
    [0, 1, 1, EXACT],
    [0, 1, 1],
    [0, 1, 1, 1, 1],
  ].map((numbers) => packed('c', 5, ...numbers)),
  packed('f', 5, 0, 1, 1, 1),
].map((text) => ({
  name: `the text ${text} under a key of calendar`,
  runs: [
    set(text, KEY),
    ...[0, 9].map((to): Run => {
      const given = ['+', '7', ...MONTH_ARGS.map(String), ...policyArgs(month), '5', String(to)];
      const args = ['1', String(NOW), '1', ...given];
      return { script: 'settle', keys: [KEY], args, timeUs: NOW * 1000, expected: { reply: [NOW, 1], written: [] } };
    }),
    {
      script: 'spend',
      keys: [KEY],
      args: new SpendRequest('1', [
        {
          charges: [{ policy: month, subject: '', cost: 1, arguments: MONTH_ARGS }],
          mode: 'spend',
          deadlineMs: NOW,
        },
      ]).args,
      timeUs: NOW * 1000,
      expected: { reply: [NOW, 1, ...UNTOLD, GARBAGE], written: [`DEL ${KEY}`] },
    },
  ],
}));

/** A charge in the middle of a window, under an override, with the part of the reply before its decision. */
function overriddenBy(text: string, [limit, windowMs]: readonly [number, number], told: readonly number[]): ScriptCase {
  const override = 'sluice:{org}:override:p';
  const lookup = {
    besideKeys: [`${KEY}!o`, `${KEY}!p`] as const,
    isUnlimited: false,
    candidates: [{ key: override }],
    subjects: [''],
  };
  const charges = [{ policy: month, subject: '', cost: 1, arguments: MONTH_ARGS, lookup }];
  const { args, moreKeys } = new SpendRequest('2500', [{ charges, mode: 'peek', deadlineMs: 0 }]);
  return {
    name: `a quota under the override ${text}`,
    runs: [
      { command: ['SET', override, text] },
      {
        script: 'spend',
        keys: [KEY, ...moreKeys],
        args,
        timeUs: NOW * 1000,
        expected: { reply: [NOW, 2500, limit, windowMs, ...told], written: [] },
      },
    ],
  };
}

const MONTH_MS = month.periodMs;
/** The reply for the first unit of a limit, at 2500 in the window from 2000 to 3000. */
const oneOf = (limit: number) => [11, 1, limit, limit - 1, 500, 0, 0, 1000, 2000, 1, 0];

const overridden: readonly ScriptCase[] = [
  overriddenBy(`o1 calendar 20 ${MONTH_MS} 20 1 0`, UNTOLD, [8, 20, MONTH_MS, 20, 1, ...oneOf(20)]),
  overriddenBy('o1 calendar 20 86400000 20 1 0', [10, 1000], [10, 1, ...oneOf(10)]),
  overriddenBy(`o1 fixed-window 20 ${MONTH_MS} 20 1 0`, [10, 1000], [10, 1, ...oneOf(10)]),
  overriddenBy('o1 unlimited 0', UNTOLD, [9]),
];

/** Calls of one run: the reply about a quota does not leak into the charge at the same index of the next call. */
function beforeOthers(): ScriptCase {
  const keys = [KEY, ...['ada', 'bob', 'eve'].map((subject) => `sluice:{${subject}}:q@app:f1000`)];
  const window = definePolicy('q', { rate: '10/s', strategy: 'fixed-window' });
  const unit = { policy: window, subject: '', cost: 1 };
  const calls = [
    [{ policy: month, subject: '', cost: 1, arguments: MONTH_ARGS }, unit],
    [unit, unit],
  ];
  const { args } = new SpendRequest(
    '2500',
    calls.map((charges) => ({ charges, mode: 'peek', deadlineMs: 0 })),
  );
  const reply = [NOW, 2500, 10, 1000, 10, 1000, ...oneOf(10), ...[1, 9, 500, 1, 9, 500, 1, 9, 500]];
  return {
    name: 'a quota, and a call on windows after it',
    runs: [{ script: 'spend', keys, args, timeUs: NOW * 1000, expected: { reply, written: [] } }],
  };
}

/** Quotas on windows of a few milliseconds, of which most instants are an edge. */
export const calendars: readonly ScriptCase[] = [
  ...garbage,
  ...overridden,
  beforeOthers(),
  ...Array.from({ length: CASES }, (_, seed) => {
    const random = randomFrom(seed);
    const runs = Array.from({ length: TRIALS }, (__, n) => {
      const trial = randomTrial(random, n);
      const kind = random(6);
      if (kind === 2) return creditTrial(trial);
      return kind < 2 ? settleTrial(trial) : spendTrial(trial);
    });
    return { name: `calendar, seed ${seed}`, runs: runs.flat() };
  }),
];
