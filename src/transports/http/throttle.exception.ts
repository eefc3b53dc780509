import { HttpException, HttpStatus } from '@nestjs/common';
import { recognizeInstances } from '../../core/copies.js';
import type { Outcome } from '../../core/decision.js';

/** What Nest answers with a status of its own, also as an error of `http-errors`. */
export abstract class HttpError extends HttpException {
  /**
   * Gives all of them the members of an error of `http-errors`, by which a filter of Nest recognizes them that has another copy of
   * `@nestjs/common`: to `instanceof` they are no HTTP exceptions there.
   */
  static imitateHttpErrors(): void {
    Object.defineProperties(HttpError.prototype, {
      statusCode: {
        get(this: HttpError) {
          return this.getStatus();
        },
        configurable: true,
      },
      // Whether the message is meant for the client.
      expose: {
        get(this: HttpError) {
          return this.getStatus() < 500;
        },
        configurable: true,
      },
    });
  }
}

/** Returns true for an exception of any copy of `@nestjs/common`. */
export function isHttpException(error: unknown): error is HttpException {
  if (error instanceof HttpException) return true;
  if (!(error instanceof Error)) return false;
  return ['getStatus', 'getResponse'].every((method) => typeof Reflect.get(error, method) === 'function');
}

/**
 * Too many requests: 429, or the `status` of a limit of concurrency. The outcome says which policy denied the call, and for how long.
 * As the response to a request it has no stack trace; outside a request it has one, which shows where the call was made.
 */
export class ThrottleException extends HttpError {
  static {
    recognizeInstances(ThrottleException, 'ThrottleException');
  }

  constructor(
    body: object,
    readonly outcome: Outcome,
    status: number = HttpStatus.TOO_MANY_REQUESTS,
  ) {
    super(body, status);
  }
}

/** The call could not be checked, and the policy rejects such calls: 503. Has a stack trace if a denial would have one. */
export class ThrottleUnavailableException extends HttpError {
  static {
    recognizeInstances(ThrottleUnavailableException, 'ThrottleUnavailableException');
  }

  /** @param options `cause`: why it could not be checked, if it is known */
  constructor(body: object, options?: { readonly cause?: unknown }) {
    super(body, HttpStatus.SERVICE_UNAVAILABLE, options);
  }
}
