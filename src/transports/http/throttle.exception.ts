import { HttpException, HttpStatus } from '@nestjs/common';
import { recognizeInstances } from '../../core/copies.js';
import type { Outcome } from '../../core/decision.js';

/**
 * Too many requests: 429. The outcome says which policy denied the call, and for how long.
 * As the response to a request it has no stack trace; outside a request it has one, which shows where the call was made.
 */
export class ThrottleException extends HttpException {
  static {
    recognizeInstances(ThrottleException, 'ThrottleException');
  }

  constructor(
    body: object,
    readonly outcome: Outcome,
  ) {
    super(body, HttpStatus.TOO_MANY_REQUESTS);
  }
}

/** The call could not be checked, and the policy rejects such calls: 503. Has a stack trace if a denial would have one. */
export class ThrottleUnavailableException extends HttpException {
  static {
    recognizeInstances(ThrottleUnavailableException, 'ThrottleUnavailableException');
  }

  /** @param options `cause`: why it could not be checked, if it is known */
  constructor(body: object, options?: { readonly cause?: unknown }) {
    super(body, HttpStatus.SERVICE_UNAVAILABLE, options);
  }
}
