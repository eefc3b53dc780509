import type { ExecutionContext } from '@nestjs/common';
import { misfit } from '../core/errors.js';
import type { HttpRequest } from '../transports/call.js';

/** What `on` names: an execution context, or a request. */
export function requestOf(
  method: string,
  on: unknown,
): { readonly context: ExecutionContext } | { readonly request: HttpRequest } {
  if (isExecutionContext(on)) {
    if (on.getType<string>() === 'http') return { context: on };
    throw misfit(
      `${method}({ on })`,
      'the execution context of a call over HTTP',
      `one of type ${on.getType<string>()}`,
    );
  }
  if (isRequest(on)) return { request: on };
  throw misfit(`${method}({ on })`, 'an ExecutionContext or a request', on);
}

function isExecutionContext(on: unknown): on is ExecutionContext {
  return typeof on === 'object' && on !== null && 'getHandler' in on && 'switchToHttp' in on;
}

function isRequest(on: unknown): on is HttpRequest {
  return typeof on === 'object' && on !== null && 'headers' in on && 'method' in on;
}
