import { defineBudget, definePolicy, type HoldRequest, type Policy } from '../../../../../src/index.js';
import { calendarArguments } from '../../../../../src/strategies/calendar/quota-windows.js';
import { HoldRecorder, type HoldsAt } from '../support/hold-recorder.js';
import type { Run, ScriptCase } from '../support/script-run.js';

/** The begin of a window of a second, and of an hour. */
const START = 1_760_004_000_000;
const HOUR = 3_600_000;

type Take = (at: number, requests: readonly HoldRequest[], options?: Parameters<HoldRecorder['take']>[2]) => void;
interface Trace {
  readonly take: Take;
  readonly end: (at: number, id: number, units: number) => void;
  readonly request: (id: number, units: number, ttlMs?: number) => HoldRequest;
}

/** How far the clock of a server is from the one that decides. */
const SERVERS = [
  { on: '', apartMs: undefined },
  { on: ', on a server whose clock is behind', apartMs: -1000 * HOUR + 1009 },
  { on: ', on a server whose clock is ahead', apartMs: 1000 * HOUR + 1009 },
];

/** The same holds by the server's clock, and by one that is far from it. */
function traces(
  name: string,
  policy: Policy,
  record: (trace: Trace) => void,
  { begin = START, servers = SERVERS } = {},
): readonly ScriptCase[] {
  return servers.map(({ on, apartMs }) => {
    const recorder = new HoldRecorder();
    const runs: Run[] = [];
    const server = apartMs !== undefined && { serverMs: begin + apartMs };
    const instant = (at: number): HoldsAt => ({ now: begin + at, ...server });
    const windows = policy.calendar && { arguments: calendarArguments(policy, begin) };
    const request = (id: number, units: number, ttlMs = 1000) => ({
      ...{ policy, subject: 'ada', id, units, ttlMs },
      ...windows,
    });
    record({
      request,
      take: (at, requests, options) => runs.push(recorder.take(requests, instant(at), options)),
      end: (at, id, units) => runs.push(recorder.end([request(id, units)], instant(at))),
    });
    recorder.close();
    return { name: `${name}${on}`, runs };
  });
}

/** Many holders take long to record, and the clock does not matter to them. */
function manyHolders(name: string, policy: Policy, record: (trace: Trace) => void): readonly ScriptCase[] {
  return traces(name, policy, record, { servers: SERVERS.slice(0, 1) });
}

const budget = defineBudget('p', { budget: '10/s' });
const indebted = { ...defineBudget('p', { budget: '10/s', carryDebt: true }), burst: 17 };
const rolling = defineBudget('p', { budget: '10/hour', strategy: 'calendar', rollover: 6, carryDebt: true });
const anchored = (limit: number) =>
  defineBudget('p', {
    budget: `${limit}/hour`,
    strategy: 'calendar',
    rollover: 0.6 * limit,
    anchor: new Date(START),
    onExpiry: 'release',
  });
const api = definePolicy('api', { rate: '3/s', strategy: 'fixed-window' });
const denied = { charges: [{ policy: api, subject: 'ada', cost: 4 }] };

/** Holds whose wait, debt or room depends on where a window turns, or on how many holders there are: random holds seldom meet these. */
export const heldWindows: readonly ScriptCase[] = [
  ...traces('a budget that waits for the turn, a millisecond before it', budget, ({ take, end, request }) => {
    take(0, [request(1, 6)]);
    end(10, 1, 6);
    take(500, [request(2, 3)]);
    take(999, [request(3, 4)]);
  }),
  ...traces('a budget that waits for the turn after the expiry of one unit', budget, ({ take, request }) => {
    take(0, [request(1, 1, 300), request(2, 9, 2500)]);
    take(0, [request(3, 1)]);
    take(100, [request(3, 2)]);
  }),
  ...traces('a budget that carries a debt to the next window', indebted, ({ take, end, request }) => {
    for (const [at, units] of [
      [0, 14],
      [5000, 25],
      [10_000, 11],
      [15_000, 10],
    ] as const) {
      take(at, [request(1, 10)]);
      end(at + 10, 1, units);
      for (const later of [10, 999, 1000, 1999, 2000, 3000]) {
        take(at + later, [request(2, 0)], { isPeek: true });
        take(at + later, [request(2, 10)], { isPeek: true });
      }
    }
  }),
  ...traces('a budget that carries a debt beyond the next window', indebted, ({ take, end, request }) => {
    take(0, [request(1, 10)]);
    end(10, 1, 25);
    take(1000, [request(2, 0), request(3, 0)]);
    // The debt of the window before is charged, and leaves none.
    end(1500, 2, 5);
    take(2500, [request(4, 3, 2000)]);
    end(2600, 4, 3);
  }),
  ...traces('a budget that rolls over, and carries a debt to the next window', rolling, ({ take, end, request }) => {
    take(0, [request(1, 10)]);
    end(10, 1, 26);
    for (const at of [HOUR, 2 * HOUR - 1, 2 * HOUR]) {
      take(at, [request(2, 0)], { isPeek: true });
      take(at, [request(2, 16)], { isPeek: true });
    }
  }),
  ...traces(
    'a budget that carries a debt to a longer month',
    defineBudget('p', { budget: '10/month', carryDebt: true }),
    ({ take, end, request }) => {
      take(0, [request(1, 10)]);
      end(10, 1, 14);
      take(20, [request(2, 1)]);
      end(30, 2, 1);
    },
    { begin: Date.UTC(2026, 3, 10) },
  ),
  ...traces('a budget before the first turn that carries units over', anchored(10), ({ take, request }) => {
    take(0, [request(1, 1, 300_000)]);
    take(1000, [request(2, 12)]);
    take(1000, [request(2, 16)]);
    take(1000, [request(2, 17)]);
  }),
  ...manyHolders('a budget of 1000 holders before the first turn', anchored(1000), ({ take, request }) => {
    take(
      0,
      Array.from({ length: 1000 }, (_, i) => request(i, i === 999 ? 101 : 1)),
    );
  }),
  ...manyHolders('a call of 1001 holders', defineBudget('p', { budget: '2000/min' }), ({ take, request }) => {
    take(
      0,
      Array.from({ length: 1001 }, (_, i) => request(i, 1)),
    );
  }),
  ...manyHolders('998 holders, 999, and 1000', defineBudget('p', { budget: '2000/min' }), ({ take, request }) => {
    take(
      0,
      Array.from({ length: 998 }, (_, i) => request(i, 1)),
    );
    take(0, [request(998, 1), request(999, 0)], { isPeek: true });
    take(0, [request(998, 1)]);
    take(1, [request(999, 0)]);
    take(1, [request(999, 5000)]);
    take(1, [request(999, 1)], denied);
    take(2, [request(999, 1)]);
    take(3, [request(1000, 0)], denied);
  }),
];
