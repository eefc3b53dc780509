import { HttpStatus } from '@nestjs/common';
import { recognizeInstances } from '../../core/copies.js';
import { ThrottleUnavailableException } from '../http/throttle.exception.js';

/**
 * A function of the application, or a custom backend, did not return within `functionTimeoutMs`: 503. The message names
 * the function and its policy. Nothing was charged for the call.
 *
 * A rejected request gets a ThrottleUnavailableException with the headers of its response and this exception as
 * `cause`. `consume`, `check`, `stat` and `reset` reject with this exception.
 *
 * @example
 * // policies.api.by of policy "api": expected a result within 5000 ms, got none. ...
 * if (error.cause instanceof FunctionTimeoutException) logger.error(error.cause.functionPath);
 */
export class FunctionTimeoutException extends ThrottleUnavailableException {
  static {
    recognizeInstances(FunctionTimeoutException, 'FunctionTimeoutException');
  }

  /**
   * @param functionPath the path of the function in the options, such as `policies.api.by`
   * @param policy the name of its policy, if it has one; several are joined by commas
   * @param waitedMs milliseconds for which the call waited
   * @param isClosing true if the application closes, so that it waited at most 500 milliseconds more
   */
  constructor(
    readonly functionPath: string,
    readonly policy: string | undefined,
    waitedMs: number,
    isClosing = false,
  ) {
    super({
      statusCode: HttpStatus.SERVICE_UNAVAILABLE,
      error: 'Service Unavailable',
      message: 'Limits cannot be checked now. Retry in 1 second.',
      retryAfter: 1,
    });
    const owner = policy === undefined ? '' : ` of policy "${policy}"`;
    const [when, alternative] = isClosing
      ? [' while the application closes', '']
      : ['', ', or raise functionTimeoutMs'];
    this.message =
      `${functionPath}${owner}: expected a result within ${waitedMs} ms${when}, got none. The call is rejected with 503. ` +
      `Set a shorter timeout for what the function waits for${alternative}.`;
  }
}
