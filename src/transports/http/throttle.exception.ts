import { HttpException, HttpStatus } from '@nestjs/common';
import { recognizeInstances } from '../../core/copies.js';
import type { Outcome } from '../../core/decision.js';

/** An exception that Nest turns into a response with its status. It can also imitate an error of `http-errors`. */
export abstract class HttpError extends HttpException {
  /**
   * Adds the members of an error of `http-errors`. By these, Nest's exception filter recognizes such exceptions even if
   * it uses another copy of `@nestjs/common`, where `instanceof HttpException` is false.
   */
  static imitateHttpErrors(): void {
    Object.defineProperties(HttpError.prototype, {
      statusCode: {
        get(this: HttpError) {
          return this.getStatus();
        },
        configurable: true,
      },
      // True if the message is meant for the client.
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
 * Too many requests: 429, or the `status` of a concurrency limit. The outcome has the policy that denied the call, and
 * the wait. As the response to a request it has no stack trace; outside a request it has one, which shows the caller.
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

/**
 * The call could not be checked, and the policy rejects such calls: 503. It has a stack trace only outside a request.
 */
export class ThrottleUnavailableException extends HttpError {
  static {
    recognizeInstances(ThrottleUnavailableException, 'ThrottleUnavailableException');
  }

  /** @param options `cause`: the reason, if it is known */
  constructor(body: object, options?: { readonly cause?: unknown }) {
    super(body, HttpStatus.SERVICE_UNAVAILABLE, options);
  }
}
