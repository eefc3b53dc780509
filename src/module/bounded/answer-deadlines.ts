import type { Backend } from '../../backends/backend.js';
import { BackendError } from '../../backends/backend-error.js';
import { orReturnLate } from '../../backends/resilience/with-deadline.js';
import { type Awaitable, isPromise } from '../../core/awaitable.js';
import type { Policy } from '../../core/policy.js';
import type { FunctionDeadlines } from '../../transports/functions/function-deadlines.js';
import { FunctionTimeoutException } from '../../transports/functions/function-timeout.exception.js';

/** The policies that a backend call concerns, for its error. */
export type Targets = readonly { readonly policy: string | Pick<Policy, 'name'> }[];

/** Adds deadlines to the calls of a backend that has none. A result that is not a promise is returned as it is. */
export class AnswerDeadlines {
  constructor(
    private readonly backend: Backend,
    private readonly deadlines: FunctionDeadlines,
  ) {}

  /**
   * Returns the result of a call. A promise rejects if it does not settle in time.
   *
   * @param method the name of the method, such as `holds.end`
   */
  bound<T>(answer: Awaitable<T>, method: string, targets: Targets): Awaitable<T> {
    if (!isPromise(answer)) return answer;
    return this.deadlines.boundPromise(answer, () => this.#lateError(method, targets));
  }

  /** Like `bound`, for a call that takes units: a result that comes too late goes to `giveBack`. */
  boundTaking<T>(answer: Awaitable<T>, method: string, targets: Targets, giveBack: (late: T) => void) {
    if (!isPromise(answer)) return answer;
    const race = (taking: Promise<T>) => this.deadlines.boundPromise(taking, () => this.#lateError(method, targets));
    // A custom backend may return any thenable.
    return orReturnLate(Promise.resolve(answer), race, giveBack);
  }

  /**
   * Resolves with the result. If it does not come in time, logs a warning and resolves with `otherwise`, so that the
   * application goes on.
   */
  async boundOr<T>(answer: Promise<T>, otherwise: T, path: string, consequence: string): Promise<T> {
    const { timeoutMs, warn } = this.deadlines;
    const late = new Error(`${path}: expected a result within ${timeoutMs} ms, got none. ${consequence}`);
    try {
      return await this.deadlines.boundPromise(answer, () => late, timeoutMs);
    } catch (error) {
      if (error !== late) throw error;
      warn(late.message);
      return otherwise;
    }
  }

  /**
   * Returns the error for a late call. A remote backend that does not respond in time is unavailable, so `onError`
   * decides.
   */
  #lateError(method: string, targets: Targets): Error {
    const path = `${this.backend.constructor.name}.${method}()`;
    const { waitMs, waitText, isClosing } = this.deadlines;
    if (this.backend.remote === true) return new BackendError('TIMEOUT', `${path}: no answer within ${waitText}`);
    const names = new Set(targets.map(({ policy }) => (typeof policy === 'string' ? policy : policy.name)));
    return new FunctionTimeoutException(path, names.size === 0 ? undefined : [...names].join(', '), waitMs, isClosing);
  }
}
