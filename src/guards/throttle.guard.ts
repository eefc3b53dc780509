import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import type { Awaitable } from '../core/awaitable.js';
import { CallLimiter } from '../service/calls/call-limiter.js';

/**
 * Charges a call over HTTP before its handler runs, once however often the guard is bound; throws a ThrottleException
 * (429) when it is too much. Calls over other transports pass.
 *
 * The module binds it for all handlers. To have it run behind a guard that authenticates, bind both in that order:
 * @example
 * ThrottleModule.forRoot({ guard: false, default: '100/min' })
 * providers: [{ provide: APP_GUARD, useClass: AuthGuard }, { provide: APP_GUARD, useClass: ThrottleGuard }]
 */
@Injectable()
export class ThrottleGuard implements CanActivate {
  constructor(@Inject(CallLimiter) private readonly limiter: CallLimiter) {}

  /** A boolean, and a promise only where the backend or a function of the configuration makes one. */
  canActivate(context: ExecutionContext): Awaitable<boolean> {
    return context.getType() === 'http' ? this.limiter.enter(context) : true;
  }
}
