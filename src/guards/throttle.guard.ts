import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import type { Awaitable } from '../core/awaitable.js';
import { CallLimiter } from '../service/calls/call-limiter.js';
import { SessionResolver } from '../service/calls/session-resolver.js';

/**
 * Charges a call over HTTP before its handler runs, once however often the guard is bound. Throws a ThrottleException (429)
 * if the call is denied. Calls over other transports pass.
 *
 * The module binds it for all handlers. To run it after a guard that authenticates, bind both in that order:
 * @example
 * ThrottleModule.forRoot({ guard: false, default: '100/min' })
 * providers: [{ provide: APP_GUARD, useClass: AuthGuard }, { provide: APP_GUARD, useClass: ThrottleGuard }]
 */
@Injectable()
export class ThrottleGuard implements CanActivate {
  constructor(
    @Inject(CallLimiter) private readonly limiter: CallLimiter,
    @Inject(SessionResolver) private readonly sessions: SessionResolver,
  ) {}

  /** Returns a boolean; a promise only if the backend or a function of the configuration returns one. */
  canActivate(context: ExecutionContext): Awaitable<boolean> {
    const session = this.sessions.enter(context, 'guard');
    return session === undefined || this.limiter.admit(session);
  }
}
