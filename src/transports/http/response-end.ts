import { Socket } from 'node:net';
import { sharedState } from '../../core/copies.js';
import type { ResponseEnd } from '../responder.js';

/** The part of Node's response that shows how it ended; Fastify's reply has it as `raw`. */
interface NodeResponse {
  readonly statusCode: number;
  readonly headersSent: boolean;
  readonly closed: boolean;
  readonly writableEnded: boolean;
  readonly writableFinished: boolean;
  /** Null while earlier responses of the connection are pending, and after the response has been sent. */
  readonly socket?: { readonly destroyed: boolean } | null;
  readonly req?: { readonly socket?: Socket | null };
  once(event: 'close', listener: () => void): unknown;
  prependOnceListener(event: 'finish', listener: () => void): unknown;
  off(event: 'close' | 'finish', listener: () => void): unknown;
}

function nodeResponseOf(response: object): NodeResponse {
  return Reflect.get(response, 'raw') ?? response;
}

/**
 * Calls `listener` once the response has ended or its client has gone. Returns a function that removes the listener.
 */
export function onResponseClose(response: object, listener: () => void): () => void {
  const node = nodeResponseOf(response);
  const socket = node.socket === null ? node.req?.socket : undefined;
  if (node.closed || socket?.destroyed === true) {
    listener();
    return () => {};
  }
  if (!(socket instanceof Socket)) {
    node.once('close', listener);
    return () => node.off('close', listener);
  }
  // Node emits no `close` for a response that is still waiting for earlier ones when its connection closes.
  const close = () => {
    stop();
    listener();
  };
  const waiting = waitingOn(socket).add(close);
  const stop = () => {
    node.off('close', close);
    waiting.delete(close);
  };
  node.once('close', close);
  return stop;
}

const waitingBySocket = sharedState('waiting-responses', () => new WeakMap<Socket, Set<() => void>>());

/** Returns the functions to call when a connection closes. One listener serves all requests that a client pipelines. */
function waitingOn(socket: Socket): Set<() => void> {
  const known = waitingBySocket.get(socket);
  if (known !== undefined) return known;
  const waiting = new Set<() => void>();
  waitingBySocket.set(socket, waiting);
  socket.once('close', () => {
    for (const close of waiting) close();
  });
  return waiting;
}

/** Calls `listener` once the response has closed, with how it ended. Returns a function that removes the listener. */
export function onResponseEnd(response: object, listener: (end: ResponseEnd) => void): () => void {
  const node = nodeResponseOf(response);
  // Listens for the event, because `writableFinished` is false under `app.inject()`. Node also emits it when a socket
  // is destroyed before it has taken all of the response, and over HTTP/2 for a stream that was reset: such a response
  // may be incomplete.
  let isFinished = node.writableFinished;
  const finish = () => {
    isFinished = node.socket?.destroyed !== true;
  };
  // Runs before Node's own listener, which detaches the socket.
  node.prependOnceListener('finish', finish);
  const stop = onResponseClose(response, () => {
    const { headersSent, statusCode, writableEnded } = node;
    listener({ status: headersSent ? statusCode : undefined, isComplete: isFinished && writableEnded });
  });
  return () => {
    node.off('finish', finish);
    stop();
  };
}
