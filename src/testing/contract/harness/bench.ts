import type { Backend } from '../../../backends/backend.js';
import type { Awaitable } from '../../../core/awaitable.js';
import { ManualClock } from '../../../core/clock.js';

/** An instant of our time at which no window of a round length begins. */
const START_MS = Date.UTC(2026, 0, 1) + 12_345_678;

/** What the cases of the backend contract work with. */
export class Bench {
  readonly #opened: Backend[] = [];

  constructor(
    private readonly create: (clock: ManualClock) => Awaitable<Backend>,
    private readonly effort: number,
    readonly seed: number | undefined,
  ) {}

  /** Returns a backend without any state, and its clock. */
  readonly open = async (startMs = START_MS): Promise<{ readonly backend: Backend; readonly clock: ManualClock }> => {
    const clock = new ManualClock(startMs);
    const backend = await this.create(clock);
    this.#opened.push(backend);
    return { backend, clock };
  };

  /** The number of random cases to run, of which `full` would be all. */
  readonly runs = (full: number): number => Math.max(1, Math.round(full * this.effort));

  /** Closes all backends that were opened. */
  async close(): Promise<void> {
    for (const backend of this.#opened.splice(0)) await backend.close?.();
  }
}
