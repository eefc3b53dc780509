import type { BackendEvent } from '../../../src/backends/backend-events.js';
import { MemoryBackend } from '../../../src/backends/memory/memory.backend.js';
import { ManualClock } from '../../../src/core/clock.js';
import { definePolicy } from '../../../src/strategies/define-policy.js';

export const START = Date.UTC(2026, 0, 1);
/** A limit that is soon full again. */
export const policy = definePolicy('p', { rate: '5/s', strategy: 'fixed-window' });
/** A limit that is not. */
export const other = definePolicy('q', { rate: '5/min', strategy: 'fixed-window' });

/** A memory backend with its own clock and its events, and shorthands for calls. */
export function openMemory(maxKeys?: number) {
  const clock = new ManualClock(START);
  const backend = new MemoryBackend(maxKeys === undefined ? { clock } : { clock, maxKeys });
  const events: BackendEvent[] = [];
  backend.listen((event) => events.push(event));
  const hit = (subject: string, cost = 1, on = policy) => backend.spend([{ policy: on, subject, cost }]);
  const left = (subject: string, on = policy) =>
    backend.peek([{ policy: on, subject, cost: 0 }]).decisions[0]?.remaining;
  return { backend, clock, events, hit, left };
}
