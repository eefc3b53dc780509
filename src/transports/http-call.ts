import type { ExecutionContext } from '@nestjs/common';
import { normalizeAddress } from './address.js';
import type { Call, CallContext, HttpRequest } from './call.js';

/** A call over HTTP, on Express or Fastify. */
export class HttpCall implements Call {
  readonly type = 'http';
  readonly context: CallContext = {};

  constructor(
    readonly request: HttpRequest,
    readonly response: object | undefined,
    private readonly ipv6Prefix: number,
    readonly execution: ExecutionContext | undefined,
  ) {}

  get handler() {
    return this.execution?.getHandler();
  }

  get controller() {
    return this.execution?.getClass();
  }

  /** The framework's own address, under the application's trust-proxy setting. */
  get address(): string | undefined {
    const { ip } = this.request;
    return ip === undefined || ip === '' ? undefined : normalizeAddress(ip, this.ipv6Prefix);
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
