import { type Clock, systemClock } from '../../../core/clock.js';
import { ServerClock } from '../server-clock.js';

/** The difference between two samples, in milliseconds, above which the server's clock counts as set back. */
const TOLERANCE_MS = 1000;

/**
 * The clock of counters that stand in for those of a backend. It estimates the server's clock, because units count in the windows of the
 * server that admitted them. If the backend has a clock of its own, it is that clock.
 */
export class CounterClock implements Clock {
  /** Set while charges that were decided at this instant are counted. */
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
    // One sample a millisecond, because reading the clock costs more than counting a charge.
    if (serverMs === this.#latestMs || this.clock !== systemClock) return;
    this.#latestMs = serverMs;
    this.#server.note(serverMs, systemClock.now());
  }

  wait(...args: Parameters<Clock['wait']>): Promise<void> {
    return this.clock.wait(...args);
  }
}
