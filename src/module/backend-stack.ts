import type { Backend } from '../backends/backend.js';
import { canLease, LeasingBackend } from '../backends/leasing/leasing.backend.js';
import { ResilientBackend } from '../backends/resilience/resilient.backend.js';
import type { FailureMode } from '../core/policy.js';

/** A backend with its layers. */
export interface BackendStack {
  readonly backend: Backend;
  /** Milliseconds until a backend that failed is asked again; 0 while it is asked. */
  readonly unavailableForMs: () => number;
}

/**
 * Puts the layers over a backend, from the inside out: leasing, if the backend can lease, and resilience, which decides
 * what happens while it is unavailable. A backend in the process has neither: it leases nothing and does not fail.
 *
 * @param onError for policies without an `onError` of their own
 */
export function stackBackend(backend: Backend, onError: FailureMode): BackendStack {
  if (backend.remote !== true) return { backend, unavailableForMs: () => 0 };
  const leasing = canLease(backend) ? new LeasingBackend(backend) : backend;
  const resilient = new ResilientBackend(leasing, onError);
  return { backend: resilient, unavailableForMs: () => resilient.retryAfterMs };
}
