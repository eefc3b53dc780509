import { type Clock, systemClock } from '../../core/clock.js';
import { type BackendError, failureIn } from '../backend-error.js';

/** Consecutive failures that open the circuit. */
const FAILURES = 5;
const PROBE_INTERVAL_MS = 1000;
/**
 * Errors that a working server reports: a key held a value that Sluice did not write; the keys of a call are on their
 * way to another master, one after the other.
 */
const REPLIES = ['GARBAGE', 'TRYAGAIN'];

/** The events of a circuit breaker: the start and the end of its outage. */
export interface OutageListener {
  /** Called for the first of consecutive failures. */
  failed(error: BackendError): void;
  /** @param error the last failure */
  degraded(error: BackendError): void;
  recovered(): void;
}

/**
 * A circuit breaker (Nygard, "Release It!"). It opens after five consecutive failures, and closes for good when a probe
 * succeeds. Later calls use a new breaker, so that the result of a call that began during the outage does not count.
 * Probes run one at a time, at most one a second.
 */
export class CircuitBreaker {
  #failures = 0;
  #isOpen = false;
  #isOver = false;
  #isProbing = false;
  #nextProbeMs = 0;

  /** @param clock monotonic; real time even where decisions use another clock, because probes are sent in real time */
  constructor(
    private readonly outage: OutageListener,
    private readonly clock: Pick<Clock, 'now'> = systemClock,
  ) {}

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** True if the last call failed. */
  get isFailing(): boolean {
    return this.#failures > 0;
  }

  /** Milliseconds until the next probe; 0 while the circuit is closed. */
  get retryAfterMs(): number {
    return this.#isOpen ? Math.max(0, this.#nextProbeMs - this.clock.now()) : 0;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  failed(error: BackendError): void {
    if (isReply(error) || this.#isOpen || this.#isOver) return;
    this.#failures += 1;
    if (this.#failures === 1) this.outage.failed(error);
    if (this.#failures < FAILURES) return;
    this.#isOpen = true;
    this.#nextProbeMs = this.clock.now() + PROBE_INTERVAL_MS;
    this.outage.degraded(error);
  }

  /** Calls `probe` if one is due. The outage is over if its promise resolves. */
  tryProbe(probe: () => Promise<unknown>): void {
    if (!this.#isOpen || this.#isProbing || this.clock.now() < this.#nextProbeMs) return;
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
    this.#isOver = true;
    this.outage.recovered();
  }
}

/** Returns true for the error of a backend that can be reached. */
function isReply(error: unknown): boolean {
  const failure = failureIn(error);
  return failure === undefined || REPLIES.includes(failure.code);
}
