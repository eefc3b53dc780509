import { HttpException, HttpStatus } from '@nestjs/common';
import type { Outcome } from '../../core/decision.js';

/**
 * Too many requests: 429, with the outcome that says which policy denied and for how long.
 * As the answer to a request it has no stack trace; outside a request it has one, which tells where the call was made.
 */
export class ThrottleException extends HttpException {
  /** @param onAnswer called when the body is asked for, to be sent: a handler may catch the exception and answer otherwise */
  constructor(
    body: object,
    readonly outcome: Outcome,
    private readonly onAnswer?: () => void,
  ) {
    super(body, HttpStatus.TOO_MANY_REQUESTS);
  }

  override getResponse(): string | object {
    this.onAnswer?.();
    return super.getResponse();
  }
}

/** Nothing could decide, and the policy says not to pass then: 503. Without a stack trace where a denial has none. */
export class ThrottleUnavailableException extends HttpException {
  /** @param onAnswer called when the body is asked for, to be sent */
  constructor(
    body: object,
    private readonly onAnswer?: () => void,
  ) {
    super(body, HttpStatus.SERVICE_UNAVAILABLE);
  }

  override getResponse(): string | object {
    this.onAnswer?.();
    return super.getResponse();
  }
}
