// Not the global of that name: it is a getter, and as dear as the clock itself.
import { performance } from 'node:perf_hooks';

/** Where time comes from. Everything below a clock takes the instant as an argument. */
export interface Clock {
  /** The instant, in whole milliseconds since the Unix epoch. */
  now(): number;
  /**
   * Resolves once `ms` milliseconds have passed on this clock.
   * Rejects with the signal's reason when `signal` is aborted first.
   */
  wait(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The longest delay that a Node timer takes; longer ones would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Read once: the getter is dear. */
const STARTED_MS = performance.timeOrigin;

/**
 * The process's clock: tied to the epoch when the process started and monotonic from there,
 * so that a corrected system time neither opens a window twice nor holds one shut.
 */
export const systemClock: Clock = {
  now: () => Math.floor(STARTED_MS + performance.now()),
  wait: (ms, signal) =>
    new Promise((resolve, reject) => {
      let left = ms;
      let timer: NodeJS.Timeout | undefined;
      const abort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const next = () => {
        if (left <= 0) {
          signal?.removeEventListener('abort', abort);
          return resolve();
        }
        const slice = Math.min(left, MAX_TIMER_MS);
        left -= slice;
        timer = setTimeout(next, slice);
      };
      if (signal?.aborted) return abort();
      signal?.addEventListener('abort', abort, { once: true });
      next();
    }),
};

interface Waiter {
  readonly dueMs: number;
  readonly wake: () => void;
}

/**
 * A clock that stands still until it is told to move: for tests.
 *
 * @example
 * const clock = new ManualClock(Date.UTC(2026, 0, 1));
 * clock.advance(60_000);
 */
export class ManualClock implements Clock {
  #nowMs: number;
  readonly #waiters = new Set<Waiter>();

  /** @param startMs the first instant, in epoch milliseconds */
  constructor(startMs = 0) {
    this.#nowMs = whole(startMs);
  }

  now(): number {
    return this.#nowMs;
  }

  /** Moves on by `ms` milliseconds (back, when negative) and wakes who has waited long enough. */
  advance(ms: number): void {
    this.set(this.#nowMs + ms);
  }

  /** Moves to the instant `ms`, in epoch milliseconds, and wakes who has waited long enough. */
  set(ms: number): void {
    this.#nowMs = whole(ms);
    for (const waiter of [...this.#waiters]) if (waiter.dueMs <= ms) waiter.wake();
  }

  /** How many are waiting on this clock. */
  get waiting(): number {
    return this.#waiters.size;
  }

  wait(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (ms <= 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#waiters.delete(waiter);
        reject(signal?.reason);
      };
      const waiter: Waiter = {
        dueMs: this.#nowMs + ms,
        wake: () => {
          this.#waiters.delete(waiter);
          signal?.removeEventListener('abort', abort);
          resolve();
        },
      };
      this.#waiters.add(waiter);
      signal?.addEventListener('abort', abort, { once: true });
    });
  }
}

function whole(ms: number): number {
  if (Number.isSafeInteger(ms)) return ms;
  throw new RangeError(`ManualClock: expected whole epoch milliseconds, got ${ms}`);
}
