import type { Charge, Decision, Outcome } from '../../../core/decision.js';
import type { Call, CallContext, HttpRequest } from '../../call.js';
import { httpDenial, httpInterrupted, httpUnavailable } from '../../http/denial-exception.js';
import type { HttpStyle } from '../../http/http-call.js';
import { reportOutcome, writeRetryAfter } from '../../http/rate-limit-headers.js';
import type { Denial, Interruption, Responder } from '../../responder.js';
import { deniedPayload, unavailablePayload } from '../rate-limit-message.js';
import { type ConnectionRefusal, refusalOf } from './connection-refusal.js';
import { onPeerGone } from './peer-socket.js';

/** Records the headers of a response that does not exist yet. */
class HeaderRecorder {
  readonly headers: Record<string, string> = {};

  setHeader(name: string, value: string): void {
    this.headers[name] = value;
  }

  removeHeader(name: string): void {
    delete this.headers[name];
  }
}

/** A connection request, and its responder. It is an HTTP request; the WebSocket does not exist yet. */
export class HandshakeCall implements Call, Responder<ConnectionRefusal> {
  readonly type = 'ws';
  readonly context: CallContext = {};
  readonly response = new HeaderRecorder();

  /**
   * @param socket the socket of the connection request, which shows when the client has gone
   * @param addressIn returns the address that a trusted proxy wrote into a header
   */
  constructor(
    readonly request: HttpRequest,
    private readonly socket: unknown,
    readonly address: string | undefined,
    private readonly style: HttpStyle,
    readonly addressIn: (header: string) => string | undefined,
  ) {}

  report(
    outcome: Outcome,
    decisions: readonly Decision[],
    charges: readonly Charge[],
    previous: Outcome | undefined,
  ): void {
    reportOutcome(this.response, outcome, decisions, charges, previous, this.style.headers);
  }

  enforce(outcome: Outcome): void {
    if (!outcome.allowed) writeRetryAfter(this.response, outcome);
  }

  reject(outcome: Outcome, denial: Denial): ConnectionRefusal {
    if ('error' in denial) throw denial.error;
    const payload = deniedPayload(outcome, denial, 'Too many connections');
    const exception = httpDenial(outcome, denial.message, this.style.errors, this.response);
    return refusalOf(exception, this.response.headers, payload);
  }

  rejectUnavailable(retryAfterMs: number, cause?: Error): ConnectionRefusal {
    const exception = httpUnavailable(retryAfterMs, this.style.errors, this.response, cause);
    return refusalOf(exception, this.response.headers, unavailablePayload(retryAfterMs));
  }

  rejectInterrupted(cause: Interruption): ConnectionRefusal {
    return refusalOf(httpInterrupted(cause), this.response.headers);
  }

  onClientGone(listener: () => void): () => void {
    return onPeerGone(this.socket, listener);
  }
}
