import type { BackendEvent } from '../backends/backend.js';
import type { Charge, Outcome } from '../core/decision.js';

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
