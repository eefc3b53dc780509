import { type ArgumentsHost, Catch } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { setContentType } from './http-headers.js';
import { ThrottleException, ThrottleUnavailableException } from './throttle.exception.js';

/**
 * Says that a body is problem details, when it is sent and not before: a handler may catch the exception and answer
 * otherwise.
 */
@Catch(ThrottleException, ThrottleUnavailableException)
export class ProblemFilter extends BaseExceptionFilter {
  override catch(exception: ThrottleException | ThrottleUnavailableException, host: ArgumentsHost): void {
    const isProblem = exception.style === 'problem' && host.getType() === 'http';
    if (isProblem) setContentType(host.switchToHttp().getResponse<object>(), 'application/problem+json');
    super.catch(exception, host);
  }
}
