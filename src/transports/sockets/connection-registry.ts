import type { Clock } from '../../core/clock.js';
import { sharedState } from '../../core/copies.js';
import type { HttpRequest } from '../call.js';
import type { ClientAddress } from '../identity/client-address.js';
import { PacedConnections } from './pacing/paced-connections.js';
import { upgradeRequestOf } from './socket-client.js';
import { type ConnectionRules, SocketConnection } from './socket-connection.js';

/**
 * The application that a client connected to. A gateway class that several applications share has an interceptor of
 * each.
 */
const owners = sharedState('connection-owners', () => new WeakMap<object, ConnectionRegistry>());

/** The settings that all connections of an application share. */
export interface ConnectionSettings {
  readonly sockets: ConnectionRules;
  readonly clock: Clock;
  /** Logs an error that no caller can receive. */
  readonly fail: (error: unknown) => void;
}

/** The open connections of an application's sockets. */
export class ConnectionRegistry {
  readonly paced: PacedConnections;
  readonly #connections = new WeakMap<object, SocketConnection>();

  /** @param requestOf returns an upgrade request in the form of the framework */
  constructor(
    private readonly settings: ConnectionSettings,
    private readonly addresses: ClientAddress,
    private readonly requestOf: (upgrade: HttpRequest) => HttpRequest,
  ) {
    this.paced = new PacedConnections(settings.clock);
  }

  /**
   * Returns the connection of a client. The first call for a client registers it, with the upgrade request if it is
   * known.
   */
  connectionOf(client: object, upgrade?: HttpRequest): SocketConnection {
    return this.#connections.get(client) ?? this.#register(client, upgrade ?? upgradeRequestOf(client));
  }

  #register(client: object, upgrade: HttpRequest | undefined): SocketConnection {
    const { sockets, clock } = this.settings;
    const pacer = this.paced.pacerOf(client);
    // Reads the address now, because a closed socket has none.
    const address = this.addressOf(upgrade);
    const readAddressIn = (header: string) => this.addressIn(upgrade, header);
    const connection = new SocketConnection(client, upgrade, address, sockets, clock, readAddressIn, pacer);
    this.#connections.set(client, connection);
    owners.set(client, this);
    return connection;
  }

  /** Returns false for a client of another application in the process. */
  owns(client: object): boolean {
    return (owners.get(client) ?? this) === this;
  }

  /**
   * Returns the client's address. If the application's proxy setting throws, the error is logged and the address is
   * unknown: such clients share one budget.
   */
  addressOf(upgrade: HttpRequest | undefined): string | undefined {
    return this.#read(upgrade, (request) => this.addresses.of(request));
  }

  /** Returns the address that a trusted proxy wrote into a header of the upgrade request. */
  addressIn(upgrade: HttpRequest | undefined, header: string): string | undefined {
    return this.#read(upgrade, (request) => this.addresses.inHeader(request, header));
  }

  #read(upgrade: HttpRequest | undefined, addressOf: (request: HttpRequest) => string | undefined): string | undefined {
    try {
      return upgrade && addressOf(this.requestOf(upgrade));
    } catch (error) {
      this.settings.fail(error);
      return undefined;
    }
  }
}
