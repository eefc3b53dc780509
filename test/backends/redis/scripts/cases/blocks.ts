import { OverriddenPolicy } from '../../../../../src/backends/overrides/overridden-policy.js';
import type { PreparedCharge } from '../../../../../src/backends/redis/scripts/override-lookup.js';
import { blockArgs, policyArgs } from '../../../../../src/backends/redis/scripts/policy-args.js';
import { SpendRequest } from '../../../../../src/backends/redis/scripts/spend-codec.js';
import type { ChargeMode } from '../../../../../src/core/decision.js';
import type { Policy } from '../../../../../src/core/policy.js';
import { definePolicy } from '../../../../../src/strategies/define-policy.js';
import {
  DUE,
  denied,
  fails,
  GARBAGE,
  holds,
  LATE,
  list,
  NOW,
  set,
  TIME_US,
  UNTOLD,
  WINDOW,
} from '../support/arguments.js';
import type { Run, ScriptCase } from '../support/script-run.js';
import { REFUSED } from '../support/scripts-under-test.js';
import { packed } from './foreign-strings.js';

const KEY = 'sluice:{ada}:p@app:f1000-b';
const BESIDE = `${KEY}!o`;
const SHAPE = `${KEY}!p`;
const OVERRIDE = 'sluice:{org}:override:p';

/** Three denials in a row begin a block of 400 ms, the next one is of 800 ms; both are forgotten after 2000 ms. */
const block = { forMs: 400, after: 3, escalate: [1, 2], forgetAfterMs: 2000 };
const window: Policy = { ...definePolicy('p', { rate: '10/s', strategy: 'fixed-window' }), block };
const once: Policy = { ...window, block: { ...block, after: 1 } };
const byHand: Policy = { ...window, block: { forMs: 0, after: 1, escalate: [1], forgetAfterMs: 0 } };
const plain: Policy = { ...window, strategy: 'plain' };

const MOST = Number.MAX_SAFE_INTEGER;

interface Known {
  readonly until?: number;
  readonly rowAt?: number;
  readonly struckAt?: number;
  readonly row?: number;
  readonly strikes?: number;
}

const numbersOf = ({ until = 0, rowAt = 0, struckAt = 0, row = 0, strikes = 0 }: Known) =>
  [until, rowAt, struckAt, row, strikes] as const;

/** A record under the key, and behind it the units that are used of the window, if there are any. */
function put(known: Known, used?: number, { expiresMs = 0, stateExpiresMs = 0 } = {}, key = KEY): Run {
  const state = used === undefined ? '' : ` .. ${packed('f', stateExpiresMs, NOW, used)}`;
  return set(`${packed('k', expiresMs, ...numbersOf(known))}${state}`, key);
}

/** The write of a record that is kept for a number of milliseconds, or for as long as before. */
function written(known: Known, ttl: number | { kept: number }, state = '', key = KEY): string {
  const [expiresMs, expiry] = typeof ttl === 'number' ? [NOW + ttl, `PX ${ttl}`] : [ttl.kept, 'KEEPTTL'];
  return `SET ${key} S2k ${expiresMs} ${numbersOf(known).join(' ')}${state} ${expiry}`;
}

const used = (units: number, expiresMs = NOW + 2500) => ` S2f ${expiresMs} ${NOW} ${units}`;

type Asked = readonly [policy: Policy, cost: number, mode?: ChargeMode];

/** A call on the key, with the part of the reply that follows the two instants. */
function spend(asked: readonly Asked[], reply: readonly number[], lines: readonly string[], deadline = DUE): Run {
  const charges = asked.map(([policy, cost, mode]) => ({ policy, subject: '', cost, ...(mode && { mode }) }));
  return decides(charges, reply, lines, deadline);
}

function decides(
  charges: readonly PreparedCharge[],
  reply: readonly number[],
  lines: readonly string[],
  deadline = DUE,
): Run {
  const mode = deadline === 'peek' ? 'peek' : 'spend';
  const { args, moreKeys } = new SpendRequest('', [{ charges, mode, deadlineMs: Number(deadline) }]);
  return {
    script: 'spend',
    keys: [...charges.map(() => KEY), ...moreKeys],
    args,
    timeUs: TIME_US,
    expected: { reply: [NOW, NOW, ...reply], written: lines.toSorted() },
  };
}

/** A charge that may be overridden by what is under a key. */
const overridable = (cost: number, policy = window): PreparedCharge => ({
  policy,
  subject: '',
  cost,
  lookup: { besideKeys: [BESIDE, SHAPE], isUnlimited: false, candidates: [{ key: OVERRIDE }], subjects: [''] },
});

/** A settlement of a charge, or, without its instant, units that are given back. */
function settle(
  [from, to]: readonly [number, number],
  lines: readonly string[],
  { at = String(NOW), policy = window, key = KEY }: { at?: string; policy?: Policy; key?: string } = {},
): Run {
  const args = ['', DUE, at, '#', ...policyArgs(policy), String(from), String(to)];
  return { script: 'settle', keys: [key], args, timeUs: TIME_US, expected: { reply: [NOW, 1], written: lines } };
}

interface ByHand {
  readonly deadline?: string;
  readonly instant?: string;
}

/** A run of lua/scripts/block.lua. */
function setBlock(
  forMs: number | '',
  reply: readonly number[],
  lines: readonly string[],
  { deadline = DUE, instant = '' }: ByHand = {},
): Run {
  const args = [instant, deadline, String(forMs)];
  return { script: 'block', keys: [KEY], args, timeUs: TIME_US, expected: { reply: [NOW, ...reply], written: lines } };
}

/** Values that no script of ours writes under the key of a policy with blocks. */
const NO_RECORDS = [
  "''",
  "'hello'",
  "string.rep('x', 46)",
  "string.rep('x', 100)",
  `string.sub(${packed('k', 5, 0, 0, 0, 0, 0)}, 1, 45)`,
  packed('f', 5, 0, 0, 0, 0, 0),
  packed('f', 5, NOW, 1),
  ...[0, 1, 2, 3, 4, 5].map((place) => packed('k', ...[5, 0, 0, 0, 0, 0].map((n, i) => (i === place ? 2 ** 53 : n)))),
];

const foreign: readonly ScriptCase[] = [
  ...NO_RECORDS.map((text) => ({
    name: `the text ${text} under a key of blocks`,
    runs: [
      set(text, KEY),
      settle([5, 0], []),
      settle([0, 5], []),
      settle([5, 0], [], { policy: plain }),
      settle([5, 0], [], { at: '' }),
      holds(text, KEY),
      spend([[window, 1]], [...UNTOLD, GARBAGE], [`DEL ${KEY}`, `DEL ${KEY}`]),
      spend([[window, 10]], [...WINDOW, 1, 0, 1000], [written({}, 2500, used(10))]),
      set(text, KEY),
      spend([[plain, 1]], [...UNTOLD, GARBAGE], [`DEL ${KEY}`, `DEL ${KEY}`]),
      set(text, KEY),
      setBlock(400, [3], [`DEL ${KEY}`]),
      set(text, KEY),
      setBlock('', [3], [`DEL ${KEY}`], { instant: '5000' }),
      set(text, KEY),
      spend([[window, 1]], [...UNTOLD, LATE], [], String(NOW - 1)),
      holds(text, KEY),
    ],
  })),
  {
    name: 'a list under a key of blocks',
    runs: [
      list(KEY),
      settle([5, 0], []),
      { command: ['TYPE', KEY], expected: 'list' },
      spend([[window, 1]], [...UNTOLD, GARBAGE], [`DEL ${KEY}`, `DEL ${KEY}`]),
      list(KEY),
      setBlock(400, [3], [`DEL ${KEY}`]),
    ],
  },
  {
    name: 'the largest numbers of a record, which are ours',
    runs: [
      put({ until: MOST, rowAt: MOST, struckAt: MOST, row: MOST, strikes: MOST }, 1, { expiresMs: MOST }),
      spend([[window, 0]], [...WINDOW, 1, 0, MOST - NOW], []),
    ],
  },
  {
    name: 'a foreign state behind a record: all of it is deleted',
    runs: ["'hello'", packed('t', 5, NOW, 1), packed('f', 5, NOW)].flatMap((text) => [
      set(`${packed('k', 5, 0, 0, 0, 0, 0)} .. ${text}`, KEY),
      settle([5, 0], []),
      spend([[window, 1]], [...UNTOLD, GARBAGE], [`DEL ${KEY}`]),
    ]),
  },
  {
    name: 'a foreign value under a key of blocks, beside which an override counts',
    runs: [
      { command: ['SET', OVERRIDE, 'o1 fixed-window 8 2000 8 1 0'] },
      set("'hello'", KEY),
      decides([overridable(1)], [...UNTOLD, GARBAGE], [`DEL ${KEY}`]),
    ],
  },
  {
    name: 'a key of blocks that cannot be read',
    runs: [
      {
        ...spend([[window, 1]], [], []),
        keys: [REFUSED],
        expected: { error: 'NOPERM refused' },
      },
      { ...settle([5, 0], []), keys: [REFUSED], expected: { error: 'NOPERM refused' } },
      { ...settle([5, 0], [], { policy: plain }), keys: [REFUSED], expected: { error: 'NOPERM refused' } },
      { ...setBlock(400, [], []), keys: [REFUSED], expected: { error: 'NOPERM refused' } },
    ],
  },
];

const handmade: readonly ScriptCase[] = [
  {
    name: 'a block by hand, in place of another one, and its end',
    runs: [
      setBlock(400, [1, 0, NOW + 400, 0], [written({ until: NOW + 400 }, 1750)]),
      setBlock(100, [1, NOW + 400, NOW + 100, 0], [written({ until: NOW + 100 }, { kept: NOW + 1750 })]),
      spend([[window, 1]], [...WINDOW, 12, 0, 0, ...denied(0, 100, 100)], []),
      setBlock('', [1, NOW + 100, 0, 0], [`DEL ${KEY}`]),
      setBlock('', [1, 0, 0, 0], [`DEL ${KEY}`]),
    ],
  },
  {
    name: 'a block by hand: the row of denials is over, the strikes are not, and the state stays',
    runs: [
      put({ until: NOW, rowAt: NOW - 5, struckAt: NOW - 9, row: 2, strikes: 4 }, 7, { expiresMs: NOW + 1399 }),
      setBlock(
        400,
        [1, 0, NOW + 400, 4],
        [written({ until: NOW + 400, struckAt: NOW - 9, strikes: 4 }, 1750, used(7, 0))],
      ),
      put({ until: NOW + 1, row: 2 }, 7, { expiresMs: NOW + 1400 }),
      setBlock(400, [1, NOW + 1, NOW + 400, 0], [written({ until: NOW + 400 }, { kept: NOW + 1400 }, used(7, 0))]),
      setBlock('', [1, NOW + 400, 0, 0], [written({}, { kept: NOW + 1400 }, used(7, 0))]),
    ],
  },
  {
    name: 'a block by hand at an instant that is told',
    runs: [
      setBlock(400, [1, 0, 5400, 0], [written({ until: 5400 }, 4_500_500)], { instant: '5000' }),
      setBlock(400, [2], [], { deadline: String(NOW - 1), instant: '5000' }),
      setBlock('', [2], [], { deadline: String(NOW - 1) }),
      fails('block', ['', DUE, 'x'], 'sluice: expected a whole number, got x'),
      fails('block', ['', 'x', '5'], 'sluice: expected a whole number, got x'),
      fails('block', ['x', DUE, '5'], 'sluice: expected a whole number, got x'),
    ],
  },
];

/** Denials of a window of which all is used, by a record of each of these ages. */
const full = (known: Known, expiresMs = NOW + 9999) => put(known, 10, { expiresMs, stateExpiresMs: NOW + 9999 });
const KEPT = { kept: NOW + 9999 };
const FULL = used(10, NOW + 9999);

/** A first charge at the epoch. */
const atEpoch: Run = {
  script: 'spend',
  keys: [KEY],
  args: new SpendRequest('0', [{ charges: [{ policy: window, subject: '', cost: 1 }], mode: 'spend', deadlineMs: NOW }])
    .args,
  timeUs: TIME_US,
  expected: {
    reply: [NOW, 0, ...WINDOW, 1, 9, 1000],
    written: [written({}, 4_501_250, ` S2f ${NOW + 4_501_250} 0 1`)],
  },
};

const rows: readonly ScriptCase[] = [
  { name: 'a subject that nobody has blocked, at the epoch', runs: [atEpoch] },
  {
    name: 'denials in a row, which is forgotten in time',
    runs: [
      full({}),
      spend([[window, 1]], [...WINDOW, ...denied(0, 1000, 1000)], [written({ rowAt: NOW, row: 1 }, KEPT, FULL)]),
      full({ rowAt: NOW - 1999, row: 1 }),
      spend([[window, 1]], [...WINDOW, ...denied(0, 1000, 1000)], [written({ rowAt: NOW, row: 2 }, KEPT, FULL)]),
      full({ rowAt: NOW - 2000, row: 2 }),
      spend([[window, 1]], [...WINDOW, ...denied(0, 1000, 1000)], [written({ rowAt: NOW, row: 1 }, KEPT, FULL)]),
      full({ rowAt: NOW - 1999, row: 2 }),
      spend(
        [[window, 1]],
        [...WINDOW, 12, 400, 1, ...denied(0, 1000, 1000)],
        [written({ until: NOW + 400, struckAt: NOW, strikes: 1 }, KEPT, FULL)],
      ),
    ],
  },
  {
    name: 'blocks one after the other, of which the ones before are forgotten in time',
    runs: [
      ...[
        [1999, 1, 800],
        [2000, 1, 400],
        [1999, 2, 800],
        [1999, 3, 800],
      ].flatMap(([age = 0, strikes = 0, forMs = 0]) => {
        const now = age === 2000 ? 1 : strikes + 1;
        return [
          full({ until: NOW, struckAt: NOW - age, strikes }),
          spend(
            [[once, 1]],
            [...WINDOW, 12, forMs, now, ...denied(0, 1000, 1000)],
            [written({ until: NOW + forMs, struckAt: NOW, strikes: now }, KEPT, FULL)],
          ),
        ];
      }),
    ],
  },
  {
    name: 'a denial keeps its key as long as it is remembered, and a block as long as it lasts',
    runs: [
      ...[-1, 0].flatMap((ms) => {
        const ttl = ms < 0 ? 3750 : { kept: NOW + 3000 };
        return [
          full({}, NOW + 3000 + ms),
          spend([[window, 1]], [...WINDOW, ...denied(0, 1000, 1000)], [written({ rowAt: NOW, row: 1 }, ttl, FULL)]),
          full({ until: NOW - 1 }, NOW + 3000 + ms),
          spend(
            [[once, 1]],
            [...WINDOW, 12, 400, 1, ...denied(0, 1000, 1000)],
            [written({ until: NOW + 400, struckAt: NOW, strikes: 1 }, ttl, FULL)],
          ),
        ];
      }),
    ],
  },
  {
    name: 'what counts for no row: what never passes, and what is denied where blocks are by hand only',
    runs: [
      full({}),
      spend([[window, 11]], [...WINDOW, ...denied(0, 1000, -1)], []),
      spend([[byHand, 1]], [...WINDOW, ...denied(0, 1000, 1000)], []),
      spend([[window, 1]], [...WINDOW, ...denied(0, 1000, 1000)], [], 'peek'),
      spend([[once, 1]], [...WINDOW, 12, 400, 1, ...denied(0, 1000, 1000)], [], 'peek'),
    ],
  },
  {
    name: 'an admitted charge ends the row; one of nothing, and one that is recorded, do not',
    runs: [
      put({ rowAt: NOW - 5, row: 2 }, 3, { expiresMs: NOW + 9999, stateExpiresMs: NOW + 9999 }),
      spend([[window, 0]], [...WINDOW, 1, 7, 1000], []),
      spend(
        [[window, 1, 'record']],
        [...WINDOW, 1, 6, 1000],
        [written({ rowAt: NOW - 5, row: 2 }, KEPT, used(4, NOW + 9999))],
      ),
      spend([[window, 1]], [...WINDOW, 1, 5, 1000], [written({}, KEPT, used(5, NOW + 9999))]),
    ],
  },
  {
    name: 'a key that expires when nothing of it matters any more: the last of block, row, strikes and state',
    runs: [
      put({ struckAt: NOW - 1000, strikes: 1, rowAt: NOW - 1500, row: 1 }, 3),
      spend([[window, 1]], [...WINDOW, 1, 6, 1000], [written({ struckAt: NOW - 1000, strikes: 1 }, 2500, used(4))]),
      put({ until: NOW + 5000, struckAt: NOW - 1000, strikes: 1, rowAt: NOW - 1500, row: 1 }, 3),
      spend(
        [[window, 1, 'record']],
        [...WINDOW, 1, 0, 5000],
        [
          written(
            { until: NOW + 5000, struckAt: NOW - 1000, strikes: 1, rowAt: NOW - 1500, row: 1 },
            7500,
            used(4, NOW + 7500),
          ),
        ],
      ),
    ],
  },
];

const ofTwoSeconds = new OverriddenPolicy(window, {
  strategy: 'fixed-window',
  limit: 8,
  periodMs: 2000,
  burst: 8,
  segments: 1,
});
const TOLD = [8, 8, 2000, 8, 1] as const;
const besides = [`SET ${BESIDE} S2f ${NOW + 3750} ${NOW} 1 PX 3750`, `SET ${SHAPE} p1 ${NOW + 3750} 2000 1 PX 3750`];

const overridden: readonly ScriptCase[] = [
  {
    name: 'blocks under an override of another period: the record is under the key of the policy',
    runs: [
      { command: ['SET', OVERRIDE, 'o1 fixed-window 8 2000 8 1 0'] },
      put({ rowAt: NOW - 5, row: 2 }, undefined, { expiresMs: NOW + 9999 }),
      decides([overridable(1)], [...UNTOLD, ...TOLD, 3, 1, 8, 7, 2000, 0, 0, 2000], [`DEL ${KEY}`, ...besides]),
      put({ until: NOW + 9 }, 3, { expiresMs: NOW + 9999 }),
      decides([overridable(1)], [...UNTOLD, ...TOLD, 12, 0, 0, 3, 0, 8, 0, 2000, 9, 0, 2000], []),
      put({ until: NOW - 9, rowAt: NOW - 5, row: 2 }, 3, { expiresMs: NOW + 9999 }),
      decides(
        [overridable(8)],
        [...UNTOLD, ...TOLD, 12, 400, 1, 3, 0, 8, 0, 2000, 2000, 0, 2000],
        [written({ until: NOW + 400, struckAt: NOW, strikes: 1 }, KEPT, used(3, 0))],
      ),
    ],
  },
  {
    name: 'units that were taken beside a record are given back there',
    runs: [
      set(packed('f', NOW + 9999, NOW, 5), BESIDE),
      { command: ['SET', SHAPE, `p1 ${NOW + 9999} 2000 1`] },
      {
        script: 'settle',
        keys: [BESIDE, SHAPE],
        args: ['', DUE, String(NOW), '!', '2', ...policyArgs(ofTwoSeconds), '5', '1'],
        timeUs: TIME_US,
        expected: { reply: [NOW, 1], written: [`SET ${BESIDE} S2f ${NOW + 9999} ${NOW} 1 KEEPTTL`] },
      },
    ],
  },
];

const custom: ScriptCase = {
  name: 'a strategy of a user, whose state is behind a record',
  runs: [
    spend([[plain, 4]], [10, 1, 1, 4, 0], [written({}, 1250, ` S2x ${NOW + 1250} 4`)]),
    spend([[plain, 5]], [10, 1, 3, 1, 10, 5, 4, 0, 1, 1], [written({}, { kept: NOW + 1250 }, ` S2x ${NOW + 1250} 5`)]),
    settle([5, 2], [written({}, { kept: NOW + 1250 }, ` S2x ${NOW + 1250} 0 0 5 2 0`)], {
      policy: { ...plain, strategy: 'ledger' },
    }),
    settle([5, 0], [written({}, { kept: NOW + 1250 }, ` S2x ${NOW + 1250} 0 0 10 5 0`)], {
      policy: { ...plain, strategy: 'giver' },
      at: '',
    }),
    settle([3, 900], [written({}, { kept: NOW + 1250 }, ` S2x ${NOW + 1250} 0 0 3 900 0`)], {
      policy: { ...plain, strategy: 'ledger' },
      at: String(NOW),
    }),
    spend([[{ ...plain, burst: 1 }, 6]], [10, 1, 3, 1, 10, 6, 0, 0, 5, 1], [`DEL ${KEY}`]),
  ],
};

const ARGS = ['', '1', ...blockArgs(window), ...policyArgs(window), '1', DUE, '1', '1', '1'];

const invalid: ScriptCase = {
  name: 'blocks that are no numbers',
  runs: ['x', '-1', '1.5', 'nan', ''].flatMap((value) =>
    [3, 4, 5, 6, 7, 8].map((place) =>
      fails(
        'spend',
        ARGS.map((arg, i) => (i === place ? value : arg)),
        `sluice: expected a whole number, got ${value}`,
        [KEY],
      ),
    ),
  ),
};

/** Records of blocks, word for word: random traffic is in random-blocks.ts. */
export const blocks: readonly ScriptCase[] = [...foreign, ...handmade, ...rows, ...overridden, custom, invalid];
