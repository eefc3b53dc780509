import type { ExecutionContext } from '@nestjs/common';
import type { Call, CallContext, HttpRequest } from './call.js';
import type { ClientAddress } from './client-address.js';

/** A call over HTTP, on Express or Fastify. */
export class HttpCall implements Call {
  readonly type = 'http';
  readonly context: CallContext = {};

  constructor(
    readonly request: HttpRequest,
    readonly response: object | undefined,
    private readonly addresses: ClientAddress,
    readonly execution: ExecutionContext | undefined,
  ) {}

  get handler() {
    return this.execution?.getHandler();
  }

  get controller() {
    return this.execution?.getClass();
  }

  get address(): string | undefined {
    return this.addresses.of(this.request);
  }
}

/** The part of Node's response that tells when a client has gone; Fastify's reply holds it as `raw`. */
interface NodeResponse {
  readonly closed: boolean;
  once(event: 'close', listener: () => void): unknown;
  off(event: 'close', listener: () => void): unknown;
}

/** Calls `listener` once the response has ended or its client has gone; the function returned takes that back. */
export function onClose(response: object, listener: () => void): () => void {
  const node: NodeResponse = Reflect.get(response, 'raw') ?? response;
  if (node.closed) listener();
  else node.once('close', listener);
  return () => node.off('close', listener);
}
