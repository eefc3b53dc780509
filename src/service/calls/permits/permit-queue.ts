import { type Awaitable, isPromise } from '../../../core/awaitable.js';
import type { Clock } from '../../../core/clock.js';
import type { Outcome } from '../../../core/decision.js';
import type { Interruption } from '../../../transports/responder.js';
import { startInterval } from './interval.js';

/** How often the first call of a queue tries again, because other processes also free permits. */
const RETRY_EVERY_MS = 50;

/** The result of a call that waited. */
export interface QueueResult {
  /** The latest decision. */
  readonly outcome: Outcome;
  /** Set if the call was not decided, because its client has gone or the application closes. */
  readonly interrupted?: Interruption;
}

/** A call that waits for a permit. */
export interface QueuedCall {
  /** Tries to take the permits and charges of the call. */
  attempt(): Awaitable<Outcome>;
  /** Returns true for a denial after which the call may wait. */
  mayWait(outcome: Outcome): boolean;
  /** Returns what an attempt took after the call had left the queue. */
  giveBack(outcome: Outcome): void;
  /** Calls the listener once the client has gone. Returns a function that removes it. */
  onClientGone(listener: () => void): () => void;
}

interface Waiting {
  readonly call: QueuedCall;
  /** Its latest decision. */
  outcome: Outcome;
  isTrying: boolean;
  isLate: boolean;
  hasLeft: boolean;
  /** Removes it from the queue, with its result. */
  leave(result: Promise<QueueResult> | QueueResult): void;
}

/**
 * The calls of this process that wait for a permit of one subject, in order of arrival. Only the first one makes
 * attempts.
 */
export class PermitQueue {
  readonly #waiting: Waiting[] = [];
  #stopRetrying = () => {};

  constructor(
    private readonly clock: Clock,
    private readonly onEmpty: () => void,
  ) {}

  get size(): number {
    return this.#waiting.length;
  }

  /**
   * Adds a call to the end of the queue.
   *
   * @param denied its decision so far
   * @returns its decision when it has a permit, is denied for another reason, or has waited for `waitMs`
   */
  wait(call: QueuedCall, denied: Outcome, waitMs: number): Promise<QueueResult> {
    if (this.#waiting.length === 0) {
      this.#stopRetrying = startInterval(this.clock, RETRY_EVERY_MS, () => this.tryFirst());
    }
    return new Promise((resolve) => {
      const deadline = new AbortController();
      let stopWatching = () => {};
      const waiting: Waiting = {
        call,
        outcome: denied,
        isTrying: false,
        isLate: false,
        hasLeft: false,
        leave: (result) => {
          if (waiting.hasLeft) return;
          waiting.hasLeft = true;
          deadline.abort();
          stopWatching();
          this.#remove(waiting);
          resolve(result);
        },
      };
      this.#waiting.push(waiting);
      stopWatching = call.onClientGone(() => this.#interrupt(waiting, 'client-gone'));
      // The client has already gone: the listener was called at once.
      if (waiting.hasLeft) return stopWatching();
      this.clock.wait(waitMs, deadline.signal).then(
        () => {
          waiting.isLate = true;
          // If an attempt is in flight, its result counts.
          if (!waiting.isTrying) waiting.leave({ outcome: waiting.outcome });
        },
        () => {},
      );
    });
  }

  /** Lets the first call try and, if it leaves the queue, the next one. */
  tryFirst(): void {
    for (;;) {
      const [first] = this.#waiting;
      if (first === undefined || first.isTrying) return;
      first.isTrying = true;
      let outcome: Awaitable<Outcome>;
      try {
        outcome = first.call.attempt();
      } catch (error) {
        first.leave(Promise.reject(error));
        continue;
      }
      if (isPromise(outcome)) {
        Promise.resolve(outcome).then(
          (found) => {
            if (this.#conclude(first, found)) this.tryFirst();
          },
          (error: unknown) => {
            first.leave(Promise.reject(error));
            this.tryFirst();
          },
        );
        return;
      }
      if (!this.#conclude(first, outcome)) return;
    }
  }

  /** Removes all calls, because the application closes. */
  close(): void {
    for (const waiting of [...this.#waiting]) this.#interrupt(waiting, 'closing');
  }

  #interrupt(waiting: Waiting, interrupted: Interruption): void {
    waiting.leave({ outcome: waiting.outcome, interrupted });
  }

  /** Returns true if the call has left the queue. */
  #conclude(waiting: Waiting, outcome: Outcome): boolean {
    waiting.isTrying = false;
    if (waiting.hasLeft) {
      if (outcome.allowed) waiting.call.giveBack(outcome);
      return true;
    }
    waiting.outcome = outcome;
    if (!outcome.allowed && waiting.call.mayWait(outcome) && !waiting.isLate) return false;
    waiting.leave({ outcome });
    return true;
  }

  #remove(waiting: Waiting): void {
    const at = this.#waiting.indexOf(waiting);
    if (at >= 0) this.#waiting.splice(at, 1);
    if (this.#waiting.length > 0) return;
    this.#stopRetrying();
    this.#stopRetrying = () => {};
    this.onEmpty();
  }
}
