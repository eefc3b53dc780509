import { type Awaitable, chain } from '../../core/awaitable.js';
import type { Decision, Outcome } from '../../core/decision.js';
import type { Call, CallContext } from '../call.js';
import type { AnsweredCall, DenialMessage } from '../responder.js';
import { type ErrorStyle, httpDenial, httpUnavailable } from './denial-exception.js';
import { type HeaderStyle, writeRetryAfter } from './rate-limit-headers.js';

/** How answers over HTTP are written. */
export interface HttpStyle {
  readonly headers: HeaderStyle;
  readonly errors: ErrorStyle;
}

/** A call outside any request, in a cron job or a queue worker: what answers it is thrown. */
export class DetachedCall implements AnsweredCall {
  readonly type: Call['type'] = 'none';
  readonly context: CallContext = {};
  readonly response: object | undefined = undefined;

  constructor(protected readonly style: HttpStyle) {}

  decided(_outcome: Outcome, _decisions: readonly Decision[], _wasDenied: boolean): void {}

  admitted(): void {}

  deny(outcome: Outcome, ask: () => Awaitable<DenialMessage>): Awaitable<false> {
    if (this.response !== undefined) writeRetryAfter(this.response, outcome);
    return chain(ask(), ({ message }) => {
      throw httpDenial(outcome, message, this.style.errors, this.response);
    });
  }

  unavailable(waitMs: number): false {
    throw httpUnavailable(waitMs, this.style.errors, this.response);
  }

  onLeave(_listener: () => void): () => void {
    return () => {};
  }
}
