import { HttpException, HttpStatus } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { HttpError } from '../../transports/http/throttle.exception.js';

/**
 * Lets Nest answer our exceptions with their status where it has a copy of `@nestjs/common` of its own, by which they are no HTTP exceptions:
 * it takes them for errors of `http-errors` then. Not done otherwise, because Nest would answer what a middleware throws with less than its body.
 */
export function answerAcrossNestCopies(): void {
  if (!isRecognized(new HttpException('', HttpStatus.TOO_MANY_REQUESTS))) HttpError.imitateHttpErrors();
}

/** Asks Nest's own filter, which responds to nobody here, whether an exception is one of HTTP. */
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
