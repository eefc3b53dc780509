import type { ApplicationConfig } from '@nestjs/core';
import type { CompiledLimit } from '../../planning/compiled-limit.js';
import type { SocketLimiter } from '../../service/calls/socket-limiter.js';
import type { HttpRequest } from '../../transports/call.js';
import type { ConnectionRegistry } from '../../transports/sockets/connection-registry.js';
import { filterFrames } from '../../transports/sockets/frame-filter.js';
import {
  acceptorOf,
  filterHandshakes,
  limitMessagesPerTurn,
} from '../../transports/sockets/handshake/handshake-filter.js';
import { isRequest } from '../../transports/sockets/socket-client.js';

type Adapter = NonNullable<ReturnType<ApplicationConfig['getIoAdapter']>>;

/** What the hook asks of the application. */
export interface SocketHost {
  readonly gate: SocketLimiter;
  readonly connections: ConnectionRegistry;
  /** The limits of new connections to a server, by what it is opened with: those of all gateways on it. */
  limitsOf(port: number, options: object): readonly CompiledLimit[];
  warn(message: string): void;
  fail(error: unknown): void;
}

/**
 * Has every WebSocket adapter of the application tell of its servers, before they take connections, and of its clients,
 * before a gateway sees them. It wraps two methods of the adapter's instance: nothing else is told of servers and of
 * upgrade requests, for any kind of server.
 */
export function hookSockets(config: ApplicationConfig, host: SocketHost): void {
  const hooked = new WeakSet<Adapter>();
  const hook = (adapter: Adapter) => {
    if (adapter === null || adapter === undefined || hooked.has(adapter)) return;
    hooked.add(adapter);
    hookAdapter(adapter, host);
  };
  const set = config.setIoAdapter.bind(config);
  config.setIoAdapter = (adapter) => {
    hook(adapter);
    set(adapter);
  };
  hook(config.getIoAdapter());
}

function hookAdapter(adapter: Adapter, host: SocketHost): void {
  const { gate, connections, warn, fail } = host;
  const guarded = new WeakSet<object>();
  const gated = new WeakSet<object>();
  let isWarned = false;
  const create = adapter.create.bind(adapter);
  adapter.create = (port: number, options: object = {}) => {
    // Before there is a server: a mistake in the limits must not leave one open.
    const limits = host.limitsOf(port, options);
    const server = create(port, options);
    limitMessagesPerTurn(server, options);
    const door = acceptorOf(server);
    if (limits.length > 0 && !guarded.has(door)) {
      guarded.add(door);
      const handshake = (upgrade: HttpRequest, line: unknown) => gate.handshake(limits, upgrade, line);
      if (!filterHandshakes(door, { handshake, fail, warn })) warn(notLimited('connections'));
    }
    return server;
  };
  const bind = adapter.bindClientConnect.bind(adapter);
  adapter.bindClientConnect = (server: object, callback: (...args: unknown[]) => unknown) =>
    bind(server, (...args: readonly [client: object, upgrade?: unknown]) => {
      const [client, upgrade] = args;
      connections.opened(client, isRequest(upgrade) ? upgrade : undefined);
      // Once a client, however many gateways are on its server.
      if (gate.limitsFrames && !gated.has(client)) {
        gated.add(client);
        const isGated = filterFrames(client, (message, ack) => gate.frame(client, message, ack));
        if (!isGated && !isWarned) warn(notLimited('frames'));
        isWarned ||= !isGated;
      }
      return callback(...args);
    });
}

function notLimited(what: string): string {
  return `Not limited: ${what}. The WebSocket adapter opens servers of another kind than ws and socket.io, which take no ${what} back.`;
}
