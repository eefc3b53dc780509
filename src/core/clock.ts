// Imported, because the global `performance` is a getter that costs as much as the clock itself.
import { performance } from 'node:perf_hooks';

/** The source of time. Everything below a clock takes the instant as an argument. */
export interface Clock {
  /** Returns the instant in whole milliseconds since the Unix epoch. */
  now(): number;
  /**
   * Resolves once `ms` milliseconds have passed on this clock.
   * Rejects with the signal's reason if `signal` is aborted first.
   */
  wait(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The longest delay of a Node timer. A longer one fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Read once, because the getter is expensive. */
const STARTED_MS = performance.timeOrigin;

/**
 * The clock of this process: the system time at the start of the process, monotonic from there. So a correction of the
 * system time neither opens a window twice nor keeps it closed.
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

interface PendingWait {
  readonly dueMs: number;
  readonly complete: () => void;
}

/**
 * A clock for tests. Time moves only through `advance` and `set`.
 *
 * @example
 * const clock = new ManualClock(Date.UTC(2026, 0, 1));
 * clock.advance(60_000);
 */
export class ManualClock implements Clock {
  #nowMs: number;
  readonly #waits = new Set<PendingWait>();

  /** @param startMs the first instant in epoch milliseconds */
  constructor(startMs = 0) {
    this.#nowMs = wholeMs(startMs);
  }

  now(): number {
    return this.#nowMs;
  }

  /** Advances the clock by `ms` milliseconds (back if negative) and resolves the waits that are due. */
  advance(ms: number): void {
    this.set(this.#nowMs + ms);
  }

  /** Moves the clock to the instant `ms`, in epoch milliseconds, and resolves the waits that are due. */
  set(ms: number): void {
    this.#nowMs = wholeMs(ms);
    for (const wait of [...this.#waits]) if (wait.dueMs <= ms) wait.complete();
  }

  /** The number of pending waits. */
  get waiting(): number {
    return this.#waits.size;
  }

  wait(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (ms <= 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#waits.delete(wait);
        reject(signal?.reason);
      };
      const wait: PendingWait = {
        dueMs: this.#nowMs + ms,
        complete: () => {
          this.#waits.delete(wait);
          signal?.removeEventListener('abort', abort);
          resolve();
        },
      };
      this.#waits.add(wait);
      signal?.addEventListener('abort', abort, { once: true });
    });
  }
}

function wholeMs(ms: number): number {
  if (Number.isSafeInteger(ms)) return ms;
  throw new RangeError(`ManualClock: expected whole epoch milliseconds, got ${ms}`);
}
