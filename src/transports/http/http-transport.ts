import type { ExecutionContext } from '@nestjs/common';
import { type HttpRequest, isRequest } from '../call.js';
import type { ClientAddress } from '../identity/client-address.js';
import type { OpenedCall, Transport } from '../transport.js';
import { HttpCall, type HttpStyle } from './http-call.js';

/** Requests over HTTP, on Express or Fastify. A call's session is kept on its request. */
export class HttpTransport implements Transport {
  readonly type = 'http';
  readonly chargedIn = 'guard';

  constructor(
    private readonly addresses: ClientAddress,
    private readonly style: HttpStyle,
  ) {}

  open(context: ExecutionContext): OpenedCall {
    // By index: `switchToHttp()` would make an object.
    return this.openRequest(context.getArgByIndex(0), context.getArgByIndex(1), context);
  }

  openNamed(on: unknown): OpenedCall | undefined {
    if (!isRequest(on)) return undefined;
    const response: unknown = on.res; // set by Express
    return this.openRequest(on, typeof response === 'object' && response !== null ? response : undefined);
  }

  openRequest(request: HttpRequest, response: object | undefined, context?: ExecutionContext): OpenedCall {
    const call = new HttpCall(request, response, this.addresses, this.style, context);
    return { target: request, call, responder: call };
  }
}
