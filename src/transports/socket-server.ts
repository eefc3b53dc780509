import type { Awaitable } from '../core/awaitable.js';
import type { HttpRequest } from './call.js';
import { inOrder } from './in-order.js';
import type { Acknowledge } from './socket-call.js';
import { isEventClient } from './socket-client.js';
import type { RateLimitPayload } from './socket-payload.js';

/** How a connection is refused: over HTTP on `ws`, by an error that carries the payload on socket.io. */
export interface Refusal {
  readonly status: number;
  readonly message: string;
  readonly body: string | object;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: RateLimitPayload | undefined;
}

/** Asked before a connection is made: nothing, or how it is refused. */
type Handshake = (upgrade: HttpRequest) => Promise<Refusal | undefined>;

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
  use(middleware: (socket: { readonly request: HttpRequest }, next: (error?: Error) => void) => void): unknown;
}

interface WsClient {
  emit(event: string, ...args: unknown[]): boolean;
}

interface IoClient {
  use(middleware: (event: readonly unknown[], next: () => void) => void): unknown;
}

const SERVER_ERROR = 500;
/** Frames that say nothing: counted, and never withheld, since the library has answered them already. */
const CONTROL = ['ping', 'pong'];

/** Has a server ask before it makes a connection. @returns whether it can: it is of `ws` or socket.io */
export function guardHandshakes(server: object, handshake: Handshake): boolean {
  if (isWsServer(server)) guardUpgrades(server, handshake);
  else if (isNamespace(server)) guardNamespace(server, handshake);
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
function guardUpgrades({ options }: WsServer, handshake: Handshake): void {
  const own = options.verifyClient;
  const verify = (info: { readonly req: HttpRequest }, done: Verified): unknown => {
    if (typeof own !== 'function') return done(true);
    return own.length === 2 ? own(info, done) : done(own(info, done) === true);
  };
  options.verifyClient = (info, done) => {
    handshake(info.req).then((refusal) => {
      if (refusal !== undefined) return refuse(refusal, done);
      try {
        return verify(info, done);
      } catch {
        return done(false, SERVER_ERROR);
      }
    });
  };
}

function refuse({ status, body, headers }: Refusal, done: Verified): void {
  const type = { 'Content-Type': 'application/json; charset=utf-8' };
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  done(false, status, text, { ...type, ...headers });
}

function guardNamespace(namespace: IoNamespace, handshake: Handshake): void {
  namespace.use((socket, next) => {
    handshake(socket.request).then((refusal) => {
      if (refusal === undefined) return next();
      const { payload, message, body } = refusal;
      const text = typeof payload?.error === 'string' ? payload.error : message;
      return next(Object.assign(new Error(text), { data: payload ?? body }));
    });
  });
}

/** In place of the client's own `emit`: no listener is before it, whoever adds one. */
function gateMessages(client: WsClient, frame: Frame): void {
  const emit = client.emit.bind(client);
  const line = inOrder();
  client.emit = (event, ...args) => {
    if (CONTROL.includes(event)) frame(args[0], undefined);
    else if (event === 'message') {
      line(frame(args[0], undefined), () => emit(event, ...args));
      return true;
    } else if (event === 'close') {
      // Behind the messages that came before it.
      line(true, () => emit(event, ...args));
      return true;
    }
    return emit(event, ...args);
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
