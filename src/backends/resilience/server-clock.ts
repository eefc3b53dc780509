const SAMPLES = 16;
/**
 * Two instants are rounded down: that of arrival, and the server's when it checks a deadline. Each may add up to 1 ms.
 */
const ROUNDING_MS = 2;

/**
 * An estimate of a server's clock. A sample is the server's time in a reply minus the (monotonic) instant at which the
 * reply arrived. A reply takes time, so every sample is too small. The greatest of the last few is the best estimate,
 * and a deadline computed from it can only be too early. A sample that is far smaller means that the server's clock
 * stepped back.
 */
export class ServerClock {
  /** The last samples, the newest at `#count - 1`, in a ring. */
  readonly #samples = new Float64Array(SAMPLES);
  #count = 0;
  #greatest = Number.NEGATIVE_INFINITY;

  /** @param toleranceMs how much smaller a sample may be without a step of the server's clock */
  constructor(private readonly toleranceMs: number) {}

  /** False until the first reply. */
  get isKnown(): boolean {
    return this.#count > 0;
  }

  /** Adds a sample: a reply that the server sent at `serverMs` arrived at the local instant `arrivedAtMs`. */
  note(serverMs: number, arrivedAtMs: number): void {
    const sample = serverMs - arrivedAtMs;
    const hasSteppedBack = sample < this.#greatest - this.toleranceMs;
    if (hasSteppedBack) this.#count = 0;
    const isGreatestDropped = this.#count >= SAMPLES && this.#samples[this.#count % SAMPLES] === this.#greatest;
    this.#samples[this.#count % SAMPLES] = sample;
    this.#count += 1;
    if (this.#count === 1 || sample >= this.#greatest) this.#greatest = sample;
    else if (isGreatestDropped) this.#greatest = Math.max(...this.#samples);
  }

  /** Returns a local monotonic instant in the server's milliseconds; undefined before the first reply. */
  at(localMs: number): number | undefined {
    return this.isKnown ? localMs + this.#greatest - ROUNDING_MS : undefined;
  }
}
