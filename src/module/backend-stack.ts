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
  /** Milliseconds until a backend that failed is called again; 0 while it is being called. */
  readonly unavailableForMs: () => number;
  /** The number of calls, refunds and resets that failed at the backend, by the code of the error. */
  readonly failures: ReadonlyMap<string, number>;
}

/**
 * Wraps a backend in its layers, from the inside out: deadlines, if it has none; leasing, if the backend supports it;
 * and resilience, which decides what happens while it is unavailable. A backend in the process does not get the last
 * two: it leases nothing and does not fail.
 *
 * @param onError the failure mode of policies that do not set one
 * @param deadlines limits how long a backend without deadlines may take
 */
export function stackBackend(provided: Backend, onError: OnError, deadlines: FunctionDeadlines): BackendStack {
  // The built-in backend is synchronous; a subclass may not be.
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
