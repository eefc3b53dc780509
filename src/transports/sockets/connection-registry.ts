import type { ExecutionContext } from '@nestjs/common';
import type { Clock } from '../../core/clock.js';
import type { HttpRequest } from '../call.js';
import type { ClientAddress } from '../identity/client-address.js';
import { type Acknowledge, SocketCall } from './socket-call.js';
import { upgradeRequestOf } from './socket-client.js';
import { type ConnectionRules, SocketConnection } from './socket-connection.js';

/** Which application a client came to: a gateway class that several share has an interceptor of each. */
const owners = new WeakMap<object, ConnectionRegistry>();

/** What all connections of an application share. */
export interface ConnectionSettings {
  readonly sockets: ConnectionRules;
  readonly clock: Clock;
  /** Logs an error that no caller can receive. */
  readonly fail: (error: unknown) => void;
}

/** The connections of an application's sockets, and the calls that come over them. */
export class ConnectionRegistry {
  readonly #known = new WeakMap<object, SocketConnection>();

  /** @param requestOf an upgrade request as the framework would see it */
  constructor(
    private readonly settings: ConnectionSettings,
    private readonly addresses: ClientAddress,
    private readonly requestOf: (upgrade: HttpRequest) => HttpRequest,
  ) {}

  /** A client has connected. The upgrade request is where its address and its headers are. */
  opened(client: object, upgrade: HttpRequest | undefined = upgradeRequestOf(client)): SocketConnection {
    const known = this.#known.get(client);
    if (known !== undefined) return known;
    const { sockets, clock } = this.settings;
    // Now, since a socket that has closed tells no address.
    const connection = new SocketConnection(client, upgrade, this.addressOf(upgrade), sockets, clock);
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

  /**
   * The client's address. If the application's proxy setting throws, the error is logged and the address is unknown:
   * such clients share one budget.
   */
  addressOf(upgrade: HttpRequest | undefined): string | undefined {
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
