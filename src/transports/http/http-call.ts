import type { ExecutionContext } from '@nestjs/common';
import { bindingOf, type Decision, type Outcome } from '../../core/decision.js';
import type { Call, HttpRequest } from '../call.js';
import { DetachedCall, type HttpStyle } from './detached-call.js';
import { writeRateLimit, writeRetryAfter } from './rate-limit-headers.js';

/** A call over HTTP, on Express or Fastify. */
export class HttpCall extends DetachedCall {
  override readonly type: Call['type'] = 'http';

  constructor(
    readonly request: HttpRequest,
    override readonly response: object | undefined,
    private readonly addresses: { of(request: HttpRequest): string | undefined },
    style: HttpStyle,
    readonly execution?: ExecutionContext,
  ) {
    super(style);
  }

  get handler() {
    return this.execution?.getHandler();
  }

  get controller() {
    return this.execution?.getClass();
  }

  get address(): string | undefined {
    return this.addresses.of(this.request);
  }

  override decided(outcome: Outcome, decisions: readonly Decision[], wasDenied: boolean): void {
    if (this.response === undefined) return;
    const binding = decisions === outcome.decisions ? outcome.binding : bindingOf(decisions);
    writeRateLimit(this.response, decisions, binding, this.style.headers);
    if (outcome.allowed && wasDenied) writeRetryAfter(this.response, outcome);
  }

  override onLeave(listener: () => void): () => void {
    return this.response === undefined ? () => {} : onClose(this.response, listener);
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
