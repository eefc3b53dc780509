import type { Outcome } from '../../core/decision.js';
import type { Call, CallContext } from '../call.js';
import type { Denial, Interruption, Responder } from '../responder.js';
import { type ErrorStyle, httpDenial, httpInterrupted, httpUnavailable } from './denial-exception.js';

/**
 * A call outside any request, in a cron job or a queue worker. Rejecting it throws the same exception as for a request.
 */
export class DetachedCall implements Call, Responder<never> {
  readonly type = 'none';
  readonly context: CallContext = {};

  constructor(private readonly errors: ErrorStyle) {}

  report(): void {}

  enforce(): void {}

  reject(outcome: Outcome, denial: Denial): never {
    if ('error' in denial) throw denial.error;
    throw httpDenial(outcome, denial.message, this.errors, undefined, denial.status);
  }

  rejectUnavailable(retryAfterMs: number, cause?: Error): never {
    throw httpUnavailable(retryAfterMs, this.errors, undefined, cause);
  }

  rejectInterrupted(cause: Interruption): never {
    throw httpInterrupted(cause);
  }

  onClientGone(): () => void {
    return () => {};
  }
}
