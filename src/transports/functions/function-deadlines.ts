import { type Deadlined, DeadlineQueue } from '../../backends/resilience/deadline-queue.js';
import { type Awaitable, isPromise } from '../../core/awaitable.js';
import { BoundedMap } from '../../core/bounded-map.js';
import { systemClock } from '../../core/clock.js';
import { optionAt } from '../../core/errors.js';
import { FunctionTimeoutException } from './function-timeout.exception.js';

/** The default time that a function of the application may take. */
const FUNCTION_TIMEOUT_MS = 5000;
/** The same while the application closes, so that requests in flight do not delay it. */
const CLOSING_TIMEOUT_MS = 500;
/** The minimum time between two warnings about one function. */
const WARNING_INTERVAL_MS = 60_000;
/** The largest number of functions whose last warning is remembered. */
const MAX_WARNED = 1000;

/** The owner of a function: a policy or another option. */
export interface FunctionOwner {
  /** Its path in the options, such as `policies.api`. */
  readonly place: string;
  /** The name of the policy, if the owner is one. */
  readonly name?: string;
}

/**
 * Limits the time that functions of the application take: `by`, `cost`, `skip` and all others. A result that is not a
 * promise is returned as it is. All promises share one timer.
 */
export class FunctionDeadlines {
  readonly #queue: DeadlineQueue;
  readonly #warnedAtMs = new BoundedMap<string, number>(MAX_WARNED);
  #isClosing = false;

  /** @param timeoutMs the time that a function may take, in milliseconds, at least 1 */
  constructor(
    readonly timeoutMs = FUNCTION_TIMEOUT_MS,
    readonly warn: (message: string) => void = () => {},
  ) {
    this.#queue = new DeadlineQueue(timeoutMs);
  }

  /**
   * Returns the result of a function. A promise rejects with a FunctionTimeoutException unless it settles in time.
   *
   * @param owner the owner of the function
   * @param option the name of the function, such as `by`
   */
  bound<T>(answer: Awaitable<T>, owner: FunctionOwner, option: string): Awaitable<T> {
    return isPromise(answer) ? this.boundPromise(answer, () => this.#timedOut(owner, option)) : answer;
  }

  /** Like `bound`, for a promise and with another error. */
  boundPromise<T>(answer: PromiseLike<T>, late: () => Error, waitMs = this.waitMs): Promise<T> {
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

  /** The time that a function may take now. */
  get waitMs(): number {
    return this.#isClosing ? Math.min(this.timeoutMs, CLOSING_TIMEOUT_MS) : this.timeoutMs;
  }

  /** True once the application closes. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** The deadline as errors state it: `5000 ms`. */
  get waitText(): string {
    return `${this.waitMs} ms${this.#isClosing ? ' while the application closes' : ''}`;
  }

  /** Brings all deadlines forward, so that a closing application does not wait for them. */
  close(): void {
    this.#isClosing = true;
    this.#queue.bringForward(systemClock.now() + this.waitMs);
  }

  #timedOut({ place, name }: FunctionOwner, option: string): FunctionTimeoutException {
    const path = optionAt(place, option);
    const error = new FunctionTimeoutException(path, name, this.waitMs, this.#isClosing);
    const now = systemClock.now();
    if (now - (this.#warnedAtMs.get(path) ?? Number.NEGATIVE_INFINITY) >= WARNING_INTERVAL_MS) {
      this.#warnedAtMs.set(path, now);
      this.warn(error.message);
    }
    return error;
  }
}
