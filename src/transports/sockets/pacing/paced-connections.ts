import type { Clock } from '../../../core/clock.js';
import { memberAt } from '../../member.js';
import { MessagePacer } from './message-pacer.js';
import { isPolling, pacePayloads } from './payload-pacing.js';
import { paceReceiver, receiverOf } from './receiver-pacing.js';

/** The part of a connection of engine.io in use. The namespaces that a client joins share it. */
interface EngineSocket {
  readonly transport: object;
  on(event: 'upgrade', listener: (transport: object) => void): unknown;
}

/** The connections whose messages are paced. */
export class PacedConnections {
  readonly #pacers = new WeakMap<object, MessagePacer>();

  constructor(private readonly clock: Clock) {}

  /**
   * Returns the pacer of the connection that a client uses; with `ws` the client is the connection. Undefined if it is
   * not paced.
   */
  pacerOf(client: object): MessagePacer | undefined {
    return this.#pacers.get(engineSocketOf(client) ?? client);
  }

  /** Paces a client of `ws`. Without a known receiver, its server still emits one message per turn. */
  paceClient(client: object): void {
    const receiver = receiverOf(client);
    if (receiver !== undefined && !this.#pacers.has(client)) paceReceiver(receiver, this.#register(client));
  }

  /** Paces a connection of engine.io, over all of its transports. */
  paceEngineSocket(connection: object): void {
    if (!isEngineSocket(connection) || this.#pacers.has(connection)) return;
    const pacer = this.#register(connection);
    const pace = (transport: object) => {
      const socket = memberAt(transport, ['socket']);
      if (isPolling(transport)) pacePayloads(transport, pacer);
      else if (typeof socket === 'object' && socket !== null) paceTransport(socket, pacer);
    };
    pace(connection.transport);
    connection.on('upgrade', pace);
  }

  #register(connection: object): MessagePacer {
    const pacer = new MessagePacer(this.clock);
    this.#pacers.set(connection, pacer);
    return pacer;
  }
}

/** Paces the WebSocket of a transport. A custom WebSocket server (`wsEngine`) may already emit one message per turn. */
function paceTransport(socket: object, pacer: MessagePacer): void {
  const receiver = receiverOf(socket);
  if (receiver?._allowSynchronousEvents) paceReceiver(receiver, pacer);
}

function engineSocketOf(client: object): object | undefined {
  const connection = memberAt(client, ['conn']);
  return typeof connection === 'object' && connection !== null ? connection : undefined;
}

function isEngineSocket(connection: object): connection is EngineSocket {
  return (
    typeof Reflect.get(connection, 'on') === 'function' && typeof Reflect.get(connection, 'transport') === 'object'
  );
}
