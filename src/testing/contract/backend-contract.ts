import type { Backend } from '../../backends/backend.js';
import type { Awaitable } from '../../core/awaitable.js';
import type { ManualClock } from '../../core/clock.js';
import { assertKnownMembers, invalidValue } from '../../core/errors.js';
import { Bench } from './harness/bench.js';
import { type ContractCase, Suite } from './harness/suite.js';
import { againstModel } from './sections/against-model.js';
import { changedPolicies } from './sections/changed-policies.js';
import { decisions } from './sections/decisions.js';
import { randomRefunds } from './sections/random-refunds.js';
import { settlement } from './sections/settlement.js';
import { severalCharges } from './sections/several-charges.js';
import { subjectsAndState } from './sections/subjects-and-state.js';

/** What `backendContract` checks. */
export interface BackendContractOptions {
  /** Returns a backend without any state that decides by `clock`. Called at least once for each case; the backend is closed after it. */
  readonly create: (clock: ManualClock) => Awaitable<Backend>;
  /**
   * The share of the random cases to run, above 0: less for a backend that is far away, more for a nightly run. Default: 0.05,
   * a few hundred cases of up to 20 calls.
   */
  readonly effort?: number;
  /** Repeats the random cases of an earlier run, whose error names its seed. Default: other cases each time. */
  readonly seed?: number;
}

const SECTIONS: readonly ((suite: Suite<Bench>) => void)[] = [
  decisions,
  severalCharges,
  settlement,
  subjectsAndState,
  changedPolicies,
  randomRefunds,
  againstModel,
];

/**
 * Returns the cases of the contract that every backend keeps, for any test runner. They check the exact decisions of all built-in
 * strategies, all or none over several charges, settlement, the separation of subjects, and changed policies. The backends
 * of this library run the same cases.
 *
 * @throws ThrottleConfigError naming the invalid option
 * @example
 * for (const { name, run } of backendContract({ create: (clock) => new MyBackend({ clock }) })) it(name, run);
 */
export function backendContract(options: BackendContractOptions): readonly ContractCase[] {
  assertOptions(options);
  const { create, effort = 0.05, seed } = options;
  const suite = new Suite<Bench>(async (body) => {
    const bench = new Bench(create, effort, seed);
    try {
      await body(bench);
    } finally {
      await bench.close();
    }
  });
  for (const define of SECTIONS) define(suite);
  return suite.cases;
}

function assertOptions(options: BackendContractOptions): void {
  const place = 'backendContract';
  assertKnownMembers(place, options, ['create', 'effort', 'seed']);
  const { create, effort = 1 } = options;
  if (typeof create !== 'function') throw invalidValue(`${place}: create`, 'a function of the clock', create);
  if (!(effort > 0)) throw invalidValue(`${place}: effort`, 'a number above 0', effort);
}
