import type { HttpRequest } from '../../call.js';
import { type ConnectionRefusal, internalErrorRefusal } from './connection-refusal.js';

/** What a server asks, and tells, before it makes a connection. */
export interface HandshakeHandler {
  /**
   * Comes to nothing, or to how the connection is refused.
   *
   * @param line tells when the client has gone
   */
  handshake(upgrade: HttpRequest, line: unknown): Promise<ConnectionRefusal | undefined>;
  /** Told of errors, which are refusals, too. */
  fail(error: unknown): void;
  warn(message: string): void;
}

type Verified = (
  isAccepted: boolean,
  status?: number,
  body?: string,
  headers?: Readonly<Record<string, string>>,
) => void;
type Verify = (info: { readonly req: HttpRequest }, done: Verified) => unknown;

/** What is used of a server of `ws`. */
interface WsServer {
  readonly options: { verifyClient?: Verify | null; allowSynchronousEvents?: boolean };
}

/** What is used of a server, or a namespace, of socket.io. */
interface IoNamespace {
  readonly server?: { readonly opts?: { readonly connectionStateRecovery?: { readonly skipMiddlewares?: boolean } } };
  use(middleware: (socket: IoSocket, next: (error?: Error) => void) => void): unknown;
}

interface IoSocket {
  readonly request: HttpRequest;
  /** The connection below, which namespaces share. */
  readonly conn: { close(): void };
  readonly client: { readonly sockets?: ReadonlyMap<string, unknown> };
}

/** For which a connection that was refused is left open: its client may be about to join another namespace. */
const REFUSED_FOR_MS = 3000;
const RECOVERY =
  'Not limited: connections of socket.io that are recovered, which skip middlewares, and have new budgets by connection. ' +
  'Set connectionStateRecovery: { skipMiddlewares: false }.';
/** What connections are made to, one for all the names that it goes by: of socket.io's server its main namespace. */
export function acceptorOf(server: object): object {
  const main: unknown = 'of' in server ? Reflect.get(server, 'sockets') : undefined;
  return typeof main === 'object' && main !== null ? main : server;
}

/**
 * Has a server of `ws` hand on one message a turn of the event loop, unless its owner says otherwise. By itself it hands
 * on all that it has read at once, thousands in a flood, which are under way together.
 */
export function limitMessagesPerTurn(server: object, given: object): void {
  if (isWsServer(server) && !('allowSynchronousEvents' in given)) server.options.allowSynchronousEvents = false;
}

/** Has a server ask before it makes a connection. @returns whether it can: it is of `ws` or socket.io */
export function filterHandshakes(door: object, keeper: HandshakeHandler): boolean {
  if (isWsServer(door)) guardUpgrades(door, keeper);
  else if (isNamespace(door)) guardNamespace(door, keeper);
  else return false;
  return true;
}

/** Ours comes first: it is cheaper than any that authenticates, and counts those that would fail there. */
function guardUpgrades({ options }: WsServer, keeper: HandshakeHandler): void {
  const own = options.verifyClient;
  const verify: Verify = (info, done) => {
    if (typeof own !== 'function') return done(true);
    // Of those without a callback ws takes whatever is true.
    return own.length === 2 ? own(info, done) : done(Boolean(own(info, done)));
  };
  options.verifyClient = (info, done) => {
    const refuse = ({ status, body, headers }: ConnectionRefusal) => done(false, status, body, headers);
    ask(keeper, info.req, info.req.socket, refuse, () => verify(info, done));
  };
}

function guardNamespace(namespace: IoNamespace, keeper: HandshakeHandler): void {
  namespace.use((socket, next) => {
    const refuse = ({ message, data }: ConnectionRefusal) => {
      next(Object.assign(new Error(message), { data }));
      setTimeout(() => hangUp(socket), REFUSED_FOR_MS).unref();
    };
    ask(keeper, socket.request, socket.conn, refuse, () => next());
  });
  comeFirst(namespace);
  if (namespace.server?.opts?.connectionStateRecovery?.skipMiddlewares) keeper.warn(RECOVERY);
}

/** An adapter may have brought middlewares of its own, which authenticate: those that fail there are to be counted. */
function comeFirst(namespace: object): void {
  const middlewares: unknown = Reflect.get(namespace, '_fns');
  if (Array.isArray(middlewares)) middlewares.unshift(middlewares.pop());
}

/** Nobody is above it to tell of an error: that is a refusal, and logged. */
async function ask(
  keeper: HandshakeHandler,
  upgrade: HttpRequest,
  line: unknown,
  refuse: (refusal: ConnectionRefusal) => void,
  accept: () => void,
): Promise<void> {
  try {
    const refusal = await keeper.handshake(upgrade, line);
    if (refusal === undefined) accept();
    else refuse(refusal);
  } catch (error) {
    keeper.fail(error);
    refuse(internalErrorRefusal());
  }
}

/** A client that stays when it has joined nothing would keep its connection until socket.io's own time-out. */
function hangUp({ conn, client }: IoSocket): void {
  if (client.sockets?.size === 0) conn.close();
}

function isWsServer(server: object): server is WsServer {
  return 'handleUpgrade' in server && typeof Reflect.get(server, 'options') === 'object';
}

function isNamespace(server: object): server is IoNamespace {
  return typeof Reflect.get(server, 'use') === 'function' && typeof Reflect.get(server, 'emit') === 'function';
}
