import { AsyncResource } from 'node:async_hooks';
import { systemClock } from '../../core/clock.js';
import { BackendError } from '../backend-error.js';
import { type Linked, LinkedList } from './linked-list.js';

/** Something that waits, and fails at its deadline. */
export interface Deadlined extends Linked<Deadlined> {
  readonly fail: (error: unknown) => void;
  /** The deadline, in local milliseconds. */
  dueMs?: number;
  /**
   * True while the entry may get a new deadline, once, after a stall of the event loop, because nothing was sent for it
   * yet.
   */
  mayRenew?: boolean;
}

/** A timer that fires later than this has waited for the event loop. */
const STALL_MS = 5;

/**
 * Returns true if an entry that was due at `dueMs` has not failed by `now` because the event loop of this process was
 * stalled.
 */
export function isStalled(dueMs: number, now: number): boolean {
  return now - dueMs >= STALL_MS;
}

/** Fails entries at their deadlines, with one timer for any number of them. */
export class DeadlineQueue {
  readonly #waiting = new LinkedList<Deadlined>();
  #timer: NodeJS.Timeout | undefined;
  #timerMs = Number.POSITIVE_INFINITY;
  /**
   * Outside of any request: one timer follows another for as long as anything waits, and would keep what
   * AsyncLocalStorage holds where the first was started. After an event-loop stall, timers run before sockets are read;
   * setImmediate lets replies that have arrived be read first.
   */
  readonly #startTimer = AsyncResource.bind((ms: number) => setTimeout(() => setImmediate(() => this.#check()), ms));

  /**
   * @param timeoutMs milliseconds that an entry waits by default. If infinite, entries never fail
   * @param server the name in the error
   */
  constructor(
    private readonly timeoutMs: number,
    private readonly server = 'The backend',
  ) {}

  /** @param dueMs the deadline, in local milliseconds. Default: `timeoutMs` from now */
  add(entry: Deadlined, dueMs = systemClock.now() + this.timeoutMs): void {
    if (dueMs === Number.POSITIVE_INFINITY) return;
    entry.dueMs = dueMs;
    // Most entries are removed long before they are due, so the timer keeps running for the next one.
    if (this.#waiting.isEmpty) this.#timer?.ref();
    this.#waiting.add(entry);
    if (dueMs < this.#timerMs) this.#start(dueMs);
  }

  remove(entry: Deadlined): void {
    if (this.#waiting.remove(entry) && this.#waiting.isEmpty) this.#timer?.unref();
  }

  /** Brings the deadlines after an instant forward to it. */
  bringForward(dueMs: number): void {
    for (const entry of this.#waiting) entry.dueMs = Math.min(entry.dueMs ?? dueMs, dueMs);
    if (!this.#waiting.isEmpty && dueMs < this.#timerMs) this.#start(dueMs);
  }

  /**
   * Extends the deadline of an entry once, if it is overdue because the event loop of this process was stalled. The
   * entry would have failed in time otherwise.
   */
  renew(entry: Deadlined): void {
    const now = systemClock.now();
    if (entry.mayRenew !== true || !isStalled(entry.dueMs ?? now, now) || !this.#waiting.remove(entry)) return;
    entry.mayRenew = false;
    this.add(entry, now + this.timeoutMs);
  }

  #start(dueMs: number): void {
    clearTimeout(this.#timer);
    this.#timerMs = dueMs;
    this.#timer = this.#startTimer(Math.max(0, dueMs - systemClock.now()));
  }

  #check(): void {
    this.#timer = undefined;
    this.#timerMs = Number.POSITIVE_INFINITY;
    const now = systemClock.now();
    let nextMs = Number.POSITIVE_INFINITY;
    const late: Deadlined[] = [];
    for (const entry of this.#waiting) {
      const { dueMs = now } = entry;
      if (dueMs > now) nextMs = Math.min(nextMs, dueMs);
      else late.push(entry);
    }
    for (const entry of late) {
      this.renew(entry);
      if ((entry.dueMs ?? now) > now) continue;
      // The failure of an earlier entry may have removed this one.
      if (!this.#waiting.remove(entry)) continue;
      entry.fail(new BackendError('TIMEOUT', `${this.server} did not answer within ${this.timeoutMs} ms`));
    }
    if (nextMs < this.#timerMs) this.#start(nextMs);
  }
}
