import diagnostics from 'node:diagnostics_channel';
import { IncomingMessage } from 'node:http';
import { sharedState } from '../../core/copies.js';

const RESPONSE = Symbol.for('nestjs-sluice:response');
type Paired = object & { [RESPONSE]?: object };

/** Node publishes each request of its HTTP/1 servers here, with its response, before any listener of the server. */
const REQUEST_START = 'http.server.request.start';
/** The first subscriber subscribes for all copies of this library. */
const watch = sharedState('response-watch', () => ({ watchers: 0, pair }));

/**
 * Returns Node's request for that of a framework. It identifies the call: on Fastify, middleware and handlers get
 * different objects.
 */
export function nodeRequestOf(request: object): object {
  if (request instanceof IncomingMessage) return request;
  const raw: unknown = Reflect.get(request, 'raw');
  return typeof raw === 'object' && raw !== null ? raw : request;
}

/** Returns true for a request of Node without the members that frameworks add, such as `ip`. */
export function isBare(request: object): boolean {
  return Object.getPrototypeOf(request) === IncomingMessage.prototype;
}

/**
 * Returns the response of a request. Express sets it as `res`; for other requests it is known only while responses are
 * watched.
 */
export function responseOf(request: object): object | undefined {
  const found: unknown = Reflect.get(request, 'res') ?? Reflect.get(nodeRequestOf(request), RESPONSE);
  return typeof found === 'object' && found !== null ? found : undefined;
}

/**
 * Records the response of each request that a server of the process receives, until the returned function is called. It
 * is the only way to find the response if a framework does not link the two, as Fastify in middleware and `onRequest`
 * hooks.
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
  // Stored as a member: a WeakMap of requests costs the garbage collector more.
  request[RESPONSE] = response;
}
