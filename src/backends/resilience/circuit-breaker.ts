import { systemClock } from '../../core/clock.js';
import { BackendError } from '../backend-error.js';
import type { BackendEvent } from '../backend-events.js';

const FAILURES = 5;
const PROBE_EVERY_MS = 1000;

/**
 * A circuit breaker (Nygard, "Release It!"): opens after five failures in a row, and is closed by one probe that
 * succeeds, of which there is one at a time and one a second at most. Tells of the first and the last moment of an outage.
 */
export class CircuitBreaker {
  #failures = 0;
  #isOpen = false;
  #isProbing = false;
  #nextProbeMs = 0;
  #outages = 0;

  constructor(private readonly tell: (event: BackendEvent) => void) {}

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** How many outages are over. A call that began before the last one ended says nothing about now. */
  get epoch(): number {
    return this.#outages;
  }

  get retryAfterMs(): number {
    return this.#isOpen ? Math.max(0, this.#nextProbeMs - systemClock.now()) : 0;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  /** @param outages those that were over when the call began */
  failed(error: unknown, outages: number): void {
    const code = error instanceof BackendError ? error.code : 'UNKNOWN';
    // The server is well where something else is found under a key.
    if (code === 'GARBAGE' || this.#isOpen || outages !== this.#outages) return;
    this.#failures += 1;
    if (this.#failures < FAILURES) return;
    this.#isOpen = true;
    this.#nextProbeMs = systemClock.now() + PROBE_EVERY_MS;
    this.tell({ type: 'degraded', code });
  }

  /** Asks whether the backend is back, if it is time to. */
  tryProbe(ask: () => Promise<unknown>): void {
    if (this.#isProbing || systemClock.now() < this.#nextProbeMs) return;
    this.#isProbing = true;
    ask().then(
      () => this.#close(),
      (error: unknown) => this.#probed(error),
    );
  }

  #probed(error: unknown): void {
    // What is found under a key is the server's answer, too.
    if (error instanceof BackendError && error.code === 'GARBAGE') this.#close();
    else this.#nextProbeMs = systemClock.now() + PROBE_EVERY_MS;
    this.#isProbing = false;
  }

  #close(): void {
    this.#isProbing = false;
    this.#isOpen = false;
    this.#failures = 0;
    this.#outages += 1;
    this.tell({ type: 'recovered' });
  }
}
