import type { ExecutionContext } from '@nestjs/common';
import type { HttpRequest } from '../transports/call.js';
import type { ClientAddress } from '../transports/client-address.js';
import { HandshakeCall } from '../transports/handshake-call.js';
import { type Acknowledge, SocketCall } from '../transports/socket-call.js';
import { keptRequest } from '../transports/socket-client.js';
import { SocketConnection } from '../transports/socket-connection.js';
import type { Settings } from './settings.js';

/** Which application a client came to: a gateway class that several share has an interceptor of each. */
const owners = new WeakMap<object, Connections>();

/** The connections of an application's sockets, and the calls that come over them. */
export class Connections {
  readonly #known = new WeakMap<object, SocketConnection>();

  /** @param requestOf an upgrade request as the framework would see it */
  constructor(
    private readonly settings: Settings,
    private readonly addresses: ClientAddress,
    private readonly requestOf: (upgrade: HttpRequest) => HttpRequest,
  ) {}

  /** A client has connected. The upgrade request is where its address and its headers are. */
  opened(client: object, upgrade: HttpRequest | undefined = keptRequest(client)): SocketConnection {
    const known = this.#known.get(client);
    if (known !== undefined) return known;
    const { sockets, clock } = this.settings;
    // Now, since a socket that has closed tells no address.
    const connection = new SocketConnection(client, upgrade, this.#addressOf(upgrade), sockets, clock);
    this.#known.set(client, connection);
    owners.set(client, this);
    return connection;
  }

  /** Whether a client is of this application, and not of another in the process. One that nobody has seen yet is. */
  owns(client: object): boolean {
    return (owners.get(client) ?? this) === this;
  }

  /** The call that a gateway's handler is called for. */
  message(context: ExecutionContext): SocketCall {
    const [client, data, ...rest] = context.getArgs<[object, ...unknown[]]>();
    return new SocketCall(this.opened(client), data, context, rest.find(isAcknowledge));
  }

  /** What a client sent, before anybody has read it. */
  frame(client: object, message: unknown, ack: Acknowledge | undefined): SocketCall {
    return new SocketCall(this.opened(client), message, undefined, ack, true);
  }

  /** The client by itself. */
  call(client: object): SocketCall {
    return new SocketCall(this.opened(client), undefined);
  }

  /** @param line tells when the client has gone */
  handshake(upgrade: HttpRequest, line: unknown): HandshakeCall {
    return new HandshakeCall(upgrade, line, this.#addressOf(upgrade), this.settings);
  }

  /** A proxy setting that throws tells no address: its clients share a budget, and the process goes on. */
  #addressOf(upgrade: HttpRequest | undefined): string | undefined {
    try {
      return upgrade && this.addresses.of(this.requestOf(upgrade));
    } catch (error) {
      this.settings.fail(error);
      return undefined;
    }
  }
}

function isAcknowledge(value: unknown): value is Acknowledge {
  return typeof value === 'function';
}
