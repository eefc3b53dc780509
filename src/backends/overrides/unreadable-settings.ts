import type { Emitter } from '../../core/emitter.js';
import type { BackendEvent } from '../backend-events.js';

type Unreadable = Extract<BackendEvent, { readonly type: 'unreadable' }>;

/** Settings that are remembered as reported. */
const MAX_REPORTED = 1000;

/** Emits an event for each stored setting that cannot be read: once, although every call may find it. */
export class UnreadableSettings {
  readonly #reported = new Set<string>();

  constructor(private readonly events: Emitter<BackendEvent>) {}

  report(found: Omit<Unreadable, 'type'>): void {
    const name = JSON.stringify([found.what, found.policy, found.subject]);
    if (this.#reported.has(name)) return;
    const [oldest] = this.#reported;
    if (this.#reported.size >= MAX_REPORTED && oldest !== undefined) this.#reported.delete(oldest);
    this.#reported.add(name);
    this.events.emit({ type: 'unreadable', ...found });
  }
}
