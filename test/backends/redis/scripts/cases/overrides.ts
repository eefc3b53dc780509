import { OverriddenPolicy } from '../../../../../src/backends/overrides/overridden-policy.js';
import type { OverrideCandidate, PreparedCharge } from '../../../../../src/backends/redis/scripts/override-lookup.js';
import { policyArgs } from '../../../../../src/backends/redis/scripts/policy-args.js';
import { SpendRequest } from '../../../../../src/backends/redis/scripts/spend-codec.js';
import type { ChargeMode } from '../../../../../src/core/decision.js';
import type { Policy } from '../../../../../src/core/policy.js';
import {
  DUE,
  EXPIRES,
  fails,
  KEY,
  LATE,
  list,
  NOW,
  OTHER,
  put,
  set,
  TIME_US,
  UNTOLD,
  WINDOW,
  window,
  written,
} from '../support/arguments.js';
import type { Run, ScriptCase } from '../support/script-run.js';
import { REFUSED } from '../support/scripts-under-test.js';

const BESIDE = `${KEY}!o`;
const SHAPE = `${KEY}!p`;
const FIRST = 'sluice:{org}:override:p';
const SECOND = 'sluice:{team}:override:p';

/** A text of an override, as `encodeOverride` writes it. */
const text = (
  limit: number | string,
  periodMs: number | string,
  expiry: number | string = 0,
  strategy = 'fixed-window',
) => `o1 ${strategy} ${limit} ${periodMs} ${limit} 1 ${expiry}`;

const key = (of = FIRST): OverrideCandidate => ({ key: of });
const inText = (found: string): OverrideCandidate => ({ text: found });

interface Overridable {
  readonly cost?: number;
  readonly isUnlimited?: boolean;
  readonly mode?: ChargeMode;
  readonly policy?: Policy;
  /** The key of the policy's budget. */
  readonly own?: string;
}

function charge(candidates: readonly OverrideCandidate[] | undefined, more: Overridable = {}): PreparedCharge {
  const { cost = 1, isUnlimited = false, mode, policy = window, own = KEY } = more;
  const plain = { policy, subject: '', cost, ...(mode && { mode }) };
  if (candidates === undefined) return plain;
  const lookup = {
    besideKeys: [`${own}!o`, `${own}!p`],
    isUnlimited,
    candidates,
    subjects: candidates.map(() => ''),
  };
  return { ...plain, lookup };
}

/** A run of one call: what it answers, and what it writes. */
function decides(
  charges: readonly PreparedCharge[],
  reply: readonly (number | string)[],
  written: readonly string[],
  { deadline = DUE, keys = charges.map(() => KEY) }: { deadline?: string; keys?: readonly string[] } = {},
): Run {
  const mode = deadline === 'peek' ? 'peek' : 'spend';
  const { args, moreKeys } = new SpendRequest('', [{ charges, mode, deadlineMs: Number(deadline) }]);
  return {
    script: 'spend',
    keys: [...keys, ...moreKeys],
    args,
    timeUs: TIME_US,
    expected: { reply: [NOW, NOW, ...reply], written: written.toSorted() },
  };
}

const setText = (value: string, at = FIRST): Run => ({ command: ['SET', at, value] });

/** The reply for a charge: the rate in force, and the decision in full. */
const overridden = (limit: number, periodMs: number, decision: readonly number[]) => [
  8,
  limit,
  periodMs,
  limit,
  1,
  ...decision,
];
const passes = (limit: number, remaining: number, resetMs: number, periodMs: number) =>
  [3, 1, limit, remaining, resetMs, 0, 0, periodMs] as const;
const UNLIMITED = 9;

/** A window of two seconds in a separate budget, written at its start. */
const BESIDE_EXPIRES = NOW + 3750;
const besides = (used: number) => [
  `SET ${BESIDE} S2f ${BESIDE_EXPIRES} ${NOW} ${used} PX 3750`,
  `SET ${SHAPE} p1 ${BESIDE_EXPIRES} 2000 1 PX 3750`,
];
const keptBeside = (used: number, expiresMs = BESIDE_EXPIRES) =>
  `SET ${BESIDE} S2f ${expiresMs} ${NOW} ${used} KEEPTTL`;
const state = (used: number, expiresMs = BESIDE_EXPIRES) => put([NOW, used], { key: BESIDE, expiresMs });
const shape = (periodMs: number, segments = 1, expiresMs = BESIDE_EXPIRES) =>
  setText(`p1 ${expiresMs} ${periodMs} ${segments}`, SHAPE);

/** Milliseconds until one unit of 8 in two seconds is there again. */
const RESETS: Readonly<Record<string, number>> = { 'sliding-window': 4000, 'sliding-log': 2000, 'token-bucket': 250 };

/** Texts that are no override, by what is wrong with them. */
const UNREADABLE: readonly string[] = [
  'o2 fixed-window 5 1000 5 1 0',
  ' o1 fixed-window 5 1000 5 1 0',
  'o1 fixed-window 5 1000 5 1 0 0',
  'o1 fixed-window 0 1000 5 1 0',
  'o1 fixed-window 5 0 5 1 0',
  'o1 fixed-window 5 1000 0 1 0',
  'o1 fixed-window 5 1000 5 0 0',
  'o1 fixed-window 5 1000 5 3 0',
  'o1 fixed-window 5 1001000 5 1001 0',
  `o1 fixed-window ${2 ** 53} 1000 5 1 0`,
  `o1 fixed-window 5 1000 5 1 ${2 ** 53}`,
  'o1 fixed-window -5 1000 5 1 0',
  'o1 sliding-window 5 1000 5 1 0',
  'o1 unlimited',
  'o1 unlimited 0 0',
  `o1 unlimited ${2 ** 53}`,
  'unlimited 0',
];

const ofTwoSeconds = new OverriddenPolicy(window, {
  strategy: 'fixed-window',
  limit: 8,
  periodMs: 2000,
  burst: 8,
  segments: 1,
});

/** A settlement of a charge that was taken from the separate budget. */
function settlesBeside(
  [from, to]: readonly [number, number],
  written: readonly string[],
  policy: Policy = ofTwoSeconds,
): Run {
  const args = ['', DUE, String(NOW), '!', '2', ...policyArgs(policy), String(from), String(to)];
  return {
    script: 'settle',
    keys: [BESIDE, SHAPE],
    args,
    timeUs: TIME_US,
    expected: { reply: [NOW, 1], written: written.toSorted() },
  };
}

const ledger: Policy = { ...window, strategy: 'ledger', burst: 2, segments: 1 };
const ledgerOfTwoSeconds: Policy = { ...ledger, periodMs: 2000 };

/** The reply for a charge of a strategy whose reset is the cost. */
const ofLedger = (cost: number) => [...UNTOLD, ...overridden(8, 2000, [3, 1, 8, 0, cost, 0, 0, 1000])];

/** Overrides that replace policies, and their separate budgets. */
export const overrides: readonly ScriptCase[] = [
  {
    name: 'an override of the period: in the budget of the policy',
    runs: [
      put([NOW, 3], { expiresMs: EXPIRES }),
      setText(text(5, 1000)),
      decides(
        [charge([key()])],
        [...UNTOLD, ...overridden(5, 1000, passes(5, 1, 1000, 1000))],
        [`SET ${KEY} S2f ${EXPIRES} ${NOW} 4 KEEPTTL`],
      ),
      decides(
        [charge([key()], { cost: 2 })],
        [...UNTOLD, ...overridden(5, 1000, [3, 0, 5, 1, 1000, 1000, 0, 1000])],
        [],
      ),
    ],
  },
  {
    name: 'an override of another period: beside the budget of the policy',
    runs: [
      put([NOW, 9]),
      setText(text(8, 2000)),
      decides([charge([key()])], [...UNTOLD, ...overridden(8, 2000, passes(8, 7, 2000, 2000))], besides(1)),
      decides([charge([key()], { cost: 0 })], [...UNTOLD, ...overridden(8, 2000, passes(8, 7, 2000, 2000))], []),
    ],
  },
  {
    name: 'what is beside, of the same period: kept, and said for longer only where that is due',
    runs: [
      setText(text(8, 2000)),
      state(2),
      shape(2000),
      decides([charge([key()])], [...UNTOLD, ...overridden(8, 2000, passes(8, 5, 2000, 2000))], [keptBeside(3)]),
      shape(2000, 1, NOW + 3000),
      decides([charge([key()])], [...UNTOLD, ...overridden(8, 2000, passes(8, 4, 2000, 2000))], [keptBeside(4)]),
      shape(2000, 1, NOW + 2999),
      decides(
        [charge([key()])],
        [...UNTOLD, ...overridden(8, 2000, passes(8, 3, 2000, 2000))],
        [keptBeside(5), `SET ${SHAPE} p1 ${BESIDE_EXPIRES} 2000 1 PX 3750`],
      ),
    ],
  },
  ...[shape(1999), shape(2000, 2), set("'p2 5 2000 1'", SHAPE), list(SHAPE), { command: ['DEL', SHAPE] }].map(
    (before, i): ScriptCase => ({
      name: `what is beside, of another period or nobody knows which (${i}): as if it were not there`,
      runs: [
        setText(text(8, 2000)),
        state(2),
        before,
        decides([charge([key()])], [...UNTOLD, ...overridden(8, 2000, passes(8, 7, 2000, 2000))], [], {
          deadline: 'peek',
        }),
        decides([charge([key()])], [...UNTOLD, ...overridden(8, 2000, passes(8, 7, 2000, 2000))], besides(1)),
      ],
    }),
  ),
  {
    name: 'what is beside, of another strategy or period, in many bytes: not read either',
    runs: Object.keys(RESETS).flatMap((strategy): Run[] => {
      const policy = { ...window, strategy };
      const own = `${KEY}${strategy}`;
      return [
        setText(text(8, 2000, 0, strategy)),
        set("string.rep('x', 2000)", `${own}!o`),
        decides(
          [charge([key()], { policy, own })],
          [...UNTOLD, ...overridden(8, 2000, passes(8, 7, RESETS[strategy] ?? 0, 2000))],
          [],
          { deadline: 'peek', keys: [own] },
        ),
      ];
    }),
  },
  {
    name: 'an override that expires: over at that instant',
    runs: [
      setText(text(5, 1000, NOW + 1)),
      setText(text(6, 1000, NOW), SECOND),
      decides(
        [charge([key(SECOND), key()])],
        [...UNTOLD, ...overridden(5, 1000, passes(5, 4, 1000, 1000))],
        [written(1)],
      ),
      decides([charge([key(SECOND)])], [...WINDOW, 1, 8, 1000], [`SET ${KEY} S2f ${EXPIRES} ${NOW} 2 KEEPTTL`]),
      setText(`o1 unlimited ${NOW}`),
      decides([charge([key(), key(SECOND)])], [...WINDOW, 1, 7, 1000], [`SET ${KEY} S2f ${EXPIRES} ${NOW} 3 KEEPTTL`]),
      setText(`o1 unlimited ${NOW + 1}`),
      decides([charge([key(), key(SECOND)], { cost: 50 })], [...UNTOLD, UNLIMITED], []),
    ],
  },
  {
    name: 'an override that expires by the instant that decides, and not by the time of the server',
    runs: [
      setText(text(5, 1000, NOW - 1000)),
      {
        script: 'spend',
        keys: [KEY, BESIDE, SHAPE, FIRST],
        args: overridableArgs([charge([key()], { cost: 0 })], String(NOW - 2000)),
        timeUs: TIME_US,
        expected: { reply: [NOW, NOW - 2000, ...UNTOLD, ...overridden(5, 1000, passes(5, 5, 0, 1000))], written: [] },
      },
    ],
  },
  {
    name: 'an override whose burst is not its limit',
    runs: [
      setText('o1 token-bucket 4 1000 6 1 0'),
      decides(
        [charge([key()], { policy: { ...window, strategy: 'token-bucket' } })],
        [...UNTOLD, 8, 4, 1000, 6, 1, ...passes(6, 5, 250, 1500)],
        [],
        { deadline: 'peek' },
      ),
    ],
  },
  {
    name: 'an override with as many segments as there may be',
    runs: [
      setText('o1 fixed-window 8 2000 8 1000 0'),
      decides([charge([key()])], [...UNTOLD, 8, 8, 2000, 8, 1000, ...passes(8, 7, 2000, 2000)], [], {
        deadline: 'peek',
      }),
    ],
  },
  {
    name: 'several overrides: the first one that there is, under a key or as it was read before',
    runs: [
      setText(text(5, 1000), SECOND),
      decides(
        [charge([key(), key(SECOND), inText(text(6, 1000))])],
        [...UNTOLD, ...overridden(5, 1000, passes(5, 4, 1000, 1000))],
        [written(1)],
      ),
      decides(
        [charge([key(), inText(text(6, 1000)), key(SECOND)], { cost: 0 })],
        [...UNTOLD, ...overridden(6, 1000, passes(6, 5, 1000, 1000))],
        [],
      ),
      decides(
        [charge([inText('o2'), key(), key(SECOND)], { cost: 0 })],
        [...UNTOLD, 10, 1, ...overridden(5, 1000, passes(5, 4, 1000, 1000))],
        [],
      ),
      decides([charge([])], [...WINDOW, 1, 8, 1000], [`SET ${KEY} S2f ${EXPIRES} ${NOW} 2 KEEPTTL`]),
    ],
  },
  ...UNREADABLE.map(
    (value): ScriptCase => ({
      name: `an override that cannot be read, ${value}: none`,
      runs: [
        setText(value),
        decides([charge([key(SECOND), key()])], [...WINDOW, 10, 2, 1, 9, 1000], [written(1)]),
        decides([charge([key()], { isUnlimited: true })], [...UNTOLD, 10, 1, UNLIMITED], []),
      ],
    }),
  ),
  {
    name: 'an override under a key of another type, or of a text of nothing: none',
    runs: [
      list(FIRST),
      setText('', SECOND),
      decides([charge([key(), key(SECOND)])], [...WINDOW, 10, 1, 10, 2, 1, 9, 1000], [written(1)]),
    ],
  },
  {
    name: 'an override that Redis refuses to read',
    runs: [fails('spend', overridableArgs([charge([key(REFUSED)])]), 'NOPERM refused', [KEY, BESIDE, SHAPE, REFUSED])],
  },
  {
    name: 'a call that is late, with an override',
    runs: [setText('o1 unlimited 0'), decides([charge([key()])], [...UNTOLD, LATE], [], { deadline: String(NOW - 1) })],
  },
  {
    name: 'a charge without a limit, beside others of its call and its key',
    runs: [
      setText('o1 unlimited 0'),
      decides(
        [
          charge([key()], { cost: 50 }),
          charge(undefined, { cost: 4 }),
          charge([key()], { cost: 50, mode: 'record' }),
          charge(undefined),
        ],
        [...WINDOW, UNLIMITED, 1, 6, 1000, UNLIMITED, 1, 5, 1000],
        [written(5)],
      ),
      decides(
        [charge(undefined, { cost: 6 }), charge([key()], { mode: 'monitor' })],
        [...WINDOW, 2, 5, 1000, 1000, UNLIMITED],
        [],
      ),
      decides([charge([key(SECOND)], { isUnlimited: true })], [...UNTOLD, UNLIMITED], []),
      setText(text(6, 1000), SECOND),
      decides(
        [charge([key(SECOND)], { isUnlimited: true })],
        [...UNTOLD, ...overridden(6, 1000, passes(6, 0, 1000, 1000))],
        [`SET ${KEY} S2f ${EXPIRES} ${NOW} 6 KEEPTTL`],
      ),
    ],
  },
  {
    name: 'an override of the smallest numbers, and an instant that is not the time of the server',
    runs: [
      setText(text(1, 1)),
      decides(
        [charge([key()])],
        [...UNTOLD, ...overridden(1, 1, passes(1, 0, 1, 1))],
        [`SET ${BESIDE} S2f ${NOW + 1252} ${NOW} 1 PX 1252`, `SET ${SHAPE} p1 ${NOW + 1252} 1 1 PX 1252`],
      ),
      setText(text(8, 2000)),
      {
        script: 'spend',
        keys: [KEY, BESIDE, SHAPE, FIRST],
        args: overridableArgs([charge([key()])], String(NOW - 2000)),
        timeUs: TIME_US,
        expected: {
          reply: [NOW, NOW - 2000, ...UNTOLD, ...overridden(8, 2000, passes(8, 7, 2000, 2000))],
          written: [
            `SET ${BESIDE} S2f ${NOW + 4_502_500} ${NOW - 2000} 1 PX 4502500`,
            `SET ${SHAPE} p1 ${NOW + 4_502_500} 2000 1 PX 4502500`,
          ],
        },
      },
    ],
  },
  {
    name: 'two charges on one budget beside, and one on the budget of the policy',
    runs: [
      setText(text(8, 2000)),
      decides(
        [
          charge([key()], { cost: 3 }),
          charge(undefined, { cost: 2 }),
          charge([key()], { cost: 4 }),
          charge(undefined, { own: OTHER }),
        ],
        [
          ...WINDOW,
          ...overridden(8, 2000, passes(8, 5, 2000, 2000)),
          ...[1, 8, 1000],
          ...overridden(8, 2000, passes(8, 1, 2000, 2000)),
          ...[1, 9, 1000],
        ],
        [...besides(7), written(2), written(1, OTHER)],
        { keys: [KEY, KEY, KEY, OTHER] },
      ),
    ],
  },
  {
    name: 'charges of a custom strategy under overrides',
    runs: [
      setText(text(8, 2000, 0, 'ledger')),
      { command: ['SET', BESIDE, 'not of ours'] },
      decides([charge([key()], { policy: ledger, cost: 0 })], ofLedger(0), []),
      decides([charge([key()], { policy: ledger })], ofLedger(1), [
        `SET ${BESIDE} S2x ${NOW + 1252} 1 PX 1252`,
        `SET ${SHAPE} p1 ${NOW + 1252} 2000 1 PX 1252`,
      ]),
      { command: ['DEL', SHAPE] },
      settlesBeside([3, 2], [], ledgerOfTwoSeconds),
      settlesBeside(
        [2, 3],
        [`SET ${BESIDE} S2x ${NOW + 1257} 0 0 2 3 0 PX 1257`, `SET ${SHAPE} p1 ${NOW + 1257} 2000 1 PX 1257`],
        ledgerOfTwoSeconds,
      ),
    ],
  },
  {
    name: 'settlements beside: of the period, of none, and of another one',
    runs: [
      state(5),
      shape(2000),
      settlesBeside([3, 1], [keptBeside(3)]),
      settlesBeside([3, 4], [keptBeside(4)]),
      settlesBeside([3, 3], []),
      shape(2000, 1, NOW + 5),
      settlesBeside([3, 2], [keptBeside(3)]),
      settlesBeside([3, 4], [keptBeside(4), `SET ${SHAPE} p1 ${BESIDE_EXPIRES} 2000 1 PX 3750`]),
      shape(3000),
      settlesBeside([3, 0], []),
      settlesBeside([3, 5], []),
      { command: ['DEL', SHAPE] },
      settlesBeside([3, 0], []),
      settlesBeside([3, 5], besides(2)),
    ],
  },
];

function overridableArgs(charges: readonly PreparedCharge[], instant = ''): readonly string[] {
  return new SpendRequest(instant, [{ charges, mode: 'spend', deadlineMs: Number(DUE) }]).args;
}
