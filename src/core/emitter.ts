import { types } from 'node:util';
import { isPromise } from './awaitable.js';
import { systemClock } from './clock.js';
import { describeValue } from './errors.js';

/** The minimum time between two reports about one listener. */
const REPORT_INTERVAL_MS = 60_000;

/**
 * Calls a listener and catches its errors, because a listener must not change a decision. Exceptions and rejections are
 * reported, at most once a minute.
 */
export class FencedListener<Event> {
  #reportedAtMs = Number.NEGATIVE_INFINITY;

  /** @param report receives the error that the listener threw. Default: a process warning (`process.emitWarning`) */
  constructor(
    private readonly listener: (event: Event) => unknown,
    private readonly report: (error: unknown) => void = warnOf,
  ) {}

  call(event: Event): void {
    try {
      const result = this.listener(event);
      if (isPromise(result)) Promise.resolve(result).then(undefined, (error: unknown) => this.failed(error));
    } catch (error) {
      this.failed(error);
    }
  }

  /** Reports an error of the listener. */
  failed(error: unknown): void {
    const now = systemClock.now();
    if (now - this.#reportedAtMs < REPORT_INTERVAL_MS) return;
    this.#reportedAtMs = now;
    try {
      this.report(error);
    } catch {
      // The report itself failed, and there is no other place to report that.
    }
  }
}

/**
 * Calls listeners with events, in the order in which they were added.
 *
 * A listener cannot change a decision: an exception that it throws is reported as a process warning
 * (`process.emitWarning`), at most once a minute for each listener, and the other listeners still run.
 */
export class Emitter<Event> {
  readonly #listeners: FencedListener<Event>[] = [];

  /** Adds a listener for all later events. */
  listen(listener: (event: Event) => void): void {
    this.#listeners.push(new FencedListener(listener));
  }

  emit(event: Event): void {
    for (const listener of this.#listeners) listener.call(event);
  }
}

/** Passes a message and not the error itself, because `emitWarning` throws for an error of another realm. */
function warnOf(error: unknown): void {
  const type = 'SluiceListenerWarning';
  if (types.isNativeError(error))
    process.emitWarning(String(error.message), { type, detail: String(error.stack ?? '') });
  else process.emitWarning(`A listener threw ${describeValue(error)}`, { type });
}
