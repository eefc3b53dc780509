import { types } from 'node:util';
import { describeValue } from './errors.js';

/**
 * Calls listeners with events, in the order in which they were added.
 *
 * A listener cannot change a decision: an exception that it throws is reported as a process warning
 * (`process.emitWarning`), and the other listeners still run.
 */
export class Emitter<Event> {
  readonly #listeners: ((event: Event) => void)[] = [];

  /** Adds a listener for all later events. */
  listen(listener: (event: Event) => void): void {
    this.#listeners.push(listener);
  }

  emit(event: Event): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        warnOf(error);
      }
    }
  }
}

/** Passes a message and not the error itself, because `emitWarning` throws for an error of another realm. */
function warnOf(error: unknown): void {
  const type = 'SluiceListenerWarning';
  if (types.isNativeError(error)) process.emitWarning(error.message, { type, detail: error.stack ?? '' });
  else process.emitWarning(`A listener threw ${describeValue(error)}`, { type });
}
