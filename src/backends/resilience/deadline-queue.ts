import { systemClock } from '../../core/clock.js';
import { BackendError } from '../backend-error.js';
import { type Linked, LinkedList } from './linked-list.js';

/** Who waits, and is told when that was too long. */
export interface Deadlined extends Linked<Deadlined> {
  readonly fail: (error: unknown) => void;
  /** Until when, in local milliseconds. */
  dueMs?: number;
}

/** Fails those who wait too long: one timer for any number of them. */
export class DeadlineQueue {
  readonly #waiting = new LinkedList<Deadlined>();
  #timer: NodeJS.Timeout | undefined;
  #timerMs = Number.POSITIVE_INFINITY;

  /**
   * @param timeoutMs how long they may wait; infinite: for ever
   * @param whom they wait for
   */
  constructor(
    private readonly timeoutMs: number,
    private readonly whom = 'The backend',
  ) {}

  /** @param dueMs local; where it is left out, the whole time from now on */
  add(one: Deadlined, dueMs = systemClock.now() + this.timeoutMs): void {
    if (dueMs === Number.POSITIVE_INFINITY) return;
    one.dueMs = dueMs;
    // Most are answered long before, and the next one then finds a timer that is early enough.
    if (this.#waiting.isEmpty) this.#timer?.ref();
    this.#waiting.add(one);
    if (dueMs < this.#timerMs) this.#start(dueMs);
  }

  remove(one: Deadlined): void {
    if (this.#waiting.remove(one) && this.#waiting.isEmpty) this.#timer?.unref();
  }

  #start(dueMs: number): void {
    clearTimeout(this.#timer);
    this.#timerMs = dueMs;
    // After a stall of this process timers come before the replies that lie in the socket: those are read first.
    this.#timer = setTimeout(() => setImmediate(() => this.#check()), Math.max(0, dueMs - systemClock.now()));
  }

  #check(): void {
    this.#timer = undefined;
    this.#timerMs = Number.POSITIVE_INFINITY;
    const now = systemClock.now();
    let nextMs = Number.POSITIVE_INFINITY;
    const late: Deadlined[] = [];
    for (const one of this.#waiting) {
      const { dueMs = now } = one;
      if (dueMs > now) nextMs = Math.min(nextMs, dueMs);
      else late.push(one);
    }
    for (const one of late) {
      if (!this.#waiting.remove(one)) continue; // since one before it has failed
      one.fail(new BackendError('TIMEOUT', `${this.whom} did not answer within ${this.timeoutMs} ms`));
    }
    if (nextMs < this.#timerMs) this.#start(nextMs);
  }
}
