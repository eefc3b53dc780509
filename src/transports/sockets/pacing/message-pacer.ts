import type { Clock } from '../../../core/clock.js';

/** Messages of a connection in one turn of the event loop while the connection is within its limits. */
const BURST = 16;
/** A connection is within its limits again when so long has passed since its last denial. */
const CALM_MS = 1000;

/**
 * Says how many messages of a connection are handled in one turn of the event loop, so that a flood delays nobody else: 16, and from
 * its first denial until a second without one a single message. With less than 16 each answer of a busy connection would
 * be written, and its next message read, by a system call of its own.
 */
export class MessagePacer {
  /** Called on each denial. */
  onDenial = () => {};
  #isCalm = true;
  #deniedAtMs = 0;

  constructor(private readonly clock: Clock) {}

  get perTurn(): number {
    // The clock is asked only after a denial.
    this.#isCalm ||= this.clock.now() - this.#deniedAtMs >= CALM_MS;
    return this.#isCalm ? BURST : 1;
  }

  recordDenial(): void {
    this.#isCalm = false;
    this.#deniedAtMs = this.clock.now();
    this.onDenial();
  }
}
