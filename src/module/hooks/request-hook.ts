import type { HttpServer } from '@nestjs/common';
import type { RequestLimiter } from '../../service/request-limiter.js';
import type { HttpRequest } from '../../transports/call.js';

type Handle = RequestLimiter['handle'];

/** The part of a Fastify instance that takes hooks. */
interface FastifyLike {
  addHook(name: 'onRequest', hook: Handle): unknown;
}

/** Makes the HTTP adapter charge every request, before routing on Express, and on Fastify before the body is read. */
export function limitRequests(adapter: HttpServer | undefined, requests: RequestLimiter): void {
  if (adapter === undefined || adapter === null || !requests.isActive) return;
  const handle = (request: HttpRequest, response: object, next: (error?: unknown) => void) =>
    requests.handle(request, response, next);
  if (adapter.getType() !== 'fastify') {
    adapter.use(handle);
    return;
  }
  const instance: FastifyLike = adapter.getInstance();
  instance.addHook('onRequest', handle);
}
