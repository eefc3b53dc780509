import type { ApplicationConfig } from '@nestjs/core';
import type { CompiledLimit } from '../../planning/compiled-limit.js';
import type { CallLimiter } from '../../service/calls/call-limiter.js';
import type { FrameLimiter } from '../../service/calls/frame-limiter.js';
import { HandshakeLimiter } from '../../service/calls/handshake-limiter.js';
import { isRequest } from '../../transports/call.js';
import type { ConnectionRegistry } from '../../transports/sockets/connection-registry.js';
import { filterFrames } from '../../transports/sockets/frame-filter.js';
import { type Engine, engineOf } from '../../transports/sockets/handshake/engine.js';
import {
  acceptorOf,
  bypassWarning,
  filterHandshakes,
  limitMessagesPerTurn,
} from '../../transports/sockets/handshake/handshake-filter.js';

type Adapter = NonNullable<ReturnType<ApplicationConfig['getIoAdapter']>>;

/** Knows the gateways of a server. */
export interface ServerGateways {
  /** The limits of new connections to a server, by what it is opened with: those of all gateways on it. */
  connectionLimits(port: number, options: object): readonly CompiledLimit[];
}

/**
 * Limits the servers that an application's WebSocket adapters open, before they take connections, and their clients, before
 * a gateway sees them. Wraps two methods of each adapter: no other place sees servers and upgrade requests of every kind.
 */
export class SocketAdapterHook {
  readonly #adapters = new WeakSet<Adapter>();
  readonly #acceptors = new WeakSet<object>();
  readonly #clients = new WeakSet<object>();
  readonly #pacedServers = new WeakSet<object>();
  readonly #pacedEngines = new WeakSet<Engine>();
  readonly #warned = new WeakSet<Adapter>();

  constructor(
    private readonly limiter: CallLimiter,
    private readonly connections: ConnectionRegistry,
    private readonly frames: FrameLimiter,
    private readonly gateways: ServerGateways,
  ) {}

  /** Wraps the application's adapter, and any that is set later. */
  install(config: ApplicationConfig): void {
    const setAdapter = config.setIoAdapter.bind(config);
    config.setIoAdapter = (adapter) => {
      this.#wrap(adapter);
      setAdapter(adapter);
    };
    this.#wrap(config.getIoAdapter());
  }

  #wrap(adapter: Adapter | null | undefined): void {
    if (adapter === null || adapter === undefined || this.#adapters.has(adapter)) return;
    this.#adapters.add(adapter);
    const create = adapter.create.bind(adapter);
    adapter.create = (port: number, options: object = {}) => {
      // Before there is a server: a mistake in the limits must not leave one open.
      const limits = this.gateways.connectionLimits(port, options);
      const server = create(port, options);
      this.#pace(server, options);
      if (limits.length > 0) this.#limitConnections(server, limits);
      return server;
    };
    const bindClientConnect = adapter.bindClientConnect.bind(adapter);
    adapter.bindClientConnect = (server: object, callback: (...args: unknown[]) => unknown) =>
      bindClientConnect(server, (...args: readonly [client: object, upgrade?: unknown]) => {
        const [client, upgrade] = args;
        if (this.#pacedServers.has(server)) this.connections.paced.paceClient(client);
        this.connections.connectionOf(client, isRequest(upgrade) ? upgrade : undefined);
        if (this.frames.isActive) this.#limitFrames(client, adapter);
        return callback(...args);
      });
  }

  /** Paces the messages of all clients of a server. On socket.io from the first on, when no namespace has been joined. */
  #pace(server: object, options: object): void {
    if (limitMessagesPerTurn(server, options)) this.#pacedServers.add(server);
    const engine = engineOf(server);
    if (engine === undefined || this.#pacedEngines.has(engine)) return;
    this.#pacedEngines.add(engine);
    engine.on('connection', (connection) => this.connections.paced.paceEngineSocket(connection));
  }

  /** Once a server: it may be known under several names. */
  #limitConnections(server: object, limits: readonly CompiledLimit[]): void {
    const acceptor = acceptorOf(server);
    if (this.#acceptors.has(acceptor)) return;
    this.#acceptors.add(acceptor);
    const isFiltered = filterHandshakes(acceptor, new HandshakeLimiter(this.limiter, this.connections, limits));
    const warning = isFiltered ? bypassWarning(acceptor) : notLimited('connections');
    if (warning !== undefined) this.limiter.settings.warn(warning);
  }

  /** Once a client, however many gateways are on its server. */
  #limitFrames(client: object, adapter: Adapter): void {
    if (this.#clients.has(client)) return;
    this.#clients.add(client);
    const isFiltered = filterFrames(client, (message, acknowledge) => this.frames.admit(client, message, acknowledge));
    if (isFiltered || this.#warned.has(adapter)) return;
    this.#warned.add(adapter);
    this.limiter.settings.warn(notLimited('frames'));
  }
}

function notLimited(what: string): string {
  return `Not limited: ${what}. The WebSocket adapter opens servers of another kind than ws and socket.io, which take no ${what} back.`;
}
