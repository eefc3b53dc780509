import type { HttpRequest } from '../../call.js';
import type { ConnectionRefusal } from './connection-refusal.js';
import type { EngineSession } from './engine.js';

/** Decides whether a server may accept a connection. */
export interface HandshakeHandler<Connection> {
  /** Resolves with the refusal of a connection; undefined accepts it. */
  decide(connection: Connection): Promise<ConnectionRefusal | undefined>;
  /** Logs an error that no caller can receive, and returns the refusal for it. */
  fail(error: unknown): ConnectionRefusal;
}

type Verified = (
  isAccepted: boolean,
  status?: number,
  body?: string,
  headers?: Readonly<Record<string, string>>,
) => void;
type Verify = (info: { readonly req: HttpRequest }, done: Verified) => unknown;

/** The part of a `ws` server in use. */
interface WsServer {
  readonly options: { verifyClient?: Verify | null; allowSynchronousEvents?: boolean };
}

/** The part of a socket.io server or namespace in use. */
interface IoNamespace {
  readonly server?: { readonly opts?: { readonly connectionStateRecovery?: { readonly skipMiddlewares?: boolean } } };
  use(middleware: (socket: IoSocket, next: (error?: Error) => void) => void): unknown;
}

interface IoSocket {
  /** The session that namespaces share. */
  readonly conn: EngineSession;
  readonly client: { readonly sockets?: ReadonlyMap<string, unknown> };
}

/** How long a refused connection stays open, because its client may be about to join another namespace. */
const CLOSE_REFUSED_AFTER_MS = 3000;
const RECOVERY_WARNING =
  'Not limited: namespaces that a session of socket.io joins when it is recovered, because recovery skips middlewares. ' +
  'Set connectionStateRecovery: { skipMiddlewares: false }.';

/** Returns the object that accepts a server's connections. For a socket.io server it is the main namespace. */
export function acceptorOf(server: object): object {
  const main: unknown = 'of' in server ? Reflect.get(server, 'sockets') : undefined;
  return typeof main === 'object' && main !== null ? main : server;
}

/**
 * Makes a `ws` server emit one message per turn of the event loop, unless its options specify something else. By
 * default it emits all messages of a chunk at once; in a flood, thousands would be in flight together. Returns true if
 * it changed the server.
 */
export function limitMessagesPerTurn(server: object, options: object): boolean {
  if (!isWsServer(server) || 'allowSynchronousEvents' in options) return false;
  server.options.allowSynchronousEvents = false;
  return true;
}

/** Returns a warning if sessions join some namespaces without this check. */
export function bypassWarning(acceptor: object): string | undefined {
  if (!isNamespace(acceptor)) return undefined;
  return acceptor.server?.opts?.connectionStateRecovery?.skipMiddlewares ? RECOVERY_WARNING : undefined;
}

/**
 * Makes a `ws` server call the handler before it accepts a connection. Runs before the application's own
 * `verifyClient`: limiting is cheaper than authentication, and counts clients that fail there. Returns false for other
 * kinds of servers.
 */
export function filterUpgrades(server: object, handler: HandshakeHandler<HttpRequest>): boolean {
  if (!isWsServer(server)) return false;
  const { options } = server;
  const own = options.verifyClient;
  const verify: Verify = (info, done) => {
    if (typeof own !== 'function') return done(true);
    // Without a callback, ws accepts any truthy value.
    return own.length === 2 ? own(info, done) : done(Boolean(own(info, done)));
  };
  options.verifyClient = (info, done) => {
    const refuse = ({ status, body, headers }: ConnectionRefusal) => done(false, status, body, headers);
    respond(handler, info.req, refuse, () => verify(info, done));
  };
  return true;
}

/** Makes a namespace of socket.io call the handler before a session joins it. Returns false for anything else. */
export function filterConnects(namespace: object, handler: HandshakeHandler<EngineSession>): boolean {
  if (!isNamespace(namespace)) return false;
  namespace.use((socket, next) => {
    const refuse = ({ message, data }: ConnectionRefusal) => {
      next(Object.assign(new Error(message), { data }));
      setTimeout(() => closeIfIdle(socket), CLOSE_REFUSED_AFTER_MS).unref();
    };
    respond(handler, socket.conn, refuse, () => next());
  });
  moveToFront(namespace);
  return true;
}

/**
 * Moves the middleware to the front. An adapter may have added middlewares that authenticate, and clients that fail
 * there must be counted.
 */
function moveToFront(namespace: object): void {
  const middlewares: unknown = Reflect.get(namespace, '_fns');
  if (Array.isArray(middlewares)) middlewares.unshift(middlewares.pop());
}

/** Refuses or accepts a connection. An error is a refusal, including one of the application's own check. */
async function respond<Connection>(
  handler: HandshakeHandler<Connection>,
  connection: Connection,
  refuse: (refusal: ConnectionRefusal) => void,
  accept: () => void,
): Promise<void> {
  try {
    const refusal = await handler.decide(connection);
    if (refusal === undefined) accept();
    else refuse(refusal);
  } catch (error) {
    refuse(handler.fail(error));
  }
}

/**
 * Closes the connection of a client that has joined no namespace. Otherwise it would stay open until socket.io's own
 * timeout.
 */
function closeIfIdle({ conn, client }: IoSocket): void {
  if (client.sockets?.size === 0) conn.close();
}

function isWsServer(server: object): server is WsServer {
  return 'handleUpgrade' in server && typeof Reflect.get(server, 'options') === 'object';
}

function isNamespace(server: object): server is IoNamespace {
  return typeof Reflect.get(server, 'use') === 'function' && typeof Reflect.get(server, 'emit') === 'function';
}
