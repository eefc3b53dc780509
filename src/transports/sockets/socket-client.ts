import { type HttpRequest, isRequest } from '../call.js';
import { memberAt } from '../member.js';

/** The part of a `ws` client in use, and of other clients that send text. */
interface TextClient {
  /** 1 is open (the WebSocket standard). Servers of other kinds may have none. */
  readonly readyState?: number;
  send(text: string, done: () => void): unknown;
  close(code: number, reason: string): unknown;
}

/** The part of a socket.io client in use. */
interface EventClient {
  readonly connected: boolean;
  readonly request?: unknown;
  emit(event: string, payload: object): unknown;
  disconnect(close: boolean): unknown;
}

interface Emitter {
  once(event: string | symbol, listener: () => void): unknown;
  off(event: string | symbol, listener: () => void): unknown;
  removeAllListeners(event: string): unknown;
}

/** The socket below both libraries: a client of `ws`. */
interface TransportSocket {
  readonly isPaused?: boolean;
  pause(): void;
  resume(): void;
  terminate(): void;
}

/** Emitted when a client has gone. The `close` event comes later: it waits for the messages that arrived before it. */
export const CLIENT_GONE = Symbol.for('nestjs-sluice:client-gone');
const OPEN = 1;
/** Policy violation (RFC 6455, 7.4.1). */
const POLICY_VIOLATION = 1008;
/**
 * The longest reason of a close frame, in bytes: a control frame has 125, of which two are the code (RFC 6455, 5.5).
 */
const MAX_REASON_BYTES = 123;
/** How long a client may take to complete the closing handshake. */
const CLOSE_TIMEOUT_MS = 1000;

/** Returns true for a client of socket.io. */
export function isEventClient(value: object): value is EventClient {
  return typeof Reflect.get(value, 'emit') === 'function' && 'handshake' in value;
}

/** Returns true for a client of `ws`, of socket.io, or of another library that sends text. */
export function isSocket(value: unknown): value is object {
  return typeof value === 'object' && value !== null && (isEventClient(value) || isTextClient(value));
}

function isTextClient(value: object): value is TextClient {
  return typeof Reflect.get(value, 'send') === 'function' && typeof Reflect.get(value, 'close') === 'function';
}

/** Returns the upgrade request of a socket.io client. Clients of `ws` do not keep theirs. */
export function upgradeRequestOf(client: object): HttpRequest | undefined {
  const request = isEventClient(client) ? client.request : undefined;
  return isRequest(request) ? request : undefined;
}

export function isOpen(client: object): boolean {
  if (isEventClient(client)) return client.connected;
  const state: unknown = Reflect.get(client, 'readyState');
  return state === undefined || state === OPEN;
}

/**
 * Sends an event: natively on socket.io, else as the text `{"event":...,"data":...}`. Ignores a client that has gone.
 */
export function sendEvent(client: object, event: string, data: object): void {
  if (!isOpen(client)) return;
  if (isEventClient(client)) client.emit(event, data);
  else if (isTextClient(client)) client.send(JSON.stringify({ event, data }), () => {});
}

/**
 * Closes a connection, with a reason if the protocol supports one. Further input is discarded; a client that does not
 * complete the closing handshake within a second is terminated.
 */
export function closeClient(client: object, reason: string): void {
  const socket = transportSocketOf(client);
  if (isEventClient(client)) client.disconnect(true);
  else if (isTextClient(client)) {
    client.close(POLICY_VIOLATION, closeReason(reason));
    if (isEmitter(client)) client.removeAllListeners('message');
  }
  if (socket !== undefined) setTimeout(() => socket.terminate(), CLOSE_TIMEOUT_MS).unref();
}

/**
 * Stops reading from a client until the next turn of the event loop. Otherwise Node reads as long as there is input, so
 * a client that floods would delay all others and fill the memory with messages in flight.
 */
export function pauseUntilNextTurn(client: object): void {
  const socket = transportSocketOf(client);
  // A socket that is already paused is resumed by the code that paused it.
  if (socket === undefined || socket.isPaused) return;
  socket.pause();
  setImmediate(() => socket.resume());
}

/** Returns undefined if a socket.io client polls, or for other kinds of servers. */
function transportSocketOf(client: object): TransportSocket | undefined {
  const socket = isEventClient(client) ? memberAt(client, ['conn', 'transport', 'socket']) : client;
  return typeof socket === 'object' && socket !== null && isTransportSocket(socket) ? socket : undefined;
}

function isTransportSocket(value: object): value is TransportSocket {
  return ['pause', 'resume', 'terminate'].every((method) => typeof Reflect.get(value, method) === 'function');
}

/** Calls `listener` once the client has gone. Returns a function that removes the listener. */
export function onClientGone(client: object, listener: () => void): () => void {
  if (!isOpen(client)) listener();
  const event = isEventClient(client) ? 'disconnect' : 'close';
  if (!isEmitter(client)) return () => {};
  for (const end of [event, CLIENT_GONE]) client.once(end, listener);
  return () => {
    for (const end of [event, CLIENT_GONE]) client.off(end, listener);
  };
}

function isEmitter(client: object): client is Emitter {
  return typeof Reflect.get(client, 'removeAllListeners') === 'function';
}

/** Cuts a string to the length of a close frame's reason, between characters. */
export function closeReason(text: string): string {
  const bytes = Buffer.from(text);
  let end = Math.min(bytes.length, MAX_REASON_BYTES);
  while (end < bytes.length && isContinuation(bytes[end])) end--;
  return bytes.toString('utf8', 0, end);
}

/** Returns true for a byte that continues a UTF-8 character. */
function isContinuation(byte = 0): boolean {
  return (byte & 0xc0) === 0x80;
}
