import type { HttpServer } from '@nestjs/common';
import type { SessionStore } from '../../service/calls/session-store.js';
import type { HttpRequest } from '../../transports/call.js';

type Next = () => void;

/** The part of a Fastify instance that takes hooks. */
interface FastifyLike {
  addHook(name: 'preHandler', hook: (request: HttpRequest, reply: object, next: Next) => void): unknown;
}

/**
 * Has the HTTP adapter open a call around every request, so that the service finds it wherever it is used.
 * Fastify does it in a hook right before the handler: what is opened earlier is lost while the body is read.
 */
export function openCalls(adapter: HttpServer | undefined, calls: SessionStore): void {
  if (adapter === undefined || adapter === null) return; // an application context without HTTP
  const open = (request: HttpRequest, response: object, next: Next) => calls.open(request, response, next);
  if (adapter.getType() === 'fastify') {
    const instance: FastifyLike = adapter.getInstance();
    instance.addHook('preHandler', open);
  } else {
    adapter.use(open);
  }
}
