import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import { EMPTY, Observable } from 'rxjs';
import { type Awaitable, chain } from '../core/awaitable.js';
import { SocketLimiter } from '../service/calls/socket-limiter.js';
import { ConnectionRegistry } from '../transports/sockets/connection-registry.js';

/**
 * Charges a message of a socket before its handler runs, once however often the interceptor is bound. When it is too
 * much, the handler does not run, and the client is sent the `rate_limit` message. Calls over other transports pass.
 *
 * The module binds it for all gateways: there is nothing to do.
 */
@Injectable()
export class ThrottleInterceptor implements NestInterceptor {
  constructor(
    @Inject(SocketLimiter) private readonly gate: SocketLimiter,
    @Inject(ConnectionRegistry) private readonly connections: ConnectionRegistry,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Awaitable<Observable<unknown>> {
    if (context.getType() !== 'ws' || !this.connections.owns(context.switchToWs().getClient<object>())) {
      return next.handle();
    }
    return chain(this.gate.enter(context), (goesOn) => (goesOn ? this.#within(context, next) : EMPTY));
  }

  /** What the handler comes to, within the call also where that is worked out when somebody listens. */
  #within(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return new Observable((listener) => {
      let isAnswered = false;
      const answers = {
        next: (answer: unknown) => {
          isAnswered ||= answer !== undefined && answer !== null;
          listener.next(answer);
        },
        error: (error: unknown) => listener.error(error),
        complete: () => {
          if (!isAnswered) this.gate.acknowledge(context);
          listener.complete();
        },
      };
      return this.gate.within(context, () => next.handle().subscribe(answers));
    });
  }
}
