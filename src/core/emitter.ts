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
        process.emitWarning(error instanceof Error ? error : String(error), 'SluiceListenerWarning');
      }
    }
  }
}
