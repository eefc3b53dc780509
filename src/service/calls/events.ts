import { type Observable, Subject } from 'rxjs';
import type { BackendEvent, DegradedDomains } from '../../backends/backend-events.js';
import type { Charge, Outcome } from '../../core/decision.js';
import type { PlanEvent } from '../../planning/plans/plan-lookup.js';
import type { ChargedOutcome } from './charge-builder.js';
import type { RuntimeSettings } from './runtime-settings.js';

/** An event of the service. It contains subjects in clear text: consider that before you log it. */
export type ThrottleEvent =
  | {
      readonly type: 'denied';
      readonly outcome: Outcome;
      /** The charges of the call, in the order of the outcome's decisions. */
      readonly charges: readonly Charge[];
      /** `ReportsController.list`, if a handler is known. */
      readonly handler?: string;
    }
  | PlanEvent
  | BackendEvent;

/** The events of an application: its denied calls, and those of its plans and its backend. */
export class ThrottleEvents {
  readonly #subject = new Subject<ThrottleEvent>();
  readonly stream: Observable<ThrottleEvent> = this.#subject.asObservable();

  constructor({ backend, warn }: RuntimeSettings) {
    backend.listen?.((event) => {
      const message = outageMessage(event);
      if (message !== undefined) warn(message);
      this.#subject.next(event);
    });
  }

  denied({ outcome, charges }: ChargedOutcome, handler: string | undefined): void {
    if (!this.#subject.observed) return;
    this.#subject.next({ type: 'denied', outcome, charges, ...(handler !== undefined && { handler }) });
  }

  /** Passes an event on that says nothing of a call. */
  emit(event: PlanEvent): void {
    this.#subject.next(event);
  }

  complete(): void {
    this.#subject.complete();
  }
}

/** The log message of an outage's start and end. */
function outageMessage(event: BackendEvent): string | undefined {
  if (event.type === 'recovered') return `${partOf(event)} answers again, and decides again.`;
  if (event.type !== 'degraded') return undefined;
  return `${partOf(event)} does not answer (${event.code}). Until it does, each policy's onError decides.`;
}

/** The part of the backend that an outage is of, and how many others there are. */
function partOf({ domain, unavailable = [], of }: Partial<DegradedDomains>): string {
  if (domain === undefined) return 'The backend';
  return `The backend at ${domain} (${unavailable.length} of ${of} unavailable)`;
}
