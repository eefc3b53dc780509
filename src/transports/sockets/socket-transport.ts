import type { ExecutionContext } from '@nestjs/common';
import type { OpenedCall, Transport } from '../transport.js';
import type { ConnectionRegistry } from './connection-registry.js';
import { type Acknowledge, SocketCall } from './socket-call.js';
import { isSocket } from './socket-client.js';

/**
 * Messages that gateways handle. A call's session is stored on the handler's arguments, since one message may have
 * several handlers. Messages are charged in the interceptor, which can drop them: if a guard returns false, Nest sends
 * an exception.
 */
export class SocketTransport implements Transport {
  readonly type = 'ws';
  readonly chargedIn = 'interceptor';

  constructor(private readonly connections: ConnectionRegistry) {}

  open(context: ExecutionContext): OpenedCall | undefined {
    const args = context.getArgs<[client: object, data: unknown, ...rest: unknown[]]>();
    const client = args[0]; // destructuring an array is several times as expensive
    if (!this.connections.owns(client)) return undefined;
    const call = new SocketCall(this.connections.connectionOf(client), args[1], context, acknowledgeIn(args));
    return { target: args, call, responder: call };
  }

  /** Opens a call of the client without a message. */
  openNamed(on: unknown): OpenedCall | undefined {
    if (!isSocket(on)) return undefined;
    const call = new SocketCall(this.connections.connectionOf(on), undefined);
    return { target: undefined, call, responder: call };
  }
}

/**
 * Returns the function by which a client receives its acknowledgement, if it asked for one. It comes behind the data.
 */
function acknowledgeIn(args: readonly unknown[]): Acknowledge | undefined {
  for (let i = 2; i < args.length; i++) {
    const value = args[i];
    if (isAcknowledge(value)) return value;
  }
  return undefined;
}

function isAcknowledge(value: unknown): value is Acknowledge {
  return typeof value === 'function';
}
