import type { HttpServer } from '@nestjs/common';
import type { SessionResolver } from '../../service/calls/session-resolver.js';
import type { HttpRequest } from '../../transports/call.js';
import type { HttpTransport } from '../../transports/http/http-transport.js';
import { watchResponses } from '../../transports/http/node-request.js';

type Next = () => void;

/** The part of a Fastify instance that takes hooks. */
interface FastifyLike {
  addHook(name: 'preHandler', hook: (request: HttpRequest, reply: object, next: Next) => void): unknown;
}

/** Watches responses if the framework does not link them to requests. Returns a function that stops it. */
export function watchUnlinkedResponses(adapter: HttpServer | undefined): () => void {
  return adapter?.getType() === 'fastify' ? watchResponses() : () => {};
}

/**
 * Makes the HTTP adapter open a session around every request, so that the service finds it anywhere. On Fastify a hook
 * just before the handler opens it, because a session that is opened earlier is lost while the body is read.
 */
export function trackRequests(
  adapter: HttpServer | undefined,
  transport: HttpTransport,
  sessions: SessionResolver,
): void {
  if (adapter === undefined || adapter === null) return; // an application context without HTTP
  const track = (request: HttpRequest, response: object, next: Next) => {
    if (sessions.isTracking) sessions.run(sessions.of(transport.openRequest(request, response)), next);
    else next();
  };
  if (adapter.getType() === 'fastify') {
    const instance: FastifyLike = adapter.getInstance();
    instance.addHook('preHandler', track);
  } else {
    adapter.use(track);
  }
}
