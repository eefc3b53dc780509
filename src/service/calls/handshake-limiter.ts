import { HttpException } from '@nestjs/common';
import type { CompiledLimit } from '../../planning/compiled-limit.js';
import type { HttpRequest } from '../../transports/call.js';
import type { ConnectionRegistry } from '../../transports/sockets/connection-registry.js';
import {
  type ConnectionRefusal,
  internalErrorRefusal,
  refusalOf,
} from '../../transports/sockets/handshake/connection-refusal.js';
import { HandshakeCall } from '../../transports/sockets/handshake/handshake-call.js';
import type { HandshakeHandler } from '../../transports/sockets/handshake/handshake-filter.js';
import type { CallLimiter } from './call-limiter.js';
import { CallSession } from './call-session.js';

/** Limits the new connections of a server. */
export class HandshakeLimiter implements HandshakeHandler {
  /** @param limits of all gateways on the server */
  constructor(
    private readonly limiter: CallLimiter,
    private readonly connections: ConnectionRegistry,
    private readonly limits: readonly CompiledLimit[],
  ) {}

  async decide(upgrade: HttpRequest, socket: unknown): Promise<ConnectionRefusal | undefined> {
    const { connections, limiter } = this;
    const addressIn = (header: string) => connections.addressIn(upgrade, header);
    const call = new HandshakeCall(upgrade, socket, connections.addressOf(upgrade), limiter.settings, addressIn);
    try {
      const result = await this.limiter.limit(this.limits, new CallSession(call, call));
      return result === true ? undefined : result;
    } catch (error) {
      // An HTTP exception of a function of the user: it refuses the connection with its own status and body.
      if (error instanceof HttpException) return refusalOf(error, call.response.headers);
      throw error;
    }
  }

  fail(error: unknown): ConnectionRefusal {
    this.limiter.settings.fail(error);
    return internalErrorRefusal();
  }
}
