import type { ApplicationConfig } from '@nestjs/core';
import type { CallLimiter } from '../../service/calls/call-limiter.js';
import type { FrameLimiter } from '../../service/sockets/frame-limiter.js';
import { type ConnectionLimits, HandshakeLimiter, type ServerLimits } from '../../service/sockets/handshake-limiter.js';
import { SessionLimiter } from '../../service/sockets/session-limiter.js';
import { type HttpRequest, isRequest } from '../../transports/call.js';
import type { ConnectionRegistry } from '../../transports/sockets/connection-registry.js';
import { filterFrames } from '../../transports/sockets/frame-filter.js';
import { type Engine, engineOf, serverOf } from '../../transports/sockets/handshake/engine.js';
import {
  acceptorOf,
  bypassWarning,
  filterConnects,
  filterUpgrades,
  limitMessagesPerTurn,
} from '../../transports/sockets/handshake/handshake-filter.js';
import { filterSessions } from '../../transports/sockets/handshake/session-filter.js';
import { filterUnknownNamespaces } from '../../transports/sockets/handshake/unknown-namespaces.js';

type Adapter = NonNullable<ReturnType<ApplicationConfig['getIoAdapter']>>;

/** Looks up the gateways of a server. */
export interface ServerGateways {
  /** Returns the limits of new connections to a server, by its port and options. */
  connectionLimits(port: number, options: object): ServerLimits;
}

/**
 * Limits the servers that an application's WebSocket adapters open, before they accept connections, and their clients,
 * before a gateway gets them. Wraps two methods of each adapter, the only place with access to servers and upgrade
 * requests of every kind.
 */
export class SocketAdapterHook {
  readonly #adapters = new WeakSet<Adapter>();
  readonly #acceptors = new WeakSet<object>();
  readonly #clients = new WeakSet<object>();
  readonly #pacedServers = new WeakSet<object>();
  readonly #engines = new WeakMap<Engine, SessionLimiter>();
  readonly #filteredEngines = new WeakSet<Engine>();
  readonly #warned = new WeakSet<Adapter>();
  readonly #handshakes: HandshakeLimiter;

  constructor(
    private readonly limiter: CallLimiter,
    private readonly connections: ConnectionRegistry,
    private readonly frames: FrameLimiter,
    private readonly gateways: ServerGateways,
  ) {
    this.#handshakes = new HandshakeLimiter(limiter, connections);
  }

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
      // Before the server is created, so that a mistake in the limits does not leave it open.
      const limits = this.gateways.connectionLimits(port, options);
      const server = create(port, options);
      this.#pace(server, options);
      this.#limitConnections(server, limits);
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

  /**
   * Paces the messages of all clients of a server. On socket.io from the first message on, before a namespace is
   * joined.
   */
  #pace(server: object, options: object): void {
    if (limitMessagesPerTurn(server, options)) this.#pacedServers.add(server);
    const engine = engineOf(server);
    if (engine === undefined || this.#engines.has(engine)) return;
    this.#engines.set(engine, new SessionLimiter(this.#handshakes, this.limiter.settings.backend));
    engine.on('connection', (session) => this.connections.paced.paceEngineSocket(session));
  }

  /** Limits the connections of a server, once per server: it may be known under several names. */
  #limitConnections(server: object, { limits, isServed }: ServerLimits): void {
    const acceptor = acceptorOf(server);
    const engine = engineOf(server);
    const sessions = engine && this.#engines.get(engine);
    if (isServed) sessions?.serve(limits);
    if (limits.length === 0 || this.#acceptors.has(acceptor)) return;
    this.#acceptors.add(acceptor);
    if (engine !== undefined && sessions !== undefined) this.#limitSessions(server, engine, sessions);
    const warning = this.#isFiltered(acceptor, limits, sessions) ? bypassWarning(acceptor) : notLimited('connections');
    if (warning !== undefined) this.limiter.settings.warn(warning);
  }

  /** Limits the sessions of an engine, once per engine: the namespaces of a server share it. */
  #limitSessions(server: object, engine: Engine, sessions: SessionLimiter): void {
    if (this.#filteredEngines.has(engine)) return;
    this.#filteredEngines.add(engine);
    filterSessions(engine, sessions);
    filterUnknownNamespaces(serverOf(server), engine, (session) => sessions.decideUnknown(session));
  }

  /** Makes a server check its limits before it accepts connections. Returns false for an unknown kind of server. */
  #isFiltered(acceptor: object, limits: ConnectionLimits, sessions: SessionLimiter | undefined): boolean {
    const handshakes = this.#handshakes;
    const fail = (error: unknown) => handshakes.fail(error);
    const decide = async (request: HttpRequest) => (await handshakes.decide([limits], request, request.socket)).refusal;
    if (filterUpgrades(acceptor, { decide, fail })) return true;
    const joins = sessions ?? new SessionLimiter(handshakes, this.limiter.settings.backend);
    return filterConnects(acceptor, { decide: (session) => joins.decideNamespace(session, limits), fail });
  }

  /** Limits the frames of a client, once per client, even if several gateways are on its server. */
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
  return `Not limited: ${what}. The WebSocket adapter opens servers that are neither ws nor socket.io, so ${what} cannot be limited there.`;
}
