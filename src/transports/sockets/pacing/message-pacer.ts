import type { Clock } from '../../../core/clock.js';

/** The number of messages per event-loop turn of a connection that is within its limits. */
const BURST = 16;
/** The time since its last denial after which a connection is within its limits again. */
const CALM_MS = 1000;

/**
 * Determines how many messages of a connection are handled per turn of the event loop, so that a flood does not delay
 * other clients: 16, but 1 from a denial until a second has passed without one. With fewer than 16, a busy connection
 * would need one system call per response and per message.
 */
export class MessagePacer {
  /** Called on each denial. */
  onDenial = () => {};
  #isCalm = true;
  #deniedAtMs = 0;

  constructor(private readonly clock: Clock) {}

  get perTurn(): number {
    // Reads the clock only after a denial.
    this.#isCalm ||= this.clock.now() - this.#deniedAtMs >= CALM_MS;
    return this.#isCalm ? BURST : 1;
  }

  recordDenial(): void {
    this.#isCalm = false;
    this.#deniedAtMs = this.clock.now();
    this.onDenial();
  }
}
