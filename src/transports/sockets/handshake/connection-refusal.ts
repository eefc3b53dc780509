import { HttpException, HttpStatus } from '@nestjs/common';
import type { RateLimitPayload } from '../rate-limit-message.js';
import type { HandshakeCall } from './handshake-call.js';

/** How a connection is refused: over HTTP on `ws`, by an error that carries the payload on socket.io. */
export interface ConnectionRefusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body: string;
  readonly message: string;
  readonly data: RateLimitPayload | object;
}

const JSON_TYPE = { 'Content-Type': 'application/json; charset=utf-8' };

/** The refusal that an exception stands for. @throws TypeError where its body is none that JSON can write */
export function refusalFrom(
  exception: HttpException,
  { headers, payload }: Pick<HandshakeCall, 'headers' | 'payload'>,
): ConnectionRefusal {
  const status = exception.getStatus();
  const response = exception.getResponse();
  // As Nest writes a text.
  const body = typeof response === 'string' ? { statusCode: status, message: response } : response;
  return {
    status,
    headers: { ...JSON_TYPE, ...headers },
    body: JSON.stringify(body),
    message: typeof payload?.error === 'string' ? payload.error : exception.message,
    // What JSON writes, and nothing that a library might lose itself in.
    data: JSON.parse(JSON.stringify(payload ?? body)),
  };
}

/** The refusal where an error came in between: nobody is told what it was. */
export function internalErrorRefusal(): ConnectionRefusal {
  const exception = new HttpException('Internal server error', HttpStatus.INTERNAL_SERVER_ERROR);
  return refusalFrom(exception, { headers: {}, payload: undefined });
}
