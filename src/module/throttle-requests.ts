import type { INestApplicationContext } from '@nestjs/common';
import { ThrottleConfigError } from '../core/errors.js';
import { RequestLimiter } from '../service/request-limiter.js';
import type { HttpRequest } from '../transports/call.js';

/** A middleware for Express and Fastify. */
export type RequestMiddleware = (request: HttpRequest, response: object, next: (error?: unknown) => void) => void;

/**
 * Returns a middleware that charges all requests to the module's limit `requests`. Without it, the module charges them
 * after the middleware of `main.ts`. Use it as the first middleware to also limit static files, sessions, compression
 * and the like. A request is charged once.
 *
 * @throws ThrottleConfigError if the module's options have no `requests`
 * @example
 * const app = await NestFactory.create(AppModule);
 * app.use(throttleRequests(app));
 * app.useStaticAssets('public');
 */
export function throttleRequests(app: INestApplicationContext): RequestMiddleware {
  const requests = app.get(RequestLimiter, { strict: false });
  if (!requests.isActive) {
    throw new ThrottleConfigError(
      'SLUICE_NOT_CONFIGURED',
      'throttleRequests(app): the options of ThrottleModule have no limit of requests. Add it: ThrottleModule.forRoot({ requests: "1000/min" }).',
    );
  }
  return (request, response, next) => requests.handle(request, response, next);
}
