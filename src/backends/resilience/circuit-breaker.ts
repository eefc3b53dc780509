import { type Clock, systemClock } from '../../core/clock.js';
import type { Emitter } from '../../core/emitter.js';
import { BackendError } from '../backend-error.js';
import type { BackendEvent } from '../backend-events.js';

/** Consecutive failures that open the circuit. */
const FAILURES = 5;
const PROBE_INTERVAL_MS = 1000;

/**
 * A circuit breaker (Nygard, "Release It!"). It opens after five consecutive failures, and closes when a probe succeeds.
 * Probes run one at a time, at most one a second. The first and the last moment of an outage are emitted.
 */
export class CircuitBreaker {
  #failures = 0;
  #isOpen = false;
  #isProbing = false;
  #nextProbeMs = 0;
  #epoch = 0;

  /** @param clock monotonic; real time even where decisions use another clock, because probes are sent in real time */
  constructor(
    private readonly events: Emitter<BackendEvent>,
    private readonly clock: Pick<Clock, 'now'> = systemClock,
  ) {}

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** The number of outages that are over. The result of a call that began in an earlier epoch says nothing about now. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Milliseconds until the next probe; 0 while the circuit is closed. */
  get retryAfterMs(): number {
    return this.#isOpen ? Math.max(0, this.#nextProbeMs - this.clock.now()) : 0;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  /** @param epoch the breaker's epoch when the call began */
  failed(error: unknown, epoch: number): void {
    if (isReply(error) || this.#isOpen || epoch !== this.#epoch) return;
    this.#failures += 1;
    if (this.#failures < FAILURES) return;
    this.#isOpen = true;
    this.#nextProbeMs = this.clock.now() + PROBE_INTERVAL_MS;
    this.events.emit({ type: 'degraded', code: error instanceof BackendError ? error.code : 'UNKNOWN' });
  }

  /** Calls `probe` if one is due. The circuit closes if its promise resolves. */
  tryProbe(probe: () => Promise<unknown>): void {
    if (this.#isProbing || this.clock.now() < this.#nextProbeMs) return;
    this.#isProbing = true;
    probe().then(
      () => this.#endProbe(true),
      (error: unknown) => this.#endProbe(isReply(error)),
    );
  }

  #endProbe(isAvailable: boolean): void {
    this.#isProbing = false;
    if (!isAvailable) {
      this.#nextProbeMs = this.clock.now() + PROBE_INTERVAL_MS;
      return;
    }
    this.#isOpen = false;
    this.#failures = 0;
    this.#epoch += 1;
    this.events.emit({ type: 'recovered' });
  }
}

/** Returns true for an error that a working server reports: a key held a value that Sluice did not write. */
function isReply(error: unknown): boolean {
  return error instanceof BackendError && error.code === 'GARBAGE';
}
