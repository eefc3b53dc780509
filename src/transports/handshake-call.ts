import { type Awaitable, chain } from '../core/awaitable.js';
import type { Outcome } from '../core/decision.js';
import type { Denial } from './answered-call.js';
import type { HttpRequest } from './call.js';
import type { HttpStyle } from './direct-call.js';
import { HttpCall } from './http-call.js';
import { deniedPayload, type RateLimitPayload, unavailablePayload } from './socket-payload.js';

/** Collects the headers of an answer that is not there yet. */
class PendingAnswer {
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
    super(request, new PendingAnswer(line), { of: () => address }, style);
  }

  /** Those that a refusal is sent with. */
  get headers(): Readonly<Record<string, string>> {
    return this.response instanceof PendingAnswer ? this.response.headers : {};
  }

  override deny(outcome: Outcome, ask: () => Awaitable<Denial>): Awaitable<false> {
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
