import type { HoldReference, HoldRequest } from '../../../../../src/backends/hold-store.js';
import type { Charge } from '../../../../../src/core/decision.js';
import type { Policy } from '../../../../../src/core/policy.js';
import { calendarArguments } from '../../../../../src/strategies/calendar/quota-windows.js';
import { definePolicy } from '../../../../../src/strategies/define-policy.js';
import { defineBudget, defineConcurrency } from '../../../../../src/strategies/held/define-held-policy.js';
import { type Random, randomFrom } from '../../../../parity/random-trace.js';
import { scaled } from '../../../../support/scale.js';
import { HoldRecorder, type HoldsAt } from '../support/hold-recorder.js';
import type { Run, ScriptCase } from '../support/script-run.js';

const CASES = scaled(6, 12);
const RUNS = 60;
/** The begin of a window of a second, and of an hour. */
const START = 1_760_004_000_000;
const HOUR = 3_600_000;
/** By which holds of months are apart: three times that is the longest time that a hold may have. */
const TEN_DAYS = 240 * HOUR;
/** The time of a server whose clock does not decide, and is far from the one that does. */
const SERVERS = [undefined, START - 1000 * HOUR + 1009, undefined, START + 1000 * HOUR + 1009];

const api = definePolicy('api', { rate: '3/s', strategy: 'fixed-window' });

/** No budget of windows without a rollover reads the burst. */
const unread = { burst: 17 } as const;

const budgets = {
  'a limit of concurrency': { ...defineConcurrency('p', 5), ...unread },
  'a budget': { ...defineBudget('p', { budget: '10/s' }), ...unread },
  'a budget of calendar hours that rolls over': defineBudget('p', {
    budget: '10/hour',
    strategy: 'calendar',
    rollover: 6,
  }),
  'a budget of units that are free again when they expire': defineBudget('p', { budget: '10/s', onExpiry: 'release' }),
  'a budget that carries debts': { ...defineBudget('p', { budget: '10/s', carryDebt: true }), ...unread },
  'a budget of calendar hours': defineBudget('p', { budget: '10/hour', strategy: 'calendar' }),
  'a budget of calendar hours that carries debts': defineBudget('p', {
    budget: '10/hour',
    strategy: 'calendar',
    carryDebt: true,
  }),
  'a budget of calendar hours that rolls over and carries debts': defineBudget('p', {
    budget: '10/hour',
    strategy: 'calendar',
    rollover: 6,
    carryDebt: true,
  }),
  'a budget of calendar months that carries debts': defineBudget('p', { budget: '10/month', carryDebt: true }),
} as const;

const pick = <Item>(items: readonly [Item, ...Item[]], random: Random): Item => items[random(items.length)] ?? items[0];

function reference(policy: Policy, id: number, now: number, subject = 'ada'): HoldReference {
  const windows = policy.calendar && { arguments: calendarArguments(policy, now) };
  return { policy, subject, id, ...windows };
}

/** Everything that can be done to a budget, at random instants and edges. */
function randomHolds(name: string, policy: Policy, seed: number): ScriptCase {
  const random = randomFrom(seed);
  const recorder = new HoldRecorder();
  const unit = policy.calendar === undefined ? 1000 : policy.calendar.unit === 'month' ? TEN_DAYS : HOUR;
  const runs: Run[] = [];
  const id = () => random(4) * (random(20) === 0 ? 2 ** 50 : 1);
  const ttlMs = () => pick([1, 0.3 * unit, 0.5 * unit, unit - 1, unit, 1.7 * unit, 3 * unit], random);
  const units = () => pick([0, 1, 1, 2, 3, 4, 5, 10, 12], random);
  let now = START;
  for (let n = 0; n < RUNS; n++) {
    now += pick([0, 0, 1, 0.2 * unit, 0.3 * unit, 0.5 * unit, unit, 2 * unit, random(unit)], random);
    const serverMs = SERVERS[seed % SERVERS.length];
    const deadline = (serverMs ?? now) - (random(25) === 0 ? 1 : 0);
    const at: HoldsAt = { now, deadline, ...(serverMs !== undefined && { serverMs }) };
    const hold = (): HoldReference => reference(policy, id(), now, random(10) === 0 ? 'bob' : 'ada');
    const request = (): HoldRequest => ({ ...hold(), units: units(), ttlMs: ttlMs() });
    const several = <Item>(make: () => Item) => Array.from({ length: pick([1, 1, 1, 2, 3], random) }, make);
    const charge: Charge = { policy: api, subject: 'ada', cost: pick([0, 1, 1, 2, 4], random) };
    const kind = random(12);
    if (kind < 6) {
      const charges = random(3) === 0 ? [charge] : [];
      runs.push(recorder.take(several(request), at, { charges, isPeek: kind === 0 }));
    } else if (kind < 8) runs.push(recorder.extend(several(hold), ttlMs(), at));
    else if (kind < 9) runs.push(recorder.grow(hold(), units(), at));
    else
      runs.push(
        recorder.end(
          several(() => ({ ...hold(), units: pick([0, 1, 3, 9, 12, 25], random) })),
          at,
        ),
      );
  }
  recorder.close();
  return { name: `random holds of ${name}, ${seed}`, runs };
}

export const holdCases: readonly ScriptCase[] = Object.entries(budgets).flatMap(([name, policy]) =>
  Array.from({ length: CASES }, (_, seed) => randomHolds(name, policy, seed)),
);
