import { BoundedMap } from '../../core/bounded-map.js';
import type { Emitter } from '../../core/emitter.js';
import type { BackendEvent } from '../backend-events.js';

type Unreadable = Extract<BackendEvent, { readonly type: 'unreadable' }>;

/** Settings that are remembered as reported. */
const MAX_REPORTED = 1000;

/** Emits an event for each stored setting that cannot be read: once, although every call may find it. */
export class UnreadableSettings {
  readonly #reported = new BoundedMap<string, true>(MAX_REPORTED);

  constructor(private readonly events: Emitter<BackendEvent>) {}

  report(found: Omit<Unreadable, 'type'>): void {
    const name = JSON.stringify([found.what, found.policy, found.subject]);
    if (this.#reported.has(name)) return;
    this.#reported.set(name, true);
    this.events.emit({ type: 'unreadable', ...found });
  }
}
