import { systemClock } from '../core/clock.js';
import { BackendError } from './backend-error.js';

/** Who waits, and is told when that was too long. */
export interface Waiting {
  readonly fail: (error: unknown) => void;
}

/** Fails those who wait too long. All may wait for the same time, so that one timer is enough for any number of them. */
export class Deadlines {
  /** Until when, in local milliseconds, the first to come first. */
  readonly #due = new Map<Waiting, number>();
  #timer: NodeJS.Timeout | undefined;

  /** @param timeoutMs how long they may wait; infinite: for ever */
  constructor(private readonly timeoutMs: number) {}

  add(one: Waiting): void {
    if (this.timeoutMs === Number.POSITIVE_INFINITY) return;
    const dueMs = systemClock.now() + this.timeoutMs;
    this.#due.set(one, dueMs);
    this.#timer ??= this.#start(dueMs);
  }

  remove(one: Waiting): void {
    this.#due.delete(one);
    if (this.#due.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #start(dueMs: number): NodeJS.Timeout {
    // After a stall of this process timers come before the replies that lie in the socket: those are read first.
    return setTimeout(() => setImmediate(() => this.#check()), Math.max(0, dueMs - systemClock.now()));
  }

  #check(): void {
    const now = systemClock.now();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const [one, dueMs] of this.#due) {
      if (dueMs > now) {
        this.#timer = this.#start(dueMs);
        return;
      }
      this.#due.delete(one);
      one.fail(new BackendError('TIMEOUT', `The backend did not answer within ${this.timeoutMs} ms`));
    }
  }
}
