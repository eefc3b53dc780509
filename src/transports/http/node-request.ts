import diagnostics from 'node:diagnostics_channel';
import { IncomingMessage } from 'node:http';
import { sharedState } from '../../core/copies.js';

const RESPONSE = Symbol.for('nestjs-sluice:response');
type Paired = object & { [RESPONSE]?: object };

/** Node publishes each request of its HTTP/1 servers here, with its response, before any listener of the server. */
const REQUEST_START = 'http.server.request.start';
/** Whoever subscribes first does so for all copies of this library. */
const watch = sharedState('response-watch', () => ({ watchers: 0, pair }));

/** Returns Node's request for that of a framework. It stands for a call: on Fastify, middleware and handlers see two objects. */
export function nodeRequestOf(request: object): object {
  if (request instanceof IncomingMessage) return request;
  const raw: unknown = Reflect.get(request, 'raw');
  return typeof raw === 'object' && raw !== null ? raw : request;
}

/** Returns true for a request to which no framework has given members such as `ip`. */
export function isBare(request: object): boolean {
  return Object.getPrototypeOf(request) === IncomingMessage.prototype;
}

/** Returns the response of a request: Express sets it as `res`; for other requests it is known while responses are watched. */
export function responseOf(request: object): object | undefined {
  const found: unknown = Reflect.get(request, 'res') ?? Reflect.get(nodeRequestOf(request), RESPONSE);
  return typeof found === 'object' && found !== null ? found : undefined;
}

/**
 * Notes the response of each request that a server of the process receives, until the returned function is called. A framework
 * that does not link the two, such as Fastify in middleware and in `onRequest` hooks, leaves no other way to find one.
 */
export function watchResponses(): () => void {
  if (watch.watchers++ === 0) diagnostics.subscribe(REQUEST_START, watch.pair);
  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    if (--watch.watchers === 0) diagnostics.unsubscribe(REQUEST_START, watch.pair);
  };
}

function pair(message: unknown): void {
  const { request, response } = message as { readonly request: Paired; readonly response: object }; // as Node documents it
  // As a member: a WeakMap of requests costs the garbage collector more.
  request[RESPONSE] = response;
}
