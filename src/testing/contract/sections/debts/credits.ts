import assert from 'node:assert/strict';
import type { Backend } from '../../../../backends/backend.js';
import type { ManualClock } from '../../../../core/clock.js';
import type { Charge } from '../../../../core/decision.js';
import type { BuiltinStrategy } from '../../../../strategies/built-in-strategies.js';
import { calendarArguments } from '../../../../strategies/calendar/quota-windows.js';
import { definePolicy } from '../../../../strategies/define-policy.js';
import { assertFails, assertMembers } from '../../harness/assertions.js';
import type { Bench } from '../../harness/bench.js';
import { checkRandomCases, type Random } from '../../harness/random.js';
import { anyPolicy, randomStart, STRATEGIES, tenPerSecond } from '../../harness/random-policies.js';
import type { Suite } from '../../harness/suite.js';

/** The start of a second, and of a day. */
const START_MS = Date.UTC(2026, 0, 1);
const HUGE = Number.MAX_SAFE_INTEGER;

/** A backend that returns units without receipts, and its clock. */
interface Opened {
  readonly backend: Backend;
  readonly credit: (...charges: readonly Charge[]) => Promise<void>;
  readonly clock: ManualClock;
}

/** Adds a case for backends with `credit`: it passes for others. */
function creditCase(suite: Suite<Bench>, name: string, body: (opened: Opened) => Promise<void>): void {
  suite.case(name, async ({ open }) => {
    const { backend, clock } = await open(START_MS);
    if (backend.credit === undefined) return;
    const credit = async (...charges: readonly Charge[]) => backend.credit?.(charges);
    await body({ backend, credit, clock });
  });
}

/** The milliseconds after which a call of 1 passes if twice the limit (10 a second) was recorded. */
const PASSES_AFTER_MS: Readonly<Record<string, number>> = {
  'fixed-window': 1000,
  // 20 units in the oldest of 10 segments count as 9 when 55 of its 100 ms have left the window.
  'sliding-window': 1055,
  'sliding-log': 1000,
  'token-bucket': 1100,
  gcra: 1100,
  'leaky-bucket': 1100,
};

/** Units that are returned, and debts by hand. */
export function credits(suite: Suite<Bench>): void {
  for (const strategy of STRATEGIES) suite.group(`a credit to a ${strategy}`, () => creditTo(strategy, suite));
  suite.group('a credit', () => {
    creditCase(suite, 'returns the most recent units first', async ({ backend, credit, clock }) => {
      for (const [strategy, waits] of [
        ['sliding-log', [500, 700]],
        ['sliding-window', [600, 800]],
      ] as const) {
        clock.set(START_MS);
        const policy = tenPerSecond(strategy, strategy);
        const ask = (cost: number) => ({ policy, subject: 'ada', cost });
        for (const [afterMs, cost] of [
          [0, 3],
          [200, 4],
          [200, 3],
        ] as const) {
          clock.advance(afterMs);
          assertMembers(await backend.spend([ask(cost)]), { allowed: true });
        }
        clock.advance(100);
        await credit(ask(5));
        // 3 units of the start are left, and 2 of 200 ms later.
        assertMembers((await backend.peek([ask(0)])).decisions[0], { remaining: 5 });
        for (const [i, cost] of [8, 10].entries()) {
          assertMembers((await backend.peek([ask(cost)])).decisions[0], { allowed: false, retryAfterMs: waits[i] });
        }
      }
    });

    creditCase(suite, 'to a quota counts in its window, and does not increase what is carried over', async (opened) => {
      const { backend, credit, clock } = opened;
      const policy = definePolicy('quota', { rate: '10/day', strategy: 'calendar', rollover: 4 });
      const ask = (cost: number): Charge => {
        return { policy, subject: 'ada', cost, arguments: calendarArguments(policy, clock.now()) };
      };
      await backend.spend([ask(14)]);
      await credit(ask(3));
      assertMembers((await backend.peek([ask(0)])).decisions[0], { remaining: 3, window: windowOf(11) });
      await credit(ask(HUGE));
      assertMembers((await backend.peek([ask(0)])).decisions[0], { remaining: 14, resetMs: 0, window: windowOf(0) });
      await backend.spend([ask(14)]);
      clock.advance(86_400_000);
      await credit(ask(5));
      assertMembers((await backend.peek([ask(0)])).decisions[0], { remaining: 10 });
    });

    creditCase(
      suite,
      'applies to several budgets at once, and refuses invalid charges',
      async ({ backend, credit }) => {
        const [a, b] = [tenPerSecond('a', 'fixed-window'), tenPerSecond('b', 'sliding-log')];
        const charges = [a, b].map((policy) => ({ policy, subject: 'ada', cost: 4 }));
        await backend.spend(charges);
        await credit(...charges);
        const { decisions } = await backend.peek(charges.map((charge) => ({ ...charge, cost: 0 })));
        assert.deepEqual(
          decisions.map(({ remaining }) => remaining),
          [10, 10],
        );
        await assertFails(() => credit({ policy: a, subject: 'ada', cost: -1 }), 'RangeError', 'cost');
      },
    );

    suite.case('never exceeds a full limit, and makes room for the returned units', (bench) =>
      checkRandomCases({
        make: sceneOf,
        check: checkOf(bench),
        simpler: () => [],
        runs: bench.runs(1000),
        seed: bench.seed,
      }),
    );
  });
}

const windowOf = (used: number) => ({ startMs: START_MS, endMs: START_MS + 86_400_000, used });

function creditTo(strategy: BuiltinStrategy, suite: Suite<Bench>): void {
  const policy = tenPerSecond('p', strategy);
  const ask = (cost: number): Charge => ({ policy, subject: 'ada', cost });
  const read = async (backend: Backend) => (await backend.peek([ask(0)])).decisions[0];

  creditCase(suite, 'returns units, and no more than were taken', async ({ backend, credit }) => {
    await credit(ask(3));
    assertMembers(await read(backend), { remaining: 10, resetMs: 0 });
    await backend.spend([ask(10)]);
    await credit(ask(4));
    assertMembers(await read(backend), { remaining: 4 });
    await credit(ask(0));
    assertMembers(await read(backend), { remaining: 4 });
    for (const units of [7, HUGE]) {
      await credit(ask(units));
      assertMembers(await read(backend), { remaining: 10, resetMs: 0 });
    }
  });

  creditCase(suite, 'pays off a debt, so that the next call passes earlier, at its exact instant', async (opened) => {
    const { backend, credit, clock } = opened;
    await backend.spend([{ ...ask(20), mode: 'record' }]);
    const waitMs = PASSES_AFTER_MS[strategy] ?? 0;
    assertMembers((await backend.spend([ask(1)])).decisions[0], { allowed: false, remaining: 0, retryAfterMs: waitMs });
    clock.advance(waitMs - 1);
    assertMembers(await backend.spend([ask(1)]), { allowed: false });
    clock.advance(1);
    assertMembers(await backend.peek([ask(1)]), { allowed: true });
    clock.set(START_MS);
    await credit(ask(12));
    assertMembers(await read(backend), { remaining: 2 });
    assertMembers(await backend.spend([ask(2)]), { allowed: true });
    assertMembers(await backend.spend([ask(1)]), { allowed: false });
  });

  creditCase(
    suite,
    'does not affect other subjects, nor units that have drained',
    async ({ backend, credit, clock }) => {
      await backend.spend([ask(6), { ...ask(7), subject: 'bob' }]);
      await credit({ ...ask(7), subject: 'bob' });
      assertMembers(await read(backend), { remaining: 4 });
      clock.advance(2000);
      await credit(ask(6));
      assertMembers(await read(backend), { remaining: 10, resetMs: 0 });
    },
  );
}

const sceneOf = (random: Random) => ({
  policy: anyPolicy(random),
  start: randomStart(random),
  /** Thousandths of the limit that are taken or returned, and thousandths of the period before that. */
  steps: random.list(1, 8, () => ({
    isCredit: random.integer(0, 2) === 0,
    part: random.edgy(1, 1500),
    later: random.edgy(0, 700),
  })),
});

function checkOf({ open }: Bench): (scene: ReturnType<typeof sceneOf>) => Promise<void> {
  const opening = open();
  let scenes = 0;
  return async ({ policy, start, steps }) => {
    const { backend, clock } = await opening;
    if (backend.credit === undefined) return;
    const target = { policy, subject: `ada ${scenes++}` };
    const read = async () => (await backend.peek([{ ...target, cost: 0 }])).decisions[0];
    clock.set(start);
    for (const { isCredit, part, later } of steps) {
      clock.advance(Math.ceil((policy.periodMs * later) / 1000));
      const cost = Math.ceil((policy.burst * part) / 1000);
      if (!isCredit) {
        await backend.spend([{ ...target, cost }]);
        continue;
      }
      const { remaining = 0, limit = 0 } = (await read()) ?? {};
      await backend.credit([{ ...target, cost }]);
      const after = (await read())?.remaining ?? 0;
      assert.ok(after <= limit, `${after} of ${limit} remain`);
      // Units in the oldest segment of a sliding window count only partly.
      const isExact = policy.strategy !== 'sliding-window';
      const least = Math.min(limit, remaining + cost);
      assert.ok(
        isExact ? after === least : after >= remaining && after <= least,
        `${after} remain, ${remaining} before`,
      );
    }
  };
}
