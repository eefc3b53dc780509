import { HttpException, HttpStatus } from '@nestjs/common';
import { problemTypeOf } from '../../http/problem-body.js';
import type { RateLimitPayload } from '../rate-limit-message.js';

/** How a connection is refused: by an HTTP response on `ws`, by an error that carries `data` on socket.io. */
export interface ConnectionRefusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The body as JSON. */
  readonly body: string;
  readonly message: string;
  readonly data: RateLimitPayload | object;
}

const JSON_TYPE = 'application/json; charset=utf-8';

/**
 * Returns the refusal that corresponds to an HTTP exception.
 *
 * @param payload the data for a client of socket.io; default: the body
 * @throws TypeError if the body cannot be written as JSON
 */
export function refusalOf(
  exception: HttpException,
  headers: Readonly<Record<string, string>>,
  payload?: RateLimitPayload,
): ConnectionRefusal {
  const status = exception.getStatus();
  const response = exception.getResponse();
  // Nest writes a string like this.
  const body = typeof response === 'string' ? { statusCode: status, message: response } : response;
  return {
    status,
    headers: { 'Content-Type': problemTypeOf(response) ?? JSON_TYPE, ...headers },
    body: JSON.stringify(body),
    message: typeof payload?.error === 'string' ? payload.error : exception.message,
    // Plain JSON data only: a library that encodes the error might recurse without end into anything else.
    data: JSON.parse(JSON.stringify(payload ?? body)),
  };
}

/** Returns the refusal after an unexpected error, without its details. */
export function internalErrorRefusal(): ConnectionRefusal {
  return refusalOf(new HttpException('Internal server error', HttpStatus.INTERNAL_SERVER_ERROR), {});
}
