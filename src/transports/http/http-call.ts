import type { ExecutionContext } from '@nestjs/common';
import type { Charge, Decision, Outcome } from '../../core/decision.js';
import type { Call, CallContext, HttpRequest } from '../call.js';
import type { ClientAddress } from '../identity/client-address.js';
import type { Denial, Interruption, Responder, ResponseEnd } from '../responder.js';
import { type ErrorStyle, httpDenial, httpInterrupted, httpUnavailable } from './denial-exception.js';
import type { HeaderDialect } from './header-dialects.js';
import { reportOutcome, writeRetryAfter } from './rate-limit-headers.js';
import { requestSignal } from './request-signal.js';
import { onResponseClose, onResponseEnd } from './response-end.js';

/** How responses over HTTP are written. */
export interface HttpStyle {
  readonly headers: readonly HeaderDialect[];
  readonly errors: ErrorStyle;
}

/** Finds the addresses of requests. */
export type AddressSource = Pick<ClientAddress, 'of' | 'inHeader'>;

/**
 * A call over HTTP, on Express or Fastify, and its responder. It is one object, because the guard creates it for each
 * request.
 */
export class HttpCall implements Call, Responder<never> {
  readonly type = 'http';
  readonly context: CallContext = {};

  constructor(
    readonly request: HttpRequest,
    readonly response: object | undefined,
    private readonly addresses: AddressSource,
    private readonly style: HttpStyle,
    readonly execution?: ExecutionContext,
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

  addressIn(header: string): string | undefined {
    return this.addresses.inHeader(this.request, header);
  }

  get signal(): AbortSignal | undefined {
    return this.response === undefined ? undefined : requestSignal(this.request, this.response);
  }

  report(
    outcome: Outcome,
    decisions: readonly Decision[],
    charges: readonly Charge[],
    previous: Outcome | undefined,
  ): void {
    const { response } = this;
    if (response !== undefined) reportOutcome(response, outcome, decisions, charges, previous, this.style.headers);
  }

  enforce(outcome: Outcome): void {
    if (!outcome.allowed && this.response !== undefined) writeRetryAfter(this.response, outcome);
  }

  reject(outcome: Outcome, denial: Denial): never {
    if ('error' in denial) throw denial.error;
    throw httpDenial(outcome, denial.message, this.style.errors, this.response, denial.status);
  }

  rejectUnavailable(retryAfterMs: number, cause?: Error): never {
    throw httpUnavailable(retryAfterMs, this.style.errors, this.response, cause);
  }

  rejectInterrupted(cause: Interruption): never {
    throw httpInterrupted(cause);
  }

  onClientGone(listener: () => void): () => void {
    return this.response === undefined ? () => {} : onResponseClose(this.response, listener);
  }

  get endsWith(): 'response' | undefined {
    return this.response === undefined ? undefined : 'response';
  }

  onEnd(listener: (end: ResponseEnd) => void): () => void {
    return this.response === undefined ? () => {} : onResponseEnd(this.response, listener);
  }
}
