const SAMPLES = 16;
/** The instant of arrival, and the server's when it compares it with a deadline, are rounded down: up to one each too late. */
const ROUNDING_MS = 2;

/**
 * The server's clock, as seen from here: its time in a reply less the (monotonic) instant at which the reply came.
 * A reply takes time, so every sample is too small; the greatest of the last few is the best, and a deadline told by it
 * can only be too soon. A sample far below it means that the clock stepped back.
 */
export class ServerClock {
  #samples: readonly number[] = [];
  #greatest = Number.NEGATIVE_INFINITY;

  constructor(private readonly toleranceMs: number) {}

  note(serverMs: number, arrivedAtMs: number): void {
    const sample = serverMs - arrivedAtMs;
    const stepped = sample < this.#greatest - this.toleranceMs;
    this.#samples = stepped ? [sample] : [...this.#samples.slice(1 - SAMPLES), sample];
    this.#greatest = Math.max(...this.#samples);
  }

  /** A local monotonic instant in the server's milliseconds; nothing before the first reply. */
  at(localMs: number): number | undefined {
    return this.#samples.length === 0 ? undefined : localMs + this.#greatest - ROUNDING_MS;
  }
}
