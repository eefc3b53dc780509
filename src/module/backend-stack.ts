import type { Backend } from '../backends/backend.js';
import { canLease, LeasingBackend } from '../backends/leasing/leasing.backend.js';
import { MemoryBackend } from '../backends/memory/memory.backend.js';
import { ResilientBackend } from '../backends/resilience/resilient.backend.js';
import type { OnError } from '../core/policy.js';
import type { FunctionDeadlines } from '../transports/functions/function-deadlines.js';
import { BoundedBackend } from './bounded/bounded.backend.js';

/** A backend with its layers. */
export interface BackendStack {
  readonly backend: Backend;
  /** Milliseconds until a backend that failed is asked again; 0 while it is asked. */
  readonly unavailableForMs: () => number;
  /** Calls, refunds and resets that failed at the backend, by the code of the error. */
  readonly failures: ReadonlyMap<string, number>;
}

/**
 * Puts the layers over a backend, from the inside out: a deadline, if it has none of its own; leasing, if the backend can lease;
 * and resilience, which decides what happens while it is unavailable. A backend in the process has neither of the last two: it
 * leases nothing and does not fail.
 *
 * @param onError for policies without an `onError` of their own
 * @param deadlines of calls of a backend without a deadline of its own
 */
export function stackBackend(provided: Backend, onError: OnError, deadlines: FunctionDeadlines): BackendStack {
  // The built-in one answers at once; a class that extends it may not.
  if (provided.remote !== true && provided.constructor === MemoryBackend)
    return { backend: provided, unavailableForMs: () => 0, failures: new Map() };
  const hasDeadline = provided.timeoutMs !== undefined;
  const backend = hasDeadline ? provided : new BoundedBackend(provided, deadlines);
  if (backend.remote !== true) return { backend, unavailableForMs: () => 0, failures: new Map() };
  const leasing = canLease(backend) ? new LeasingBackend(backend) : backend;
  const resilient = new ResilientBackend(leasing, onError);
  const { failures } = resilient;
  return { backend: resilient, unavailableForMs: () => resilient.retryAfterMs, failures };
}
