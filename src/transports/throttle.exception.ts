import { HttpException, HttpStatus } from '@nestjs/common';
import type { Outcome } from '../core/decision.js';

/** Too many requests: 429, with the outcome that says which policy denied and for how long. */
export class ThrottleException extends HttpException {
  constructor(
    body: object,
    readonly outcome: Outcome,
  ) {
    super(body, HttpStatus.TOO_MANY_REQUESTS);
  }
}

/** Nothing could decide, and the policy says not to pass then: 503. */
export class ThrottleUnavailableException extends HttpException {
  constructor(body: object) {
    super(body, HttpStatus.SERVICE_UNAVAILABLE);
  }
}
