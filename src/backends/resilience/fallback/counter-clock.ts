import { type Clock, systemClock } from '../../../core/clock.js';
import { ServerClock } from '../server-clock.js';

/**
 * Milliseconds by which a server's instant may be before an earlier one: masters differ, and their replies are read in
 * any order. If two in a row are earlier still, the server's clock was set back.
 */
const TOLERANCE_MS = 1000;

/**
 * The clock of counters that stand in for those of a backend. It estimates the server's clock, because units count in
 * the windows of the server that admitted them. If the backend has a clock of its own, it is that clock.
 *
 * It goes back only if the server's clock was set back. A reply that is read late, because the process or the network
 * stalled, does not set it back: counters would forget what they have counted, and a process could admit a limit twice.
 */
export class CounterClock implements Clock {
  /** Set while charges that were decided at this instant are counted. */
  at: number | undefined;
  /** The latest instant of a server, and of this clock. */
  #notedMs = Number.NEGATIVE_INFINITY;
  #latestMs = Number.NEGATIVE_INFINITY;
  #wasBehind = false;
  #server = new ServerClock(Number.POSITIVE_INFINITY);

  /** @param local monotonic: what replies are timed with */
  constructor(
    private readonly clock: Clock,
    private readonly local: Pick<Clock, 'now'> = systemClock,
  ) {}

  now(): number {
    if (this.at !== undefined) return this.at;
    if (this.clock !== systemClock) return this.clock.now();
    const now = this.local.now();
    this.#latestMs = Math.max(this.#latestMs, Math.floor(this.#server.at(now) ?? now));
    return this.#latestMs;
  }

  /** Notes that a reply has arrived that was given at the server's instant `serverMs`. */
  note(serverMs: number): void {
    // One sample a millisecond, because reading the clock costs more than counting a charge.
    if (serverMs === this.#notedMs || this.clock !== systemClock) return;
    const isBehind = serverMs < this.#notedMs - TOLERANCE_MS;
    if (!this.#server.isKnown || (isBehind && this.#wasBehind)) this.#restart();
    this.#wasBehind = isBehind;
    this.#notedMs = Math.max(this.#notedMs, serverMs);
    this.#latestMs = Math.max(this.#latestMs, serverMs);
    this.#server.note(serverMs, this.local.now());
  }

  wait(...args: Parameters<Clock['wait']>): Promise<void> {
    return this.clock.wait(...args);
  }

  #restart(): void {
    this.#server = new ServerClock(Number.POSITIVE_INFINITY);
    this.#notedMs = Number.NEGATIVE_INFINITY;
    this.#latestMs = Number.NEGATIVE_INFINITY;
  }
}
