import type { HttpRequest } from '../call.js';
import { memberAt } from '../identity/member-path.js';

/** What is used of a client of `ws`, and of others that send texts. */
interface TextClient {
  /** 1 is open (the WebSocket standard). Servers of other kinds may have none. */
  readonly readyState?: number;
  send(text: string, done: () => void): unknown;
  close(code: number, reason: string): unknown;
}

/** What is used of a client of socket.io. */
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

/** What both libraries read and write: a client of `ws`. */
interface TransportSocket {
  readonly isPaused?: boolean;
  pause(): void;
  resume(): void;
  terminate(): void;
}

/** Told before the end of a connection that waits for what came before it. */
export const CLIENT_GONE = Symbol('nestjs-sluice: left');
const OPEN = 1;
/** Policy violation (RFC 6455, 7.4.1). */
const POLICY_VIOLATION = 1008;
/** Bytes of a close frame's reason: a control frame has 125, two of them for the code (RFC 6455, 5.5). */
const MAX_REASON_BYTES = 123;
/** In which a client has to answer that it is being closed. */
const LEAVE_WITHIN_MS = 1000;

/** Whether a value is a client of socket.io. */
export function isEventClient(value: object): value is EventClient {
  return typeof Reflect.get(value, 'emit') === 'function' && 'handshake' in value;
}

/** Whether a value is a client of `ws`, of socket.io, or of a kind that sends texts. */
export function isSocket(value: unknown): value is object {
  return typeof value === 'object' && value !== null && (isEventClient(value) || isTextClient(value));
}

function isTextClient(value: object): value is TextClient {
  return typeof Reflect.get(value, 'send') === 'function' && typeof Reflect.get(value, 'close') === 'function';
}

/** Whether a value is a request, as Node or a framework makes it. */
export function isRequest(value: unknown): value is HttpRequest {
  return typeof value === 'object' && value !== null && 'headers' in value && 'method' in value;
}

/** The request that a client of socket.io came with. Those of `ws` do not keep it. */
export function upgradeRequestOf(client: object): HttpRequest | undefined {
  const request = isEventClient(client) ? client.request : undefined;
  return isRequest(request) ? request : undefined;
}

export function isOpen(client: object): boolean {
  if (isEventClient(client)) return client.connected;
  const state: unknown = Reflect.get(client, 'readyState');
  return state === undefined || state === OPEN;
}

/** Sends an event: on socket.io as one, else as the text `{"event":...,"data":...}`. A client that has gone is no error. */
export function sendEvent(client: object, event: string, data: object): void {
  if (!isOpen(client)) return;
  if (isEventClient(client)) client.emit(event, data);
  else if (isTextClient(client)) client.send(JSON.stringify({ event, data }), () => {});
}

/**
 * Closes a connection, and says why where there is a place for it. What still comes in is read by nobody; a client that
 * does not take its leave is cut off.
 */
export function closeClient(client: object, reason: string): void {
  const wire = transportSocketOf(client);
  if (isEventClient(client)) client.disconnect(true);
  else if (isTextClient(client)) {
    client.close(POLICY_VIOLATION, closeReason(reason));
    if (isEmitter(client)) client.removeAllListeners('message');
  }
  if (wire !== undefined) setTimeout(() => wire.terminate(), LEAVE_WITHIN_MS).unref();
}

/**
 * Reads no more from a client before the next turn of the event loop. By itself Node reads on while there is something
 * to read, and a client that floods would hold up all others, and fill the memory with messages that are under way.
 */
export function pauseUntilNextTurn(client: object): void {
  const wire = transportSocketOf(client);
  // One that is paused already is its owner's to resume.
  if (wire === undefined || wire.isPaused) return;
  wire.pause();
  setImmediate(() => wire.resume());
}

/** None where a client of socket.io polls, or a server is of another kind. */
function transportSocketOf(client: object): TransportSocket | undefined {
  const wire = isEventClient(client) ? memberAt(client, ['conn', 'transport', 'socket']) : client;
  return typeof wire === 'object' && wire !== null && isWire(wire) ? wire : undefined;
}

function isWire(value: object): value is TransportSocket {
  return ['pause', 'resume', 'terminate'].every((method) => typeof Reflect.get(value, method) === 'function');
}

/** Calls `listener` once the client has gone; the function returned takes that back. */
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

/** As much of a text as a close frame holds, cut between characters. */
export function closeReason(text: string): string {
  const bytes = Buffer.from(text);
  let end = Math.min(bytes.length, MAX_REASON_BYTES);
  while (end < bytes.length && isContinuation(bytes[end])) end--;
  return bytes.toString('utf8', 0, end);
}

/** Whether a byte goes on with a character of UTF-8 that began before it. */
function isContinuation(byte = 0): boolean {
  return (byte & 0xc0) === 0x80;
}
