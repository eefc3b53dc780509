import type { ResponseEnd } from '../responder.js';

/** The part of Node's response that tells how it ends; Fastify's reply holds it as `raw`. */
interface NodeResponse {
  readonly statusCode: number;
  readonly headersSent: boolean;
  readonly closed: boolean;
  readonly writableEnded: boolean;
  readonly writableFinished: boolean;
  once(event: 'close' | 'finish', listener: () => void): unknown;
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
  // The event, because `writableFinished` is false under `app.inject()`. HTTP/2 emits it for a stream that was reset, too: such a
  // response has not been ended.
  let isFinished = node.writableFinished;
  const finish = () => {
    isFinished = true;
  };
  node.once('finish', finish);
  const stop = onResponseClose(response, () => {
    const { headersSent, statusCode, writableEnded } = node;
    listener({ status: headersSent ? statusCode : undefined, isComplete: isFinished && writableEnded });
  });
  return () => {
    node.off('finish', finish);
    stop();
  };
}
