import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import { EMPTY, type Observable } from 'rxjs';
import { type Awaitable, chain } from '../core/awaitable.js';
import { openCall } from '../service/call-state.js';
import { Connections } from '../service/connections.js';
import { SocketGate } from '../service/socket-gate.js';

/**
 * Charges a message of a socket before its handler runs, once however often the interceptor is bound. When it is too
 * much, the handler does not run, and the client is sent the `rate_limit` message. Calls over other transports pass.
 *
 * The module binds it for all gateways: there is nothing to do.
 */
@Injectable()
export class ThrottleInterceptor implements NestInterceptor {
  constructor(
    @Inject(SocketGate) private readonly gate: SocketGate,
    @Inject(Connections) private readonly connections: Connections,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Awaitable<Observable<unknown>> {
    if (context.getType() !== 'ws' || !this.connections.owns(context.switchToWs().getClient<object>())) {
      return next.handle();
    }
    return chain(this.gate.enter(context), (goesOn) =>
      goesOn ? openCall(context.getArgs(), () => next.handle()) : EMPTY,
    );
  }
}
