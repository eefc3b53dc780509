import { type Awaitable, chain } from '../../../core/awaitable.js';
import type { Outcome } from '../../../core/decision.js';
import type { HttpRequest } from '../../call.js';
import type { HttpStyle } from '../../http/detached-call.js';
import { HttpCall } from '../../http/http-call.js';
import type { DenialMessage } from '../../responder.js';
import { deniedPayload, type RateLimitPayload, unavailablePayload } from '../rate-limit-message.js';

/** Collects the headers of an answer that is not there yet. */
class HeaderRecorder {
  readonly headers: Record<string, string> = {};

  /** @param raw tells when the client has gone */
  constructor(readonly raw: unknown) {}

  setHeader(name: string, value: string): void {
    this.headers[name] = value;
  }

  removeHeader(name: string): void {
    delete this.headers[name];
  }
}

/** A connection that is asked for: an HTTP request to be upgraded, which has no socket of its own yet. */
export class HandshakeCall extends HttpCall {
  override readonly type = 'ws';
  /** What a client of socket.io is told where the connection is refused. */
  payload: RateLimitPayload | undefined;

  /** @param line tells when the client has gone */
  constructor(request: HttpRequest, line: unknown, address: string | undefined, style: HttpStyle) {
    super(request, new HeaderRecorder(line), { of: () => address }, style);
  }

  /** Those that a refusal is sent with. */
  get headers(): Readonly<Record<string, string>> {
    return this.response instanceof HeaderRecorder ? this.response.headers : {};
  }

  override deny(outcome: Outcome, ask: () => Awaitable<DenialMessage>): Awaitable<false> {
    return super.deny(outcome, () =>
      chain(ask(), (denial) => {
        this.payload = deniedPayload(outcome, denial, 'Too many connections');
        return denial;
      }),
    );
  }

  override unavailable(waitMs: number): false {
    this.payload = unavailablePayload(waitMs);
    return super.unavailable(waitMs);
  }
}
