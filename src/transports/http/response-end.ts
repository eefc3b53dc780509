import type { ResponseEnd } from '../responder.js';

/** The part of Node's response that tells how it ends; Fastify's reply holds it as `raw`. */
interface NodeResponse {
  readonly statusCode: number;
  readonly headersSent: boolean;
  readonly closed: boolean;
  readonly writableEnded: boolean;
  readonly writableFinished: boolean;
  readonly socket?: { readonly destroyed: boolean } | null;
  once(event: 'close', listener: () => void): unknown;
  prependOnceListener(event: 'finish', listener: () => void): unknown;
  off(event: 'close' | 'finish', listener: () => void): unknown;
}

function nodeResponseOf(response: object): NodeResponse {
  return Reflect.get(response, 'raw') ?? response;
}

/** Calls `listener` once the response has ended or its client has gone. Returns a function that removes the listener. */
export function onResponseClose(response: object, listener: () => void): () => void {
  const node = nodeResponseOf(response);
  if (node.closed) listener();
  else node.once('close', listener);
  return () => node.off('close', listener);
}

/** Calls `listener` once the response has closed, with how it ended. Returns a function that removes the listener. */
export function onResponseEnd(response: object, listener: (end: ResponseEnd) => void): () => void {
  const node = nodeResponseOf(response);
  // The event, because `writableFinished` is false under `app.inject()`. Node emits it, too, when a socket is destroyed that has not
  // taken all of the response, and over HTTP/2 for a stream that was reset: such a response need not have been ended.
  let isFinished = node.writableFinished;
  const finish = () => {
    isFinished = node.socket?.destroyed !== true;
  };
  // Before Node's own listener, which detaches the socket.
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
