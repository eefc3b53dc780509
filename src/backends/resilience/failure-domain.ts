import type { Clock } from '../../core/clock.js';
import type { Charge } from '../../core/decision.js';
import type { BackendError } from '../backend-error.js';
import { CircuitBreaker, type OutageListener } from './circuit-breaker.js';

/** A failure domain: its circuit breaker, and the charges that probes of it use. */
export class FailureDomain {
  readonly breaker: CircuitBreaker;
  /** A list of only this domain, shared by all calls on one domain, which are the usual ones. */
  readonly alone: readonly FailureDomain[] = [this];
  /** The charges of the last call that failed. Probes use them, because the backend may work for others. */
  failedCharges: readonly Charge[] = [];

  /** @param name undefined: the whole backend */
  constructor(
    readonly name: string | undefined,
    outage: OutageListener,
    clock?: Pick<Clock, 'now'>,
  ) {
    this.breaker = new CircuitBreaker(outage, clock);
  }

  failed(error: BackendError, charges: readonly Charge[]): void {
    if (!this.breaker.isOpen) this.failedCharges = charges;
    this.breaker.failed(error);
  }
}
