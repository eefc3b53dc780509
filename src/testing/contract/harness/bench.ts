import assert from 'node:assert/strict';
import type { Backend } from '../../../backends/backend.js';
import type { Awaitable } from '../../../core/awaitable.js';
import { ManualClock } from '../../../core/clock.js';
import type { Charge, Receipt } from '../../../core/decision.js';
import { withPlainAnswers } from './plain-answers.js';

/** A realistic instant at which no window of a round length begins. */
const START_MS = Date.UTC(2026, 0, 1) + 12_345_678;

export interface BenchOptions {
  readonly create: (clock: ManualClock) => Awaitable<Backend>;
  readonly effort: number;
  readonly seed: number | undefined;
  readonly hasModes: boolean;
}

/** The context of the cases of the backend contract. */
export class Bench {
  readonly #opened: Backend[] = [];
  readonly seed: number | undefined;
  /** True if the backend records and monitors charges, and settles upward. */
  readonly hasModes: boolean;

  constructor(private readonly options: BenchOptions) {
    this.seed = options.seed;
    this.hasModes = options.hasModes;
  }

  /** Returns a backend without any state, and its clock. */
  readonly open = async (startMs = START_MS): Promise<{ readonly backend: Backend; readonly clock: ManualClock }> => {
    const clock = new ManualClock(startMs);
    const backend = await this.options.create(clock);
    this.#opened.push(backend);
    return { backend: withPlainAnswers(backend), clock };
  };

  /** Returns the number of random cases to run, out of `full`. */
  readonly runs = (full: number): number => Math.max(1, Math.round(full * this.options.effort));

  /** Closes all backends that were opened. */
  async close(): Promise<void> {
    for (const backend of this.#opened.splice(0)) await backend.close?.();
  }
}

/** Takes the charges, which must be allowed. */
export async function take(backend: Backend, ...charges: readonly Charge[]): Promise<Receipt> {
  const { receipt } = await backend.spend(charges);
  assert.ok(receipt, 'expected a receipt of a charge that was taken');
  return receipt;
}
