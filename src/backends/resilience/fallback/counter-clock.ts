import { type Clock, systemClock } from '../../../core/clock.js';
import { ServerClock } from '../server-clock.js';

/** How much earlier than before a server may seem to answer, before its clock counts as set back. */
const TOLERANCE_MS = 1000;

/**
 * The clock of counters that stand in for those of a backend: as far as known, that of the server, whose windows the units count in
 * that it admitted. A backend with a clock of its own is taken at its word.
 */
export class CounterClock implements Clock {
  /** Set while what was decided at this instant is counted. */
  at: number | undefined;
  #latestMs = 0;
  readonly #server = new ServerClock(TOLERANCE_MS);

  constructor(private readonly clock: Clock) {}

  now(): number {
    if (this.at !== undefined) return this.at;
    const now = this.clock.now();
    return this.clock === systemClock ? Math.floor(this.#server.at(now) ?? now) : now;
  }

  /** Notes that a reply has arrived that was given at the server's instant `serverMs`. */
  note(serverMs: number): void {
    // One sample a millisecond: to read the clock costs more than to count a charge.
    if (serverMs === this.#latestMs || this.clock !== systemClock) return;
    this.#latestMs = serverMs;
    this.#server.note(serverMs, systemClock.now());
  }

  wait(...args: Parameters<Clock['wait']>): Promise<void> {
    return this.clock.wait(...args);
  }
}
