import type { Backend } from '../../backends/backend.js';
import type { Awaitable } from '../../core/awaitable.js';
import type { ManualClock } from '../../core/clock.js';
import { assertKnownMembers, invalidArgument } from '../../core/errors.js';
import { Bench } from './harness/bench.js';
import { type ContractCase, Suite } from './harness/suite.js';
import { againstModel } from './sections/backends/against-model.js';
import { changedPolicies } from './sections/backends/changed-policies.js';
import { concurrentCalls } from './sections/backends/concurrent-calls.js';
import { decisions } from './sections/backends/decisions.js';
import { modes } from './sections/backends/modes.js';
import { randomRefunds } from './sections/backends/random-refunds.js';
import { receipts } from './sections/backends/receipts.js';
import { missingModes, refusedCharges } from './sections/backends/refused-charges.js';
import { settlement } from './sections/backends/settlement.js';
import { severalCharges } from './sections/backends/several-charges.js';
import { subjectsAndState } from './sections/backends/subjects-and-state.js';
import { blockRules } from './sections/blocks/block-rules.js';
import { blockTraces } from './sections/blocks/block-traces.js';
import { blocksByHand } from './sections/blocks/blocks-by-hand.js';
import { randomBlocks } from './sections/blocks/random-blocks.js';
import { credits } from './sections/debts/credits.js';
import { debts } from './sections/debts/debts.js';
import { randomDebts } from './sections/debts/random-debts.js';
import { callsWithHolds } from './sections/holds/calls.js';
import { permits } from './sections/holds/permits.js';
import { randomHolds } from './sections/holds/random-holds.js';
import { reservations } from './sections/holds/reservations.js';
import { quotaRules } from './sections/quotas/quota-rules.js';
import { quotaWindows } from './sections/quotas/quota-windows.js';
import { overriddenBudgets } from './sections/settings/overridden-budgets.js';
import { overriddenCharges } from './sections/settings/overridden-charges.js';
import { storedChanges } from './sections/settings/stored-changes.js';
import { storedOverrides } from './sections/settings/stored-overrides.js';

/** Options of `backendContract`. */
export interface BackendContractOptions {
  /**
   * Returns a backend without any state that uses `clock`. Called at least once per case; the backend is closed after
   * the case.
   */
  readonly create: (clock: ManualClock) => Awaitable<Backend>;
  /**
   * The share of the random cases to run, above 0: lower for a slow backend, higher for a nightly run. Default: 0.05, a
   * few hundred cases of up to 20 calls.
   */
  readonly effort?: number;
  /** Repeats the random cases of an earlier run, whose error contains its seed. Default: different cases each time. */
  readonly seed?: number;
  /**
   * True if the backend records and monitors charges, passes arguments to strategies, and settles at more than was
   * taken. False if it only supports limits that deny: then it must refuse everything else with a
   * `ThrottleConfigError`, and take nothing. Default: true.
   */
  readonly hasModes?: boolean;
}

const SECTIONS: readonly ((suite: Suite<Bench>) => void)[] = [
  decisions,
  severalCharges,
  settlement,
  receipts,
  subjectsAndState,
  concurrentCalls,
  changedPolicies,
  refusedCharges,
  storedOverrides,
  storedChanges,
  overriddenCharges,
  overriddenBudgets,
  blockTraces,
  blocksByHand,
  randomBlocks,
  randomRefunds,
  againstModel,
];

const WITH_MODES = [
  modes,
  debts,
  randomDebts,
  quotaWindows,
  quotaRules,
  blockRules,
  credits,
  permits,
  reservations,
  callsWithHolds,
  randomHolds,
];
const WITHOUT_MODES = [missingModes];

/**
 * Returns the cases of the contract that every backend must pass, for any test runner. They check the exact decisions
 * of all built-in strategies, all or none over several charges, recorded and monitored charges, settlement, the
 * separation of subjects, changed policies, and, if the backend has them, `settings` and `holds`. The backends of this
 * library run the same cases.
 *
 * @throws ThrottleConfigError naming the invalid option
 * @example
 * for (const { name, run } of backendContract({ create: (clock) => new MyBackend({ clock }) })) it(name, run);
 */
export function backendContract(options: BackendContractOptions): readonly ContractCase[] {
  assertOptions(options);
  const { create, effort = 0.05, seed, hasModes = true } = options;
  const suite = new Suite<Bench>(async (body) => {
    const bench = new Bench({ create, effort, seed, hasModes });
    try {
      await body(bench);
    } finally {
      await bench.close();
    }
  });
  for (const define of [...SECTIONS, ...(hasModes ? WITH_MODES : WITHOUT_MODES)]) define(suite);
  return suite.cases;
}

function assertOptions(options: BackendContractOptions): void {
  const place = 'backendContract';
  assertKnownMembers(place, options, ['create', 'effort', 'seed', 'hasModes']);
  const { create, effort = 1, hasModes = true } = options;
  if (typeof create !== 'function') throw invalidArgument(`${place}: create`, 'a function of the clock', create);
  if (typeof hasModes !== 'boolean') throw invalidArgument(`${place}: hasModes`, 'true or false', hasModes);
  if (!(effort > 0)) throw invalidArgument(`${place}: effort`, 'a number above 0', effort);
}
