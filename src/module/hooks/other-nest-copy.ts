import { HttpException, HttpStatus } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { HttpError } from '../../transports/http/throttle.exception.js';

/**
 * Makes Nest respond to our exceptions with their status if it uses another copy of `@nestjs/common`, where they are
 * not HTTP exceptions: they imitate errors of `http-errors`. Not done otherwise, because for exceptions of middleware
 * Nest would then omit a part of the body.
 */
export function answerAcrossNestCopies(): void {
  if (!isRecognized(new HttpException('', HttpStatus.TOO_MANY_REQUESTS))) HttpError.imitateHttpErrors();
}

/**
 * Returns true if Nest's own filter recognizes an exception as an HTTP exception. The response of the filter is
 * discarded.
 */
function isRecognized(exception: HttpException): boolean {
  let isHttp = true;
  const filter = {
    applicationRef: { isHeadersSent: () => true, end: () => undefined },
    handleUnknownError: () => {
      isHttp = false;
    },
  };
  Reflect.apply(BaseExceptionFilter.prototype.catch, filter, [exception, { getArgByIndex: () => undefined }]);
  return isHttp;
}
