import { HttpException, HttpStatus } from '@nestjs/common';
import type { Outcome } from '../core/decision.js';

/** How errors are written: as Nest writes them, or as problem details (RFC 9457). */
export type ErrorStyle = 'nest' | 'problem';

/** Too many requests: 429, with the outcome that says which policy denied and for how long. */
export class ThrottleException extends HttpException {
  constructor(
    body: object,
    readonly outcome: Outcome,
    readonly style: ErrorStyle = 'nest',
  ) {
    super(body, HttpStatus.TOO_MANY_REQUESTS);
  }
}

/** Nothing could decide, and the policy says not to pass then: 503. */
export class ThrottleUnavailableException extends HttpException {
  constructor(
    body: object,
    readonly style: ErrorStyle = 'nest',
  ) {
    super(body, HttpStatus.SERVICE_UNAVAILABLE);
  }
}
