import type { Awaitable } from '../core/awaitable.js';
import type { HttpRequest } from './call.js';
import { inOrder } from './in-order.js';
import { type Refusal, refusalByError } from './refusal.js';
import type { Acknowledge } from './socket-call.js';
import { isEventClient } from './socket-client.js';

/** What a server asks, and tells, before it makes a connection. */
export interface Doorkeeper {
  /**
   * Comes to nothing, or to how the connection is refused.
   *
   * @param line tells when the client has gone
   */
  handshake(upgrade: HttpRequest, line: unknown): Promise<Refusal | undefined>;
  /** Told of errors, which are refusals, too. */
  fail(error: unknown): void;
}

/** Asked before what a client sent reaches anybody. */
type Frame = (message: unknown, ack: Acknowledge | undefined) => Awaitable<boolean>;

type Verified = (
  isAccepted: boolean,
  status?: number,
  body?: string,
  headers?: Readonly<Record<string, string>>,
) => void;
type Verify = (info: { readonly req: HttpRequest }, done: Verified) => unknown;

/** What is used of a server of `ws`. */
interface WsServer {
  readonly options: { verifyClient?: Verify | null };
}

/** What is used of a server, or a namespace, of socket.io. */
interface IoNamespace {
  use(middleware: (socket: IoSocket, next: (error?: Error) => void) => void): unknown;
}

interface IoSocket {
  readonly request: HttpRequest;
  /** The connection below, which namespaces share. */
  readonly conn: { close(): void };
  readonly client: { readonly sockets?: ReadonlyMap<string, unknown> };
}

interface WsClient {
  emit(event: string, ...args: unknown[]): boolean;
}

interface IoClient {
  use(middleware: (event: readonly unknown[], next: () => void) => void): unknown;
}

/** For which a connection that was refused is left open: its client may be about to join another namespace. */
const REFUSED_FOR_MS = 1000;
/** Frames that say nothing: counted, and never withheld, since the library has answered them already. */
const CONTROL = ['ping', 'pong'];

/** What connections are made to, one for all the names that it goes by: of socket.io's server its main namespace. */
export function doorOf(server: object): object {
  const main: unknown = 'of' in server ? Reflect.get(server, 'sockets') : undefined;
  return typeof main === 'object' && main !== null ? main : server;
}

/** Has a server ask before it makes a connection. @returns whether it can: it is of `ws` or socket.io */
export function guardHandshakes(door: object, keeper: Doorkeeper): boolean {
  if (isWsServer(door)) guardUpgrades(door, keeper);
  else if (isNamespace(door)) guardNamespace(door, keeper);
  else return false;
  return true;
}

/** Has a client's frames pass by `frame` before they reach a listener. @returns whether that can be done */
export function gateFrames(client: object, frame: Frame): boolean {
  if (isIoClient(client)) gateEvents(client, frame);
  else if (isWsClient(client)) gateMessages(client, frame);
  else return false;
  return true;
}

/** Ours comes first: it is cheaper than any that authenticates, and counts those that would fail there. */
function guardUpgrades({ options }: WsServer, keeper: Doorkeeper): void {
  const own = options.verifyClient;
  const verify: Verify = (info, done) => {
    if (typeof own !== 'function') return done(true);
    // Of those without a callback ws takes whatever is true.
    return own.length === 2 ? own(info, done) : done(Boolean(own(info, done)));
  };
  options.verifyClient = (info, done) => {
    const refuse = ({ status, body, headers }: Refusal) => done(false, status, body, headers);
    ask(keeper, info.req, info.req.socket, refuse, () => verify(info, done));
  };
}

function guardNamespace(namespace: IoNamespace, keeper: Doorkeeper): void {
  namespace.use((socket, next) => {
    const refuse = ({ message, data }: Refusal) => {
      next(Object.assign(new Error(message), { data }));
      setTimeout(() => hangUp(socket), REFUSED_FOR_MS).unref();
    };
    ask(keeper, socket.request, socket.conn, refuse, () => next());
  });
}

/** Nobody is above it to tell of an error: that is a refusal, and logged. */
async function ask(
  keeper: Doorkeeper,
  upgrade: HttpRequest,
  line: unknown,
  refuse: (refusal: Refusal) => void,
  accept: () => void,
): Promise<void> {
  try {
    const refusal = await keeper.handshake(upgrade, line);
    if (refusal === undefined) accept();
    else refuse(refusal);
  } catch (error) {
    keeper.fail(error);
    refuse(refusalByError());
  }
}

/** A client that stays when it has joined nothing would keep its connection until socket.io's own time-out. */
function hangUp({ conn, client }: IoSocket): void {
  if (client.sockets?.size === 0) conn.close();
}

/** In place of the client's own `emit`: no listener is before it, whoever adds one. */
function gateMessages(client: WsClient, frame: Frame): void {
  const emit = client.emit.bind(client);
  const line = inOrder();
  client.emit = (event, ...args) => {
    const go = () => emit(event, ...args);
    if (event === 'message') {
      line(frame(args[0], undefined), go);
      return true;
    }
    if (event === 'close') {
      // Behind the messages that came before it; where they have waited, in a turn of its own, as it would have come.
      let hasWaited = false;
      line(true, () => (hasWaited ? setImmediate(go) : go()));
      hasWaited = true;
      return true;
    }
    if (CONTROL.includes(event)) frame(args[0], undefined);
    return go();
  };
}

function gateEvents(client: IoClient, frame: Frame): void {
  const line = inOrder();
  client.use((event, next) => {
    const last = event.at(-1);
    const ack = typeof last === 'function' ? (payload: object) => void last(payload) : undefined;
    line(frame(ack === undefined ? event : event.slice(0, -1), ack), next);
  });
}

function isWsServer(server: object): server is WsServer {
  return 'handleUpgrade' in server && typeof Reflect.get(server, 'options') === 'object';
}

function isNamespace(server: object): server is IoNamespace {
  return typeof Reflect.get(server, 'use') === 'function' && typeof Reflect.get(server, 'emit') === 'function';
}

function isIoClient(client: object): client is IoClient {
  return isEventClient(client) && 'use' in client;
}

function isWsClient(client: object): client is WsClient {
  return typeof Reflect.get(client, 'emit') === 'function' && 'readyState' in client;
}
