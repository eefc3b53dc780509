import type { Receipt } from '../../core/decision.js';
import type { CompiledLimit } from '../../planning/compiled-limit.js';
import type { HttpRequest } from '../../transports/call.js';
import { isHttpException } from '../../transports/http/throttle.exception.js';
import type { ConnectionRegistry } from '../../transports/sockets/connection-registry.js';
import {
  type ConnectionRefusal,
  internalErrorRefusal,
  refusalOf,
} from '../../transports/sockets/handshake/connection-refusal.js';
import { HandshakeCall } from '../../transports/sockets/handshake/handshake-call.js';
import type { CallLimiter } from '../calls/call-limiter.js';
import { CallSession } from '../calls/call-session.js';
import type { ChargedOutcome } from '../calls/charges/prepared-charges.js';

/** All limits of a connection. */
export type ConnectionLimits = readonly CompiledLimit[];

/** The limits of new connections to a server, or to a namespace of one. */
export interface ServerLimits {
  readonly limits: ConnectionLimits;
  /** True if gateways use it. */
  readonly isServed: boolean;
}

/** A connection that is accepted, or its refusal. */
export type HandshakeVerdict =
  | { readonly refusal: ConnectionRefusal }
  | { readonly refusal: undefined; readonly limits: ConnectionLimits; readonly receipt: Receipt | undefined };

/** Limits new connections. */
export class HandshakeLimiter {
  constructor(
    private readonly limiter: CallLimiter,
    private readonly connections: ConnectionRegistry,
  ) {}

  /**
   * Charges a connection.
   *
   * @param alternatives alternative limits; the first alternative that allows the connection is charged
   * @param peer the socket or connection, which shows when the client has gone
   */
  async decide(
    alternatives: readonly ConnectionLimits[],
    request: HttpRequest,
    peer: unknown,
  ): Promise<HandshakeVerdict> {
    const { connections, limiter } = this;
    const addressIn = (header: string) => connections.addressIn(request, header);
    const call = new HandshakeCall(request, peer, connections.addressOf(request), limiter.settings, addressIn);
    try {
      const { limits, charged } = await this.#charge(alternatives, call);
      const recorded = this.limiter.record(charged, new CallSession(call, call));
      const result = await this.limiter.proceed(recorded, call, call);
      return result === true ? { refusal: undefined, limits, receipt: charged.outcome.receipt } : { refusal: result };
    } catch (error) {
      // An HTTP exception of a user's function refuses the connection with its own status and body.
      if (isHttpException(error)) return { refusal: refusalOf(error, call.response.headers) };
      throw error;
    }
  }

  /** Slows down a socket.io session that was refused a namespace, because it may request thousands at once. */
  slowDown(session: object): void {
    this.connections.paced.pacerOf(session)?.recordDenial();
  }

  fail(error: unknown): ConnectionRefusal {
    this.limiter.settings.fail(error);
    return internalErrorRefusal();
  }

  /**
   * Charges the first of the alternatives that allows the call. If none does, returns the denial with the shortest
   * wait.
   */
  async #charge(
    alternatives: readonly ConnectionLimits[],
    call: HandshakeCall,
  ): Promise<{ readonly limits: ConnectionLimits; readonly charged: ChargedOutcome }> {
    const [first = [], ...others] = alternatives;
    let best = { limits: first, charged: await this.limiter.spend(first, call) };
    for (const limits of others) {
      if (best.charged.outcome.allowed) break;
      const charged = await this.limiter.spend(limits, call);
      if (charged.outcome.allowed || waitOf(charged) < waitOf(best.charged)) best = { limits, charged };
    }
    return best;
  }
}

function waitOf({ outcome: { binding } }: ChargedOutcome): number {
  return binding?.retryAfterMs ?? Number.POSITIVE_INFINITY;
}
