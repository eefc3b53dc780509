import { afterEach, describe } from '@jest/globals';
import type { Backend } from '../../../src/backends/backend.js';
import { ManualClock } from '../../../src/core/clock.js';
import { parityContract } from './cases/against-model.js';
import { changesContract } from './cases/changed-policies.js';
import { debtsContract } from './cases/debts.js';
import { decisionsContract } from './cases/decisions.js';
import { modesContract, refusalContract } from './cases/modes.js';
import { receiptsContract } from './cases/receipts.js';
import { settleContract } from './cases/settlement.js';
import { callsContract } from './cases/several-charges.js';
import { stateContract } from './cases/subjects-and-state.js';

export interface BackendContractOptions {
  /** The share of the random cases that is run, for a backend that is far away. Default: 1. */
  readonly effort?: number;
  /** Whether the backend records and monitors charges, and settles upward; it must refuse that clearly otherwise. Default: true. */
  readonly hasModes?: boolean;
}

/** What the parts of the contract work with. */
export interface Bench {
  /** A backend without any state, and its clock. It is closed after the test. */
  open(startMs?: number): Promise<{ readonly backend: Backend; readonly clock: ManualClock }>;
  /** So many random cases, of which `full` would be all. */
  cases(full: number): number;
  /** Whether the backend records and monitors charges, and settles upward. */
  readonly hasModes: boolean;
}

/** Some instant of our time that no window of a round length begins at. */
const START = Date.UTC(2026, 0, 1) + 12_345_678;

/**
 * What every backend keeps: give it one that decides by the clock it is handed, without any state.
 *
 * @example
 * backendContract('memory', (clock) => new MemoryBackend({ clock }));
 */
export function backendContract(
  name: string,
  make: (clock: ManualClock) => Promise<Backend> | Backend,
  { effort = 1, hasModes = true }: BackendContractOptions = {},
): void {
  describe(`the ${name} backend`, () => {
    const opened: Backend[] = [];

    afterEach(async () => {
      for (const backend of opened.splice(0)) await backend.close?.();
    });

    const bench: Bench = {
      async open(startMs = START) {
        const clock = new ManualClock(startMs);
        const backend = await make(clock);
        opened.push(backend);
        return { backend, clock };
      },
      hasModes,
      cases: (full) => Math.max(1, Math.round(full * effort)),
    };

    decisionsContract(bench);
    callsContract(bench);
    settleContract(bench);
    stateContract(bench);
    changesContract(bench);
    parityContract(bench);
    receiptsContract(bench);
    if (hasModes) {
      debtsContract(bench);
      modesContract(bench);
    } else {
      refusalContract(bench);
    }
  });
}
