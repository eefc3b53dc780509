import { type Awaitable, chain, isPromise } from '../../core/awaitable.js';
import type { CompiledLimit } from '../../planning/compiled-limit.js';
import type { ConnectionRegistry } from '../../transports/sockets/connection-registry.js';
import { type Acknowledge, SocketCall } from '../../transports/sockets/socket-call.js';
import type { CallLimiter } from '../calls/call-limiter.js';
import { CallSession } from '../calls/call-session.js';

/** Limits frames: everything that a socket sends, before it is parsed. */
export class FrameLimiter {
  /** @param limit the limit of a connection's frames; undefined if frames are not limited */
  constructor(
    private readonly limiter: CallLimiter,
    private readonly connections: ConnectionRegistry,
    private readonly limit: CompiledLimit | undefined,
  ) {}

  get isActive(): boolean {
    return this.limit !== undefined;
  }

  /**
   * Returns whether a frame may reach its listeners. No caller can receive an error, so it is logged and the frame is
   * dropped.
   */
  admit(client: object, message: unknown, acknowledge: Acknowledge | undefined): Awaitable<boolean> {
    const connection = this.connections.connectionOf(client);
    if (this.limit === undefined) return true;
    if (connection.isClosed) return false;
    const call = new SocketCall(connection, message, undefined, acknowledge, true);
    try {
      const isAdmitted = chain(this.limiter.limit([this.limit], new CallSession(call, call)), (isAllowed) => {
        if (!isAllowed) call.acknowledge?.();
        return isAllowed;
      });
      return isPromise(isAdmitted) ? isAdmitted.catch((error: unknown) => this.#drop(error)) : isAdmitted;
    } catch (error) {
      return this.#drop(error);
    }
  }

  #drop(error: unknown): false {
    this.limiter.settings.fail(error);
    return false;
  }
}
