import { type Deadlined, DeadlineQueue } from '../../backends/resilience/deadline-queue.js';
import { type Awaitable, isPromise } from '../../core/awaitable.js';
import { BoundedMap } from '../../core/bounded-map.js';
import { systemClock } from '../../core/clock.js';
import { optionAt } from '../../core/errors.js';
import { FunctionTimeoutException } from './function-timeout.exception.js';

/** Milliseconds that a function of the application may take to answer, by default. */
const FUNCTION_TIMEOUT_MS = 5000;
/** The same from the moment on at which the application closes: a request in flight is not waited for any longer. */
const CLOSING_TIMEOUT_MS = 500;
/** Between two warnings of one function. */
const WARNING_INTERVAL_MS = 60_000;
/** Functions whose last warning is remembered. */
const MAX_WARNED = 1000;

/** Whose function it is that has to answer. */
export interface FunctionOwner {
  /** Where it is in the options, such as `policies.api`. */
  readonly place: string;
  /** The name of the policy, if it is one. */
  readonly name?: string;
}

/**
 * Bounds what functions of the application take to answer: `by`, `cost`, `skip` and all others. An answer that is no promise
 * passes as it is; for all promises together there is one timer.
 */
export class FunctionDeadlines {
  readonly #queue: DeadlineQueue;
  readonly #warnedAtMs = new BoundedMap<string, number>(MAX_WARNED);
  #isClosing = false;

  /** @param timeoutMs milliseconds that a function may take, at least 1 */
  constructor(
    readonly timeoutMs = FUNCTION_TIMEOUT_MS,
    readonly warn: (message: string) => void = () => {},
  ) {
    this.#queue = new DeadlineQueue(timeoutMs);
  }

  /**
   * Returns the answer of a function. A promise rejects with a FunctionTimeoutException unless it settles in time.
   *
   * @param owner whose function it is
   * @param option its name there, such as `by`
   */
  bound<T>(answer: Awaitable<T>, owner: FunctionOwner, option: string): Awaitable<T> {
    return isPromise(answer) ? this.boundPromise(answer, () => this.#timedOut(owner, option)) : answer;
  }

  /** The same of a promise, with an error of the caller's. */
  boundPromise<T>(answer: PromiseLike<T>, late: () => Error, waitMs = this.#waitMs): Promise<T> {
    return new Promise((resolve, reject) => {
      const entry: Deadlined = { fail: () => reject(late()) };
      this.#queue.add(entry, systemClock.now() + waitMs);
      // A function of the user may return any thenable.
      Promise.resolve(answer).then(
        (value) => {
          this.#queue.remove(entry);
          resolve(value);
        },
        (error: unknown) => {
          this.#queue.remove(entry);
          reject(error);
        },
      );
    });
  }

  /** Milliseconds that a function may take now. */
  get #waitMs(): number {
    return this.#isClosing ? Math.min(this.timeoutMs, CLOSING_TIMEOUT_MS) : this.timeoutMs;
  }

  /** Brings all deadlines forward: an application that closes would wait for them. */
  close(): void {
    this.#isClosing = true;
    this.#queue.bringForward(systemClock.now() + this.#waitMs);
  }

  #timedOut({ place, name }: FunctionOwner, option: string): FunctionTimeoutException {
    const path = optionAt(place, option);
    const error = new FunctionTimeoutException(path, name, this.#waitMs);
    const now = systemClock.now();
    if (now - (this.#warnedAtMs.get(path) ?? Number.NEGATIVE_INFINITY) >= WARNING_INTERVAL_MS) {
      this.#warnedAtMs.set(path, now);
      this.warn(error.message);
    }
    return error;
  }
}
