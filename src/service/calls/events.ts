import type { BackendEvent } from '../../backends/backend-events.js';
import type { Charge, Outcome } from '../../core/decision.js';

/** What the service tells as it happens. Subjects stand in it in clear: think before you log them. */
export type ThrottleEvent =
  | {
      readonly type: 'denied';
      readonly outcome: Outcome;
      /** What was asked for, in the order of the outcome's decisions. */
      readonly charges: readonly Charge[];
      /** `ReportsController.list`, where a handler is known. */
      readonly handler?: string;
    }
  | BackendEvent;

/** What is logged of an outage: its first and its last moment, and nothing between. */
export function outageMessage(event: BackendEvent): string | undefined {
  if (event.type === 'recovered') return 'The backend answers again, and decides again.';
  if (event.type !== 'degraded') return undefined;
  return `The backend does not answer (${event.code}). Until it does, each policy's onError decides.`;
}
