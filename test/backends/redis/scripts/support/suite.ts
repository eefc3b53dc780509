import { type StrategyName, strategies } from '../../../../parity/random-trace.js';
import { scaled } from '../../../../support/scale.js';
import { blocks } from '../cases/blocks.js';
import { calendars } from '../cases/calendar.js';
import { clockSteps } from '../cases/clock-steps.js';
import { credits } from '../cases/credits.js';
import { customStrategies } from '../cases/custom-strategies.js';
import { debts } from '../cases/debts.js';
import { equalCalls } from '../cases/equal-calls.js';
import { expiries } from '../cases/expiry.js';
import { foreignValues } from '../cases/foreign-values.js';
import { heldKeys } from '../cases/held-keys.js';
import { heldWindows } from '../cases/held-windows.js';
import { holdCases } from '../cases/holds.js';
import { invalidArguments } from '../cases/invalid-arguments.js';
import { leases } from '../cases/lease.js';
import { longLogs } from '../cases/long-logs.js';
import { longStates } from '../cases/long-states.js';
import { overrides } from '../cases/overrides.js';
import { randomBlocks } from '../cases/random-blocks.js';
import { randomCase } from '../cases/random-cases.js';
import { severalCharges } from '../cases/several-charges.js';
import { writes } from '../cases/writes.js';
import type { ScriptCase } from './script-run.js';

export { strategies };

/** Random cases per strategy, and runs per case. With 20 cases not every mutant of the Lua is caught. */
const CASES = scaled(30, 60);
const RUNS = 60;

/** Cases that random traffic does not reach. */
export const chosenCases: readonly ScriptCase[] = [
  ...foreignValues,
  ...invalidArguments,
  ...customStrategies,
  ...equalCalls,
  ...expiries,
  ...longStates,
  ...longLogs,
  ...clockSteps,
  ...leases,
  ...debts,
  ...overrides,
  ...calendars,
  ...severalCharges,
  ...blocks,
  ...writes,
  ...holdCases,
  ...heldKeys,
  ...heldWindows,
  ...credits,
];

/** Returns the random cases of a strategy: the same ones in every run, and with few the first of them. */
export function* randomCases(strategy: StrategyName): Generator<ScriptCase> {
  for (let seed = 0; seed < CASES; seed++) yield randomCase(strategy, seed, RUNS);
  for (let seed = 0; seed < CASES / 2; seed++) yield randomBlocks(strategy, seed, RUNS);
}
