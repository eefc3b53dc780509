import type { ExecutionContext } from '@nestjs/common';
import { invalidValue } from '../../core/errors.js';
import type { HttpRequest } from '../../transports/call.js';
import { isRequest, isSocket } from '../../transports/sockets/socket-client.js';

/** What `on` names. */
export type CallReference =
  | { readonly context: ExecutionContext }
  | { readonly request: HttpRequest }
  | { readonly client: object };

/** Tells an execution context, a request and a socket apart. */
export function parseCallReference(method: string, on: unknown): CallReference {
  if (isExecutionContext(on)) {
    if (['http', 'ws'].includes(on.getType<string>())) return { context: on };
    throw invalidValue(
      `${method}({ on })`,
      "the execution context of a call over HTTP or of a socket's message",
      `one of type ${on.getType<string>()}`,
    );
  }
  if (isRequest(on)) return { request: on };
  if (isSocket(on)) return { client: on };
  throw invalidValue(`${method}({ on })`, 'an ExecutionContext, a request or a socket', on);
}

function isExecutionContext(on: unknown): on is ExecutionContext {
  return typeof on === 'object' && on !== null && 'getHandler' in on && 'switchToHttp' in on;
}
